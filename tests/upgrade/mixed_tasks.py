"""Tasks that both releases know: `python -m worker --tasks mixed_tasks`, with this folder on the path."""

from pathlib import Path
from typing import Any

from jobs import Discard, Retry, RetryLater, current_job, task


@task(name="mixed.add")
def add(a: int, b: int) -> int:
    return a + b


@task(name="mixed.note", retry=Retry(max=9, base=0.05, cap=0.5))
def note(path: str, text: str, fail: bool = False) -> str:
    """Append a line; with `fail` the first attempt fails."""
    if fail and current_job().attempt == 1:
        raise ValueError("the first attempt fails")
    with Path(path).open("a") as lines:
        lines.write(text + "\n")
    return text


@task(name="mixed.report")
def report() -> dict[str, Any]:
    """Progress, log and artifact."""
    current_job().progress(1, 2, "half")
    current_job().log("a line", colour="red")
    current_job().artifact("result.txt", b"bytes of the artifact", "text/plain")
    return {"lines": 1}


@task(name="mixed.resume")
def resume(again_in: float) -> list[int]:
    """Saves a checkpoint and asks for another attempt."""
    if current_job().state:
        return [*current_job().state, 2]
    current_job().checkpoint([1])
    raise RetryLater(again_in, "not yet")


@task(name="mixed.discard")
def discard() -> None:
    raise Discard("not worth it")
