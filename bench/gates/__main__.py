"""Prove the promises of docs/reliability.md at full size; ends with code 1 when one of them does not hold.

python -m bench.gates                       # all, some minutes
python -m bench.gates storm hung            # some
python -m bench.gates --share 0.1           # all, with a tenth of the jobs
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from dataclasses import asdict

from bench import harness
from bench.gates.findings import Finding, print_findings

GATES = ("storm", "corrupt", "same_key", "lost_replies", "hung")


def main() -> int:
    """Run each gate in a process of its own, because settings are read once, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gates", nargs="*", choices=[*GATES, []], help=f"of {', '.join(GATES)}; all by default")
    parser.add_argument("--share", type=float, default=1.0, help="of the jobs of the full size")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps([asdict(found) for found in measure(given.one, given.share)]))
        return 0
    print("| gate | measure | found | wanted | holds |\n|---|---|---|---|---|", flush=True)
    found = [finding for gate in given.gates or GATES for finding in _one(gate, given.share)]
    return 0 if all(finding.holds for finding in found) else 1


def measure(name: str, share: float) -> list[Finding]:
    """One gate."""
    gate = importlib.import_module(f"bench.gates.{name}")
    findings: list[Finding] = gate.run(round(gate.FULL * share))
    return findings


def _one(name: str, share: float) -> list[Finding]:
    told = json.loads(harness.in_process("bench.gates", "--one", name, "--share", share))
    findings = [Finding(**fields) for fields in told]
    print_findings(name, findings)
    return findings


if __name__ == "__main__":
    sys.exit(main())
