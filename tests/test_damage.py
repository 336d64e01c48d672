"""Edits that break a query are named by query and reason; edits that do not break it pass: tests/damage/."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from eventflow_db import Settings
from eventflow_db.check.diff import diff
from eventflow_db.check.prove import Finding
from eventflow_db.query import load_specs

from .overlays import Case, Edit, check_findings, damage, edited_copy, load_refusal, read_cases

REFUSED = damage("load raises")
FOUND = damage("check finds")
DIFFERENT = damage("diff finds")
HARMLESS = damage("check passes")
SCHEMAS = sorted({name for name, case in (FOUND | DIFFERENT).items() if case.query.endswith(".create_table")})


def assert_found(findings: list[Finding], case: Case) -> None:
    found = {finding.query: finding for finding in findings}
    for expected in case.expected.get("check finds", ()):
        query, _, text = expected.partition(": ")
        assert re.search(".*".join(map(re.escape, text.split("…"))), "; ".join(found[query].problems)), found[query]


@pytest.mark.parametrize("name", REFUSED)
def test_load_damaged_query_raises(tmp_path: Path, name: str) -> None:
    case = REFUSED[name]
    copy = edited_copy(tmp_path, *case.edits)
    refusal = load_refusal(copy)
    assert refusal is not None
    (text,) = case.expected["load raises"]
    assert text in refusal
    assert re.search(rf"{copy / case.edits[0].file}:\d+: query ", refusal)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in FOUND if name not in SCHEMAS])
def test_check_damaged_query_gives_the_reason(tmp_path: Path, check_settings: Settings, name: str) -> None:
    case = FOUND[name]
    copy = edited_copy(tmp_path, *case.edits)
    (finding,) = check_findings(check_settings, copy, case.query)
    assert finding.query == case.query
    assert finding.path == str(copy / case.edits[0].file)
    assert_found([finding], case)


@pytest.mark.slow
@pytest.mark.parametrize("name", SCHEMAS)
def test_check_and_diff_damaged_schema_give_the_reasons(
    tmp_path: Path, settings: Settings, check_settings: Settings, name: str
) -> None:
    case = (FOUND | DIFFERENT)[name]
    copy = edited_copy(tmp_path, *case.edits)
    only = {expected.partition(": ")[0] for expected in case.expected.get("check finds", ())}
    assert_found(check_findings(check_settings, copy, *only, keep=False, rows=2_000), case)
    if "diff finds" in case.expected:
        (difference,) = diff(settings, load_specs(str(copy)))
        text = f"{difference.item}: ours {difference.ours or 'none'}; live {difference.live or 'none'}"
        assert [text] == case.expected["diff finds"]
        assert difference.path == str(copy / case.edits[0].file)


@pytest.mark.parametrize("name", HARMLESS)
def test_check_harmless_edit_passes(tmp_path: Path, check_settings: Settings, name: str) -> None:
    case = HARMLESS[name]
    copy = edited_copy(tmp_path, *case.edits)
    assert load_refusal(copy) is None
    (finding,) = check_findings(check_settings, copy, case.query)
    assert finding.problems == []
    assert finding.doubts == []


def test_check_unchanged_copy_passes(tmp_path: Path, check_settings: Settings) -> None:
    findings = check_findings(check_settings, edited_copy(tmp_path))
    assert [finding for finding in findings if finding.problems or finding.doubts] == []


# --- the files themselves


@pytest.mark.parametrize("lines", ["WHERE id = 1;", "FROM"], ids=["other", "part of a line"])
def test_edited_copy_lines_not_found_raises(tmp_path: Path, lines: str) -> None:
    with pytest.raises(LookupError, match=r"event\.read holds these lines 0 times, not once"):
        edited_copy(tmp_path, Edit("event.read", lines, "SELECT 1;"))


def test_edited_copy_unknown_query_raises(tmp_path: Path) -> None:
    with pytest.raises(LookupError, match=r"sql/ has no query event\.reed"):
        edited_copy(tmp_path, Edit("event.reed", "FROM event", "FROM hub"))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("-- load raises: x\n- FROM event\n", "there is no query"),
        ("-- load raises: x\n-- query: event.read\n+ FROM event\n", "a line that is there before"),
        ("-- load raises: x\n-- query: event.read\n- FROM event\nFROM hub\n", "not lines of a change"),
        ("-- query: event.read\n- FROM event\n", "belongs above the query"),
        ("-- load rises: x\n-- query: event.read\n- FROM event\n", "are not all of"),
    ],
)
def test_read_cases_incomplete_raises(text: str, problem: str) -> None:
    with pytest.raises(AssertionError, match=problem):
        list(read_cases(f"-- case: the name\n{text}"))
