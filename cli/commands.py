"""What every command has: --json, an example in its help, errors in one sentence; and commands loaded when needed."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import click
from click.shell_completion import CompletionItem

from jobs.errors import NightshiftError, SettingsError

_AS_JSON = "nightshift.json"
_HINT = "\nbin/dev does not run here: start it, or say which server is meant: REDIS_URL=rediss://… bin/jobs …"
_ALIASES = {"list": "ls", "rm": "delete"}


class Command(click.Command):
    """A command with --json and, in its help, the examples it is given."""

    def __init__(self, *args: Any, examples: Sequence[str] = (), **options: Any) -> None:
        super().__init__(*args, **options)
        self.examples = tuple(examples)
        self.params.append(_json_option())

    def invoke(self, ctx: click.Context) -> Any:
        """Run it; what went wrong is told in one sentence."""
        with told_plainly():
            return super().invoke(ctx)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Examples come after the options."""
        if self.examples:
            with formatter.section("Examples" if len(self.examples) > 1 else "Example"):
                formatter.write("".join(f"  bin/jobs {line}\n" for line in self.examples))
        super().format_epilog(ctx, formatter)


class Group(click.Group):
    """Commands of one kind."""

    command_class = Command
    group_class = type

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """`list` is `ls` and `rm` is `delete`, for the fingers of those who know other tools."""
        return super().get_command(ctx, cmd_name) or super().get_command(ctx, _ALIASES.get(cmd_name, cmd_name))


class Index(click.Group):
    """Commands by section, each `name: (module:attribute, short help)`; a module is imported when its command is used.

    Help and completion stay quick that way, and `check` can tell what is wrong with tasks that cannot be imported.
    """

    def __init__(self, *args: Any, sections: Mapping[str, Mapping[str, tuple[str, str]]], **options: Any) -> None:
        super().__init__(*args, **options)
        self._sections = sections
        self._places = {name: entry[0] for section in sections.values() for name, entry in section.items()}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names in the order of the help."""
        return list(self._places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, or None; raises ClickException when the user's own code cannot be imported."""
        if cmd_name not in self._places:
            return None
        module, _, attribute = self._places[cmd_name].partition(":")
        command: click.Command = getattr(_imported(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The short helps of the table."""
        for title, section in self._sections.items():
            with formatter.section(title):
                formatter.write_dl([(name, words) for name, (_, words) in section.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Names and their short helps, without importing them."""
        entries = [entry for section in self._sections.values() for entry in section.items()]
        return [CompletionItem(name, help=words) for name, (_, words) in entries if name.startswith(incomplete)]


def as_json() -> bool:
    """Whether the running command was asked for JSON."""
    return bool(click.get_current_context().meta.get(_AS_JSON))


@contextmanager
def told_plainly() -> Iterator[None]:
    """Our own errors as click's: one sentence, exit code 1."""
    try:
        yield
    except SettingsError as error:
        raise click.ClickException(f"{error}{_HINT if 'REDIS_URL: must be set' in str(error) else ''}") from None
    except NightshiftError as error:
        raise click.ClickException(str(error)) from None


def _json_option() -> click.Option:
    def keep(ctx: click.Context, _: click.Parameter, value: bool) -> None:
        ctx.meta[_AS_JSON] = value

    words = "Print JSON, for programs."
    return click.Option(["--json"], is_flag=True, expose_value=False, callback=keep, help=words)


def _imported(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except NightshiftError as error:
        raise click.ClickException(str(error)) from error
    except Exception as error:  # whatever a user's module may raise while it is being imported
        said = f"the tasks cannot be imported: {type(error).__name__}: {error}; bin/jobs check says more"
        raise click.ClickException(said) from error
