#!/bin/sh
# Finds a Python that is new enough and hands over to cli/bootstrap.py. The one of .venv comes first, so that a newer
# Python on PATH does not cause a new set-up.
cd "$(dirname "$0")/.." || exit 1
NIGHTSHIFT_PARENT=$PPID # bin/dev stops when whoever started it is gone
export NIGHTSHIFT_PARENT
for python in .venv/bin/python python3.14 python3.13 python3.12 python3.11 python3 python; do
    if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        exec "$python" -m cli.bootstrap "$@"
    fi
done
found=$(python3 --version 2>/dev/null || echo "no python3")
echo "Nightshift needs Python 3.11 or newer, but PATH has $found: install one from https://www.python.org/downloads/" >&2
exit 1
