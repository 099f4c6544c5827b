"""The charts of the first page: for each its lines, its table and a sentence that says what it shows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from jobs.stats import Histogram, Point

from .formats import span, thousands
from .trends import Trend

_BAD = ("failed", "crashed", "discarded", "quarantined")
_AGAIN = ("retrying", "interrupted", "snoozed")
_WIDTH, _HEIGHT = 100, 24

Value = float | None


@dataclass(frozen=True, slots=True)
class Line:
    """One line or row of bars; `tone` names a colour of the style sheet, `look` is bars, line or thin."""

    label: str
    tone: str
    look: str
    values: Sequence[Value]


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart; `unit` is jobs or seconds, `said` its accessible name; `empty` what to say when there is nothing."""

    key: str
    title: str
    unit: str
    said: str
    empty: str
    lines: Sequence[Line]
    trend: Trend

    @property
    def has_values(self) -> bool:
        """Whether there is anything to draw."""
        return any(value for line in self.lines for value in line.values)

    @property
    def data(self) -> str:
        """What the script on the page draws."""
        trend = self.trend
        lines = [
            {"label": line.label, "tone": line.tone, "look": line.look, "values": [_short(v) for v in line.values]}
            for line in self.lines
        ]
        marks = [{"at": deploy.at.timestamp(), "release": deploy.release[:20]} for deploy in trend.deploys]
        start, step = trend.points[0].at.timestamp(), trend.range.step.total_seconds()
        return json.dumps({"start": start, "step": step, "unit": self.unit, "lines": lines, "marks": marks})

    def rows(self) -> Iterable[tuple[datetime, list[str], str]]:
        """The table, the present first, without steps in which nothing happened: instant, cells, release started."""
        show = thousands if self.unit == "jobs" else span
        for at, point in reversed(list(enumerate(self.trend.points))):
            values = [line.values[at] for line in self.lines]
            released = ", ".join(d.release for d in self.trend.deploys if self._is_in(d.at, point))
            if any(values) or released:
                yield point.at, ["-" if value is None else show(value) for value in values], released

    def _is_in(self, at: datetime, point: Point) -> bool:
        return point.at <= at < point.at + self.trend.range.step


def charts(trend: Trend) -> list[Chart]:
    """Throughput, latency and failures."""
    return [_throughput(trend), _latency(trend), _failures(trend)]


def spark(values: Sequence[Value]) -> str:
    """The path of a small line without axes, in a box of 100 by 24; empty when nothing happened."""
    most = max((value or 0 for value in values), default=0)
    if not most:
        return ""
    across = _WIDTH / (len(values) - 1)
    places = (
        f"{at * across:.4g} {_HEIGHT - 1 - (value or 0) / most * (_HEIGHT - 2):.4g}" for at, value in enumerate(values)
    )
    return "M" + "L".join(places)


def sparks(hour: Trend) -> dict[str, str]:
    """One for each tile of the first page."""
    return {
        "waiting": spark(hour.arrivals),
        "running": spark([_ended(point) for point in hour.points]),
        "failed": spark([_sum(point, _BAD) for point in hour.points]),
        "wait": spark([point.wait.quantile(0.95) for point in hour.points]),
    }


def _throughput(trend: Trend) -> Chart:
    finished = [point.outcomes["finished"] for point in trend.points]
    lines = [Line("finished", "accent", "bars", finished)]
    if trend.arrivals:
        lines.append(Line("enqueued", "muted", "line", trend.arrivals))
    said = (
        f"{thousands(sum(finished))} jobs finished in {trend.range.words}, at most {thousands(max(finished))} in a step"
    )
    return Chart("throughput", "Throughput", "jobs", said, "No job has finished", lines, trend)


def _latency(trend: Trend) -> Chart:
    lines = [
        Line("run p95", "run", "line", _quantiles(trend, lambda point: point.run, 0.95)),
        Line("run p50", "run", "thin", _quantiles(trend, lambda point: point.run, 0.5)),
        Line("wait p95", "warn", "line", _quantiles(trend, lambda point: point.wait, 0.95)),
        Line("wait p50", "warn", "thin", _quantiles(trend, lambda point: point.wait, 0.5)),
    ]
    run, wait = (max((value for value in line.values if value), default=0) for line in (lines[0], lines[2]))
    said = f"95 of 100 attempts ran at most {span(run)} and waited at most {span(wait)} in {trend.range.words}"
    return Chart("latency", "Latency", "seconds", said, "No attempt has ended", lines, trend)


def _failures(trend: Trend) -> Chart:
    bad, again = ([_sum(point, kinds) for point in trend.points] for kinds in (_BAD, _AGAIN))
    lines = [Line("dead letters", "bad", "bars", bad), Line("to be tried again", "warn", "line", again)]
    said = (
        f"{thousands(sum(bad))} jobs failed and {thousands(sum(again))} attempts are tried again in {trend.range.words}"
    )
    return Chart("failures", "Failures", "jobs", said, "Nothing has failed", lines, trend)


def _quantiles(trend: Trend, of: Callable[[Point], Histogram], share: float) -> list[Value]:
    return [of(point).quantile(share) for point in trend.points]


def _sum(point: Point, kinds: Iterable[str]) -> int:
    return sum(point.outcomes[kind] for kind in kinds)


def _ended(point: Point) -> int:
    return sum(point.outcomes.values())


def _short(value: Value) -> Value:
    return round(value, 4) if isinstance(value, float) else value
