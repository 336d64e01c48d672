"""Queries by their names: those that an overlay adds, and the package's."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from eventflow_db import EventflowDB, Settings, errors
from eventflow_db.check.prove import prove
from eventflow_db.cli.stubs import stubs
from eventflow_db.query import load_specs

from .api import API, Blocking
from .overlays import load_refusal
from .support import EVENT

ADDED = """\
-- name: read_by_name(domain, name, limit)
-- Events of a domain that have a name, oldest first.
-- param domain: identifier
-- param name: identifier
-- param limit: limit
-- returns: Event*
-- error: E_EVENTFLOW_DB_SHOP could not read the shop's events
-- index: event.idx_domain (domain)
-- idempotent: yes
SELECT id, timestamp, domain, rid, pid, name, data
FROM event FORCE INDEX (idx_domain)
WHERE domain = :domain AND name = :name
ORDER BY timestamp, id
LIMIT :limit;

-- name: count_by_name(domain)
-- How many events of a domain have each name.
-- param domain: identifier
-- returns: row*
-- error: E_EVENTFLOW_DB_SHOP could not read the shop's events
-- index: event.idx_domain (domain)
-- idempotent: yes
SELECT
    name, COUNT(*) AS count, MAX(timestamp) AS latest, CAST(AVG(LENGTH(pid)) AS DECIMAL(10, 2)) AS length,
    CAST(NULL AS CHAR) AS nothing
FROM event FORCE INDEX (idx_domain)
WHERE domain = :domain
GROUP BY name
ORDER BY name;

