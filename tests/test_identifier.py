"""Identifiers: event ids that sort by time, the rule that all keep, and exact comparison."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from itertools import pairwise
from typing import Any

import pytest

from eventflow_db import EventflowDB, NewCertificate, NewHub, errors, generate_event_id, identifiers

from .api import concurrently
from .operations import IDENTIFIERS, OPERATIONS, call, fails

# --- event ids


def test_generate_event_id_is_milliseconds_and_random_digits_in_base_36() -> None:
    before = time.time_ns() // 1_000_000
    event_id = generate_event_id()
    assert re.fullmatch(r"[0-9a-z]{8}-[0-9a-z]{18}", event_id)
    assert before <= int(event_id[:8], 36) <= before + 60_000


def test_generate_event_id_strictly_increases_within_a_millisecond() -> None:
    ids = [generate_event_id() for _ in range(20_000)]
    assert all(a < b for a, b in pairwise(ids))
    assert len({event_id[:8] for event_id in ids}) < len(ids)


def test_generate_event_id_strictly_increases_across_threads() -> None:
    order: list[str] = []
    turn = threading.Lock()

    def generate() -> None:
        for _ in range(500):
            with turn:
                order.append(generate_event_id())

    concurrently(*[generate] * 8)
    assert len(order) == 4000
    assert all(a < b for a, b in pairwise(order))


def test_generate_event_id_at_once_in_many_threads_gives_each_its_own() -> None:
    ids = concurrently(*[lambda: [generate_event_id() for _ in range(2000)]] * 8)
    assert len({event_id for part in ids for event_id in part}) == 16_000
    assert all(part == sorted(part) for part in ids)


def test_generate_event_id_strictly_increases_when_the_clock_is_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    class Back:
        @staticmethod
        def time_ns() -> int:
            return time.time_ns() - 3_600_000_000_000

    before = generate_event_id()
    monkeypatch.setattr(identifiers, "time", Back)
    ids = [before, *(generate_event_id() for _ in range(1000))]
    assert all(a < b for a, b in pairwise(ids))


def test_generate_event_id_holds_80_random_bits_of_its_own() -> None:
    ids = [generate_event_id() for _ in range(2000)]
    steps = [int(b[9:], 36) - int(a[9:], 36) for a, b in pairwise(ids) if a[:8] == b[:8]]
    assert len(set(steps)) == len(steps) > 0
    assert max(steps) > 2**78


FORK = """
import os, sys
from eventflow_db import generate_event_id, identifiers

before = generate_event_id()
identifiers._sequence._lock.acquire()  # as if another thread were in the middle of it
reading, writing = os.pipe()
if os.fork() == 0:
    os.write(writing, generate_event_id().encode())
    os._exit(0)
