"""A chart of horizontal bars, drawn straight onto the page: names on the left, values at the ends."""

from collections.abc import Sequence

from reportlab.lib.colors import HexColor
from reportlab.platypus import Flowable

from ._letters import REGULAR, fitted, width_of

_PITCH, _THICKNESS, _SIZE, _GAP = 17.5, 11.5, 8.5, 6.0
_BAR, _INK, _AXIS = HexColor("#2F4B7C"), HexColor("#1F2937"), HexColor("#C7CDD8")


class Bars(Flowable):
    """One bar for each (name, value, label); negative values go to the left of the axis."""

    def __init__(self, bars: Sequence[tuple[str, float, str]], width: float) -> None:
        super().__init__()
        self._bars = bars
        self.width, self.height = width, _PITCH * len(bars)
        self._names = min(width * 0.32, max(width_of(name, REGULAR, _SIZE) for name, _, _ in bars) + 2)
        self._labels = max(width_of(label, REGULAR, _SIZE) for _, _, label in bars) + _GAP

    def wrap(self, *available: float) -> tuple[float, float]:
        """The room it takes."""
        return self.width, self.height

    def draw(self) -> None:
        """Draw axis, bars and words; the origin is the lower left corner."""
        low = min(0.0, *(value for _, value, _ in self._bars))
        high = max(0.0, *(value for _, value, _ in self._bars))
        left = self._names + _GAP + (self._labels if low < 0 else 0)
        scale = (self.width - left - self._labels) / ((high - low) or 1.0)
        zero = left - low * scale
        for i, (name, value, label) in enumerate(self._bars):
            self._bar(self.height - _PITCH * (i + 1), name, value * scale, label, zero)
        self.canv.setStrokeColor(_AXIS)
        self.canv.setLineWidth(0.75)
        self.canv.line(zero, 0, zero, self.height)

    def _bar(self, y: float, name: str, length: float, label: str, zero: float) -> None:
        canvas, base = self.canv, y + (_PITCH - _SIZE) / 2 + 1
        canvas.setFillColor(_BAR)
        canvas.rect(min(zero, zero + length), y + (_PITCH - _THICKNESS) / 2, abs(length), _THICKNESS, stroke=0, fill=1)
        canvas.setFillColor(_INK)
        canvas.setFont(REGULAR, _SIZE)
        canvas.drawRightString(self._names, base, fitted(name, REGULAR, _SIZE, self._names))
        if length < 0:
            canvas.drawRightString(zero + length - _GAP + 2, base, label)
        else:
            canvas.drawString(zero + length + _GAP - 2, base, label)
