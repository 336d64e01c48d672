"""scripts/bench: what makes its results comparable and its charts true."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

SCRIPTS = Path(__file__).parent.parent / "scripts"


@pytest.fixture(scope="module")
def chart() -> Any:
    return runpy.run_path(str(SCRIPTS / "chart.py"))["bars"]


def test_chart_is_well_formed_and_has_a_bar_of_right_length_for_each_value(chart: Any) -> None:
    root = ElementTree.fromstring(
        chart("A & B", {"work <1>": {"one": 1.0, "two": 2.0}, "other": {"one": 0.5, "two": 9}})
    )
    bars = [rect for rect in root.iter("{http://www.w3.org/2000/svg}rect") if rect.get("height") == "8"]
    widths = [float(rect.get("width", 0)) for rect in bars]
    assert [round(width / widths[0], 2) for width in widths] == [1.0, 2.0, 0.5, 3.0]  # cut at 3
    texts = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"A & B", "work <1>", "other", "1.00", "2.00", "0.50", "9.00"} <= set(texts)
