"""Tracebacks for reading: the frames of the user's own code first, the innermost on top, each with its source line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent

import jobs

_HEADER = re.compile(r"(Exception Group )?Traceback \(most recent call last\):")
_FRAME = re.compile(r'  File "([^"]+)", line (\d+)(?:, in (.+))?')  # that of a SyntaxError has no name
_MARGIN = re.compile(r"^ {2,}[|+] ?")  # before every line of an exception group
_MEMBER = re.compile(r" +\+[-+]+ \S+ -+")
_END_OF_GROUP = re.compile(r" +\+-+")
_FOREIGN = ("site-packages/", "dist-packages/", "/lib/python")
_OURS = tuple(f"{Path(jobs.__file__).parents[1] / room}/" for room in ("jobs", "worker"))
_LINKS = {
    "The above exception was the direct cause of the following exception:": "caused by",
    "During handling of the above exception, another exception occurred:": "while handling",
}


@dataclass(slots=True)
class Frame:
    """A line that was being run; `source` is what stands there, `name` the function."""

    file: str
    line: int
    name: str
    source: list[str] = field(default_factory=list)

    @property
    def own(self) -> bool:
        """Whether it is the user's code: no library, nothing of Nightshift, no text that was compiled."""
        return not (self.file.startswith(("<", *_OURS)) or any(part in self.file for part in _FOREIGN))

    @property
    def place(self) -> str:
        """File, line and function; of the folders only the last."""
        return f"{'/'.join(self.file.split('/')[-2:])}:{self.line}" + (f" in {self.name}" if self.name else "")

    @property
    def code(self) -> str:
        """The source line, with the marks that Python sets below it."""
        return dedent("\n".join(self.source)).rstrip()


@dataclass(slots=True, eq=False)
class Raised:
    """One exception: its frames, the innermost first, and what it says; `link` is what it is to the one before."""

    link: str = ""
    frames: list[Frame] = field(default_factory=list)
    text: list[str] = field(default_factory=list)

    @property
    def says(self) -> str:
        """The exception's own lines: class, message and notes."""
        return "\n".join(self.text).strip()


def own_frames(traceback: str) -> list[Raised]:
    """The exceptions of a traceback with frames of the user's own code, and only those frames.

    The one that ended the attempt comes first, then what caused it. Empty for a text that is no traceback.
    """
    found = [Raised(each.link, [one for one in each.frames if one.own][::-1], each.text) for each in _parse(traceback)]
    return [each for each in found if each.frames]


def origin(traceback: str) -> str:
    """The innermost line of the user's own code in the exception that ended the attempt."""
    found = own_frames(traceback)
    return found[0].frames[0].place if found else ""


def _parse(traceback: str) -> list[Raised]:
    """Every exception, each before its cause; as a long traceback has lost its beginning, the first needs no header."""
    now, in_frames = Raised(), True
    found = [now]
    for number, line in enumerate(_lines(traceback)):
        if line in _LINKS:
            now = _caused(found, now, _LINKS[line])
        elif _MEMBER.fullmatch(line):
            found.append(now := Raised("in the group"))
        elif _HEADER.fullmatch(line):
            now, in_frames = _caused(found, now) if now.frames or now.says else now, True
        elif in_frames and (line.startswith("  ") or number == 0):
            _note(now, line)
        else:
            in_frames = False
            now.text.append(line)
    return found


def _lines(traceback: str) -> Iterator[str]:
    """Without the margin of groups, and without the line that ends one."""
    grouped = "+ Exception Group Traceback (most" in traceback
    for line in traceback.splitlines():
        if not grouped or _MEMBER.fullmatch(line):
            yield line
        elif not _END_OF_GROUP.fullmatch(line):
            yield _MARGIN.sub("", line, count=1)


def _caused(found: list[Raised], cause: Raised, link: str = "") -> Raised:
    """The exception that followed: it takes the place of its cause, which comes after it."""
    begun, cause.link = Raised(cause.link), link
    found.insert(found.index(cause), begun)
    return begun


def _note(raised: Raised, line: str) -> None:
    if frame := _FRAME.fullmatch(line):
        raised.frames.append(Frame(frame[1], int(frame[2]), frame[3] or ""))
    elif raised.frames:
        raised.frames[-1].source.append(f"    {line.strip()}" if line.startswith("  [") else line)
