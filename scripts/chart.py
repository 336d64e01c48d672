"""Charts as SVG, readable on light and dark pages."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Final

COLOURS: Final = ("#9a9a9a", "#e4572e", "#4c78a8", "#72b7b2", "#c9b458", "#f2a65a")
_WIDTH: Final = 900
_BAR: Final = 9


def bars(title: str, groups: Mapping[str, Mapping[str, float]], limit: float = 3.0) -> str:
    """A group of horizontal bars for each work, a bar for each contender; those beyond `limit` are cut."""
    names = list(next(iter(groups.values())))
    colours = COLOURS if len(names) > 1 else COLOURS[1:]
    edge = 30 + max(map(len, groups)) * 7
    height: float = 70 + len(groups) * (len(names) * _BAR + 12)
    scale = (_WIDTH - edge - 50) / limit
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{_WIDTH}" height="{height}" fill="#fff"/>',
        _text(10, 22, title, size=16),
    ]
    for number, name in enumerate(names):
        left = 10 + number * 147
        parts.append(f'<rect x="{left}" y="34" width="10" height="10" fill="{colours[number]}"/>')
        parts.append(_text(left + 14, 43, name))
    top: float = 60
    for step in range(1, int(limit * 2) + 1):
        x = edge + step / 2 * scale
        colour = "#333" if step == 2 else "#ddd"
        parts.append(f'<path d="M{x:.1f} {top - 4}V{height - 8}" stroke="{colour}"/>')
    for work, ratios in groups.items():
        parts.append(_text(edge - 8, top + len(names) * _BAR / 2 + 4, work, anchor="end"))
        for number, name in enumerate(names):
            width = min(ratios[name], limit) * scale
            y = top + number * _BAR
            parts.append(f'<rect x="{edge}" y="{y}" width="{width:.1f}" height="{_BAR - 1}" fill="{colours[number]}"/>')
            parts.append(_text(edge + width + 3, y + 8, f"{ratios[name]:.2f}", size=9))
        top += len(names) * _BAR + 12
    return "\n".join([*parts, "</svg>", ""])


def _text(x: float, y: float, text: str, *, size: int = 12, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="#222">{escape(text)}</text>'
