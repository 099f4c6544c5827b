"""The options of bin/dev; read before there is a .venv, hence argparse."""

import argparse
import os

_DESCRIPTION = """\
Runs Nightshift on this machine: Redis, web, worker and clock.

The first start makes .venv from the pinned requirements. Ctrl-C stops everything; the data stays in .data/.
"""

_EPILOG = """\
environment:
  PORT             the port, unless --port is given
  REDIS_URL        a Redis or Valkey of your own, instead of the embedded one
  ADMIN_PASSWORD, API_TOKEN, SECRET_KEY
                   instead of the generated ones in .data/secrets.json
  and every other setting; a file named .env (NAME=value lines) is read too

The facts of a running instance are in .data/dev.json: url, admin_password, api_token, redis_url.
"""


def dev_options(arguments: list[str]) -> argparse.Namespace:
    """Parse the arguments of bin/dev: `port` (int) and `demo` (bool)."""
    parser = argparse.ArgumentParser(
        prog="bin/dev", description=_DESCRIPTION, epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    port = os.environ.get("PORT", "8000")
    parser.add_argument("--port", type=_port, metavar="N", default=port, help="listen on this port (8000)")
    parser.add_argument("--demo", action="store_true", help="enqueue jobs on the files in samples/ when all is ready")
    return parser.parse_args(arguments)


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: give a number from 1 to 65535")
    return int(text)
