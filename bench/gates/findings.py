"""What a gate found, next to what was promised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One measure; `wanted` says in words what it has to be."""

    what: str
    value: float
    wanted: str
    holds: bool


def exactly(what: str, value: float, wanted: float) -> Finding:
    """A number that must be this one."""
    return Finding(what, value, f"{wanted:g}", value == wanted)


def at_most(what: str, value: float, most: float) -> Finding:
    """A number that must not be larger."""
    return Finding(what, value, f"at most {most:g}", value <= most)


def below(what: str, value: float, limit: float) -> Finding:
    """A number that must be smaller."""
    return Finding(what, value, f"below {limit:g}", value < limit)


def print_findings(gate: str, findings: Sequence[Finding]) -> None:
    """Rows of a Markdown table."""
    for found in findings:
        verdict = "yes" if found.holds else "**NO**"
        print(f"| {gate} | {found.what} | {found.value:,.6g} | {found.wanted} | {verdict} |", flush=True)
