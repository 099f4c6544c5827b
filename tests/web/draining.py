"""An app for the test of after_response: one route asks for slow work, which leaves a file when it is done."""

import os
import time
from pathlib import Path

from web import create_app
from web.access import public
from web.after import after_response

app = create_app()


def work(number: int) -> None:
    """Take a while, then leave a file."""
    time.sleep(0.3)
    Path(os.environ["DATA_DIR"], f"done-{number}").touch()


@public
def ask() -> str:
    """Ask for six pieces of work."""
    for number in range(6):
        after_response(work, number)
    return "asked"


app.add_url_rule("/ask", "ask", ask)