-- name: rename(id, name)!
-- Give an event another name.
-- param id: identifier
-- param name: identifier
-- returns: changed
-- error: E_EVENTFLOW_DB_SHOP could not read the shop's events
-- index: event.PRIMARY (id)
-- idempotent: yes
UPDATE event
SET name = :name
WHERE id = :id;
"""


@pytest.fixture
def overlay(tmp_path: Path) -> Path:
    """A directory that adds three queries of events."""
    (tmp_path / "event").mkdir()
    (tmp_path / "event/shop.sql").write_text(ADDED)
    return tmp_path


@pytest.fixture
def shop(api: API, settings: Settings, overlay: Path) -> EventflowDB:
    """A database object that knows them."""
    return api.database(msgspec.structs.replace(settings, sql_path=str(overlay)))


def test_call_of_an_added_read_gives_records(shop: EventflowDB) -> None:
    event_id = shop.persist_event(EVENT)
    shop.persist_event({**EVENT, "name": "other"})
    given = {"domain": EVENT["domain"], "name": EVENT["name"], "limit": None}
    assert shop.call("event.read_by_name", **given) == [shop.read_event(event_id)]


def test_call_gives_rows_as_dicts_by_the_servers_types(shop: EventflowDB) -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
    shop.persist_event({**EVENT, "pid": "four", "timestamp": moment})
    assert shop.call("event.count_by_name", domain=EVENT["domain"]) == [
        {"name": EVENT["name"], "count": 1, "latest": moment, "length": Decimal("4.00"), "nothing": None}
    ]


def test_call_of_a_write_says_whether_a_row_was_changed(shop: EventflowDB) -> None:
    event_id = shop.persist_event(EVENT)
    assert shop.call("event.rename", id=event_id, name="renamed") is True
    assert shop.call("event.rename", id="unknown", name="renamed") is False
    assert shop.read_event(event_id).name == "renamed"


def test_call_in_a_transaction_is_undone_with_it(shop: EventflowDB) -> None:
    event_id = shop.persist_event(EVENT)
    with pytest.raises(ZeroDivisionError), shop.transaction() as tx:
        assert tx.call("event.rename", id=event_id, name="renamed") is True
        raise ZeroDivisionError
    assert shop.read_event(event_id).name == EVENT["name"]


def test_call_of_the_packages_own_query_gives_what_its_annotation_says(db: EventflowDB) -> None:
    event_id = db.persist_event(EVENT)
    assert db.call("event.read", id=event_id) == db.read_event(event_id)
    assert db.call("event.delete_list", ids=[event_id, "unknown"]) == 1
    with pytest.raises(errors.NotFoundError):
        db.call("event.read", id=event_id)


@pytest.mark.parametrize(
    "name",
    ["event.raed", "event", "", "session.begin", "log.archive", "event.read.statement", "__class__.mro", "a b.c"],
)
def test_call_of_what_is_no_query_raises_and_says_so(nowhere: EventflowDB, name: str) -> None:
    with pytest.raises(errors.InvalidValueError, match="is no query that reads or writes rows") as caught:
        nowhere.call(name)
    assert caught.value.code == "E_EVENTFLOW_DB_CALL"


@pytest.mark.parametrize("given", [{}, {"id": 5}, {"id": "x", "more": 1}, {"session": "x", "self": 1}])
def test_call_with_bad_parameters_names_them_before_anything_is_sent(
    nowhere: EventflowDB, given: dict[str, Any]
) -> None:
    with pytest.raises(errors.InvalidValueError, match="|".join(given.keys() | {"id"})):
        nowhere.call("event.read", **given)


def test_check_proves_what_is_added(settings: Settings, overlay: Path) -> None:
    specs = load_specs(str(overlay))
    names = [name for name in specs if name not in load_specs()]
    assert len(names) == 3
    findings = prove(settings, specs, only=names, rows=1000)
    assert [(finding.query, finding.problems, finding.doubts) for finding in findings] == [
        (name, [], []) for name in names
    ]


def test_check_of_an_addition_without_its_index_finds_the_scan(settings: Settings, overlay: Path) -> None:
    path = overlay / "event/shop.sql"
    path.write_text(ADDED.replace("FORCE INDEX (idx_domain)\nWHERE domain = :domain AND", "\nWHERE pid <> :domain AND"))
    (finding,) = prove(settings, load_specs(str(overlay)), only=["event.read_by_name"], rows=1000)
    assert "promised: event.idx_domain (domain)" in "; ".join(finding.problems)


HEAD = """\
-- name: ours({param}){suffix}
-- Something of ours.
{keys}-- returns: {returns}
-- error: E_EVENTFLOW_DB_SHOP could not read the shop's events
-- index: none
-- idempotent: yes
"""
REFUSED = {
    "method": (
        HEAD.format(param="", suffix="", keys="-- method: ours\n", returns="int*") + "SELECT 1;",
        "call(…) runs it",
    ),
    "ddl": (
        HEAD.format(param="", suffix="#", keys="", returns="none") + "TRUNCATE TABLE event;",
        "reads or writes rows",
    ),
    "without WHERE": (
        HEAD.format(param="", suffix="!", keys="", returns="affected") + "DELETE FROM event;",
        "without WHERE",
    ),
    "star": (HEAD.format(param="", suffix="", keys="", returns="row*") + "SELECT * FROM event;", "SELECT *"),
}


@pytest.mark.parametrize("why", REFUSED)
def test_addition_that_breaks_a_rule_is_not_loaded(overlay: Path, why: str) -> None:
    sql, text = REFUSED[why]
    (overlay / "event/shop.sql").write_text(sql)
    assert text in str(load_refusal(overlay))


# Stubs


@pytest.fixture
def module(overlay: Path) -> str:
    """The source of the module for the overlay."""
    specs = load_specs(str(overlay))
    return stubs([specs[name] for name in specs.keys() - load_specs().keys()], ["our-sql"])


def test_stub_gives_what_call_gives(shop: EventflowDB, module: str) -> None:
    names: dict[str, Any] = {}
    exec(module, names)
    if isinstance(shop, Blocking):
        queries: Any = Blocking(names["AsyncQueries"](shop.target), shop._loop)
    else:
        queries = names["Queries"](shop)
    event_id = shop.persist_event(EVENT)
    assert queries.event_read_by_name(domain=EVENT["domain"], name=EVENT["name"]) == [shop.read_event(event_id)]
    assert queries.event_rename(id=event_id, name="renamed") is True
    assert queries.event_count_by_name(domain=EVENT["domain"])[0]["name"] == "renamed"


@pytest.mark.slow
def test_stubs_have_types_that_mypy_takes(tmp_path: Path, module: str) -> None:
    (tmp_path / "queries.py").write_text(module)
    use = (
        "\ndef use(db: EventflowDB) -> list[Event]:\n    return Queries(db).event_read_by_name(domain='d', name='n')\n"
    )
    (tmp_path / "right.py").write_text(
        "from eventflow_db import Event, EventflowDB\nfrom queries import Queries\n" + use
    )
    (tmp_path / "wrong.py").write_text(
        "from eventflow_db import Event, EventflowDB\nfrom queries import Queries\n" + use.replace("'d'", "1")
    )
    found = [
        subprocess.run(
            [sys.executable, "-m", "mypy", "--strict", "--config-file=", name],
            cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
        )
        for name in ("right.py", "wrong.py")
    ]  # fmt: skip
    assert (found[0].returncode, found[1].returncode) == (0, 1), found[0].stdout
    assert 'Argument "domain" to "event_read_by_name" of "Queries" has incompatible type' in found[1].stdout


def test_stubs_of_a_directory_that_adds_nothing_exits_with_2() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "eventflow_db.cli", "stubs"], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "the directories add no query: name one with --sql" in done.stderr
