"""What we ship of others is what they published."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from web.dashboard.assets import FOLDER

MANIFESTS = [FOLDER / "vendor" / "manifest.json", Path(__file__).parent / "vendor" / "manifest.json"]


@pytest.mark.parametrize("manifest", MANIFESTS, ids=["web", "tests"])
def test_every_vendored_file_has_the_checksum_of_its_manifest(manifest: Path) -> None:
    libraries = json.loads(manifest.read_text())
    listed = {name: digest for library in libraries.values() for name, digest in library["files"].items()}
    assert {name: hashlib.sha256((manifest.parent / name).read_bytes()).hexdigest() for name in listed} == listed
    assert all(library["version"] and library["licence"] and library["source"] for library in libraries.values())


@pytest.mark.parametrize("manifest", MANIFESTS, ids=["web", "tests"])
def test_nothing_is_vendored_that_the_manifest_does_not_list(manifest: Path) -> None:
    listed = {name for library in json.loads(manifest.read_text()).values() for name in library["files"]}
    present = {path.name for path in manifest.parent.iterdir() if path.suffix not in {".json", ".LICENSE"}}
    assert present == listed
