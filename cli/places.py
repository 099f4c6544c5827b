"""Files that an operator names: relative to where bin/jobs was called, not to the project's folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO, Any

import click


def here(name: str) -> Path:
    """The file that is meant; `~` is the home folder."""
    return Path(os.environ.get("NIGHTSHIFT_FROM", ""), Path(name).expanduser())


class File(click.File):
    """A file to read or write; - is stdin or stdout."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> IO[Any]:
        """Open it; a usage error when that fails."""
        meant = str(here(value)) if isinstance(value, str) and value != "-" else value
        return super().convert(meant, param, ctx)


class Folder(click.ParamType[Path]):
    """A folder, which need not exist."""

    name = "folder"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """As the help shows it."""
        return "FOLDER"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """A usage error when there is a file by that name."""
        folder = here(str(value))
        if folder.exists() and not folder.is_dir():
            self.fail(f"{value!r} is not a folder", param, ctx)
        return folder