identifiers._sequence._lock.release()
mine = generate_event_id()
child = os.read(reading, 27).decode()
os.wait()
assert before < mine and before < child and mine[9:] != child[9:], (before, mine, child)
"""


def test_generate_event_id_differs_and_increases_in_a_forked_process() -> None:
    subprocess.run([sys.executable, "-c", FORK], check=True, timeout=30)


# --- the rule

RULE = "1 to 64 printable ASCII characters, without a space around them"
BAD: list[Any] = [
    0, 1, 1.5, True, None, b"bytes", ["list"], ("tuple",), {}, "", " ", "\t", " leading", "trailing ", "line\n",
    "\u00a0no-break", "ideographic\u3000", "nul\0", "\0", "\ud800", "half\udfff", "x" * 65,
    "🎉", "kéy", "ключ", "\u200b", "e\u0301", "\x7f", "in\tner", "in\nner",
]  # fmt: skip
OPTIONAL = {
    ("persist_event", "id"), ("persist_event", "rid"),
    ("persist_event_cpid", "domain"), ("delete_event_cpid", "domain"),
}  # fmt: skip
"""Keys that None may stand for."""
KEYS = [
    (name, key)
    for name, operation in OPERATIONS.items()
    for key in (operation.values.keys() & IDENTIFIERS) | ({"rid"} if name == "persist_event" else set())
]


@pytest.mark.parametrize(("name", "key"), sorted(KEYS))
def test_identifier_against_the_rule_raises_before_anything_is_sent(nowhere: EventflowDB, name: str, key: str) -> None:
    optional = (name, key) in OPTIONAL
    for bad in BAD:
        if bad is None and optional:
            continue
        with fails(errors.InvalidValueError, OPERATIONS[name].codes[0]) as caught:
            call(nowhere, name, {**OPERATIONS[name].values, key: bad})
        assert caught.value.message == f"{key}: must be {RULE}" + (", or None" if optional and key != "id" else "")


def test_every_operation_with_identifiers_is_tested_for_the_rule() -> None:
    without = {name for name, operation in OPERATIONS.items() if not operation.values.keys() & IDENTIFIERS}
    assert without == {
        "setup_table_schemas", "read_online_hubs", "read_events_scheduled", "read_events_scheduled_due", "archive_log",
        "lock", "ping", "read_events_published", "requeue_events_published", "release_events_published",
        "read_domains", "read_logs", "read_status", "read_certificates_expiring", "purge_certificates", "purge_hubs",
        "prepare_log_partitions", "prune_log", "revoke_certificates_past_validity_period",
        *(name for name in OPERATIONS if name.startswith("create_table_")),
        *(name for name in OPERATIONS if name.startswith("persist_events")),
    }  # fmt: skip


@pytest.mark.parametrize("bad", BAD)
def test_read_events_by_names_with_one_bad_name_raises(nowhere: EventflowDB, bad: Any) -> None:
    with fails(errors.InvalidValueError, "EVENT_READ_BY_PID") as caught:
        nowhere.read_events_by_domain_and_pid_and_names("domain", "pid", ["good", bad])
    assert caught.value.message == f"names: must be a list of identifiers, each {RULE}"


@pytest.mark.parametrize("bad", [0, None, True, b"x", "", "x\0", "\ud800", "x" * 65, "😀"])
def test_lock_bad_reference_raises(nowhere: EventflowDB, bad: Any) -> None:
    with fails(errors.InvalidValueError, "LOCK") as caught:
        nowhere.lock(bad).__enter__()
    rule = "text of 1 to 64 characters up to U+FFFF (no emoji), without NUL or lone surrogates"
    assert caught.value.message == f"reference: must be {rule}"


GOOD = [
    "x", "0", "x" * 64, "inner space", "quote'", 'quote"', "back\\", "\\'", "%s", "%", ":id", "-- x", "#", "/* */",
    "' OR 1=1 --", "NULL", "!", "~", "".join(map(chr, range(33, 80))), "".join(map(chr, range(80, 127))),
]  # fmt: skip


@pytest.mark.parametrize("good", GOOD)
def test_identifier_within_the_rule_comes_back_as_it_was(db: EventflowDB, good: str) -> None:
    db.persist_event({"id": good, "domain": good, "pid": good, "name": good})
    db.persist_event_cpid(good, good)
    event = db.read_event(good)
    assert (event.id, event.domain, event.pid, event.name) == (good, good, good, good)
    assert db.read_events_by_domain_and_pid_and_names(good, good, [good, "other"]) == [event]
    assert db.read_event_cpid_by_event_id(good) == [good]
    assert db.delete_event(good) is True


# --- comparison

ALIKE = ["key", "Key", "KEY", "k-ey", "k ey"]
"""Texts that other collations take for one, or sort alike."""


def test_identifiers_that_look_alike_are_different_events(db: EventflowDB) -> None:
    for text in ALIKE:
        db.persist_event({"id": text, "domain": text, "pid": text, "name": text})
        db.persist_event_cpid(text, text)
        db.persist_event_eid(text, text)
    for text in ALIKE:
        assert db.read_event(text).id == text
        for events in (
            db.read_events_by_domain_and_pid(text, text),
            db.read_events_by_domain_and_pid_and_names(text, text, [*ALIKE]),
            db.read_events_by_domain_and_cpid(text, text),
            db.read_events_by_eid(text),
        ):
            assert [event.id for event in events] == [text]
    assert db.delete_event(ALIKE[0]) is True
    assert db.read_event(ALIKE[1]).id == ALIKE[1]


def test_identifiers_that_look_alike_are_different_hubs(db: EventflowDB, hub: NewHub) -> None:
    for text in ALIKE:
        db.persist_hub({**hub, "id": text})
    assert db.update_hub_to_quit(ALIKE[0]) is True
    assert [text for text in ALIKE if db.has_hub_quit(text)] == ALIKE[:1]


def test_identifiers_that_look_alike_are_different_certificates(db: EventflowDB, certificate: NewCertificate) -> None:
    assert [db.persist_certificate({**certificate, "id": text}) for text in ALIKE] == [True] * len(ALIKE)
    assert db.revoke_certificate(ALIKE[0]) is True
    assert [db.read_certificate(text).id for text in ALIKE[1:]] == ALIKE[1:]


def test_identifiers_that_look_like_numbers_are_compared_as_text(db: EventflowDB) -> None:
    for text in ("0", "00", "0x0", "0a", "1e1", "10"):
        db.persist_event({"id": text, "domain": "domain", "pid": text, "name": "name"})
    assert db.delete_event("0") is True
    assert db.delete_event("10") is True
    assert db.read_distinct_pid_by_domain("domain") == ["00", "0a", "0x0", "1e1"]
