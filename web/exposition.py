"""The text format of Prometheus, version 0.0.4.

Written here because the client library takes ten times as long, which counts with 1,000 tasks; a test reads it with the
library's parser. https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate

from jobs.histograms import BOUNDS, Histogram

Labels = Sequence[str]

_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
_BOUNDS = [*(f"{bound:g}" for bound in BOUNDS), "+Inf"]


def gauge(name: str, about: str, value: float) -> Iterator[str]:
    """A number that goes up and down."""
    yield from _head(name, "gauge", about)
    yield f"{name} {_number(value)}"


def gauges(name: str, about: str, labels: Labels, samples: Iterable[tuple[Labels, float]]) -> Iterator[str]:
    """One number for each combination of labels."""
    yield from _head(name, "gauge", about)
    yield from _samples(name, labels, samples)


def counters(name: str, about: str, labels: Labels, samples: Iterable[tuple[Labels, float]]) -> Iterator[str]:
    """Numbers that only grow; the name ends in _total."""
    yield from _head(name, "counter", about)
    yield from _samples(name, labels, samples)


def histograms(name: str, about: str, label: str, found: Mapping[str, Histogram]) -> Iterator[str]:
    """Durations by one label, in cumulative buckets."""
    yield from _head(name, "histogram", about)
    for value, histogram in found.items():
        own = f'{label}="{_escaped(value)}"'
        for bound, count in zip(_BOUNDS, accumulate(histogram.counts), strict=True):
            yield f'{name}_bucket{{{own},le="{bound}"}} {count}'
        yield f"{name}_count{{{own}}} {histogram.count}"
        yield f"{name}_sum{{{own}}} {_number(histogram.total_seconds)}"


def _head(name: str, kind: str, about: str) -> Iterator[str]:
    yield f"# HELP {name} {about}"
    yield f"# TYPE {name} {kind}"


def _samples(name: str, labels: Labels, samples: Iterable[tuple[Labels, float]]) -> Iterator[str]:
    pattern = name + "{{" + ",".join(f'{label}="{{}}"' for label in labels) + "}} {}"
    escaped: dict[str, str] = {}
    for values, number in samples:
        texts = [escaped.get(value) or escaped.setdefault(value, _escaped(value)) for value in values]
        yield pattern.format(*texts, _number(number))


def _escaped(value: str) -> str:
    return value.translate(_ESCAPES)


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else repr(float(value))
