"""Properties: what goes in comes back, whatever it is; ids are unique; two at once keep the invariants."""

from __future__ import annotations

import contextlib
import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from eventflow_db import EventflowDB, NewCertificate, errors
from eventflow_db.identifiers import generate_event_id
from eventflow_db.query import load_specs
from eventflow_db.query.parameters import TYPES

from .api import concurrently
from .support import EVENT, Admin

on_server = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
text = st.text(max_size=80) | st.sampled_from(
    ["'", "\\", "\\'", "''", '"', "%", "%s", "%(id)s", ":id", ":pid", "--", "/*", "*/", "#", ";", "`", "\0", "\n",
     "\r", "' OR '1'='1", "'; DROP TABLE event; --", "\\'; DELETE FROM event; -- ", "😀", "ß", "İ", "é", "\u202e",
     "\x1a", "NULL", "0", "{}"]
)  # fmt: skip
json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=20,
)


def same(left: Any, right: Any) -> bool:
    """Equal, and of the same types: True is not 1 here, though 1 may be 1.0."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)


@settings(max_examples=1000)
@given(value=text | st.text("aZ09-_.:@\"'\\ \0é\n", max_size=70))
def test_identifier_is_bound_as_it_is_encoded(value: str) -> None:
    spec, kind = load_specs()["event.read"], TYPES["identifier"]
    try:
        expected = kind.encode(value)
    except ValueError:
        with pytest.raises(errors.InvalidValueError):
            spec.bind({"id": value})
    else:
        assert spec.bind({"id": value}) == {"id": expected}


@on_server
@given(data=json)
@example(data={"": 0, "a": -0.0, "b": 1e308, "c": 5e-324, "d": 2**64 - 1, "e": -(2**63)})
@example(data=[[[[[[]]]]]])
def test_json_that_is_accepted_comes_back_equal(db: EventflowDB, data: Any) -> None:
    try:
        event_id = db.persist_event({**EVENT, "data": data})
    except errors.InvalidValueError:
        return
    assert same(db.read_event(event_id).data, data)


@on_server
@given(domain=text, pid=text, name=text, cpid=text, eid=text)
def test_text_in_any_identifier_comes_back_equal_and_changes_nothing_else(
    db: EventflowDB, domain: str, pid: str, name: str, cpid: str, eid: str
) -> None:
    other = db.persist_event({**EVENT, "domain": "bystander"})
    before = db.read_event(other)
    try:
        event_id = db.persist_event({"domain": domain, "pid": pid, "name": name})
    except errors.InvalidValueError:
        event_id = None
    if event_id is not None:
        event = db.read_event(event_id)
        assert (event.domain, event.pid, event.name) == (domain, pid, name)
        assert event in db.read_events_by_domain_and_pid(domain, pid)
        assert event in db.read_events_by_domain_and_pid_and_names(domain, pid, [name])
        for persist, read, value in (
            (db.persist_event_cpid, db.read_event_cpid_by_event_id, cpid),
            (db.persist_event_eid, db.read_event_eid_by_event_id, eid),
        ):
            try:
                persist(event_id, value)
            except errors.InvalidValueError:
                assert read(event_id) == []
            else:
                assert read(event_id) == [value]
        assert db.delete_event_by_domain_and_pid(domain, pid) is True
    for call in (db.delete_event, db.update_event_published_to_success, db.revoke_certificate):
        with contextlib.suppress(errors.InvalidValueError):
            assert call(pid) is False
    assert db.read_event(other) == before
    db.delete_event(other)


@on_server
@given(message=text, cert=text, key=st.binary(max_size=40))
def test_text_and_bytes_come_back_equal(
    db: EventflowDB, admin: Admin, database: str, certificate: NewCertificate, message: str, cert: str, key: bytes
) -> None:
    try:
        db.persist_log({"agent": "property", "message": message})
    except errors.InvalidValueError:
        pass
    else:
        rows = admin.execute(f"SELECT message FROM `{database}`.log WHERE agent = 'property'")
        assert rows == ((message,),)
    admin.execute(f"DELETE FROM `{database}`.log")
    try:
        assert db.persist_certificate({**certificate, "cert": cert, "key": key}) is True
    except errors.InvalidValueError:
        return
    stored = db.read_certificate("certificate-id")
    admin.execute(f"DELETE FROM `{database}`.certificate")
    assert (stored.cert, stored.key) == (cert, key)


# --- ids


def ids(count: int) -> list[str]:
    return [generate_event_id() for _ in range(count)]


def _ids_of_process(queue: Any) -> None:
    queue.put(ids(2000))


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_ids_of_processes_are_unique_and_sorted_in_each(method: str) -> None:
    context: Any = multiprocessing.get_context(method)
    ids(10)  # the state that a fork inherits
    queue = context.Queue()
    processes = [context.Process(target=_ids_of_process, args=(queue,)) for _ in range(4)]
    for process in processes:
        process.start()
    found = [queue.get(timeout=60) for _ in processes] + [ids(2000)]
    for process in processes:
        process.join(60)
    for made in found:
        assert made == sorted(made)
    assert len({id for made in found for id in made}) == sum(map(len, found))


def test_ids_of_threads_are_unique_and_sorted_in_each() -> None:
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(ids, [3000] * 16))
    assert all(made == sorted(made) for made in found)
    assert len({id for made in found for id in made}) == 48_000


# --- two at once

steps = st.lists(st.sampled_from(["persist", "revoke", "revoke_past", "read"]), min_size=1, max_size=5)


@settings(on_server, max_examples=25)
@given(first=steps, second=steps)
def test_revoke_certificate_by_two_workers_is_true_for_one(
    db: EventflowDB, admin: Admin, database: str, certificate: NewCertificate, first: list[str], second: list[str]
) -> None:
    """Every success is a row, versions never collide, and one at the most is active."""

    def work(names: list[str]) -> tuple[int, int]:
        persisted = revoked = 0
        for name in names:
            if name == "persist":
                persisted += db.persist_certificate(certificate)
            elif name == "revoke":
                revoked += db.revoke_certificate("certificate-id")
            elif name == "revoke_past":
                assert db.revoke_certificates_past_validity_period() == 0
            else:
                with contextlib.suppress(errors.NotFoundError):
                    assert db.read_certificate("certificate-id").version == 0
        return persisted, revoked

    (a, b), (c, d) = concurrently(lambda: work(first), lambda: work(second))
    rows = admin.execute(f"SELECT version, revoked FROM `{database}`.certificate ORDER BY version")
    admin.execute(f"DELETE FROM `{database}`.certificate")
    versions = [row[0] for row in rows]
    active = versions.count(0)
    assert a + c == len(rows)
    assert b + d == len(rows) - active
    assert active <= 1
    assert [version for version in versions if version] == list(range(1, len(rows) - active + 1))
    assert all((revoked is None) == (version == 0) for version, revoked in rows)


@settings(on_server, max_examples=25)
@given(first=st.integers(1, 4), second=st.integers(1, 4))
def test_claim_by_two_workers_is_true_for_one(db: EventflowDB, first: int, second: int) -> None:
    """One claim succeeds, whoever makes it and however often."""
    event_id = db.persist_event(EVENT)
    db.persist_event_published({"event_id": event_id, "publisher": "publisher"})

    def work(spoke: str, times: int) -> list[bool]:
        return [db.update_event_published_to_consumed_by_spoke(event_id, spoke) for _ in range(times)]

    ours, theirs = concurrently(lambda: work("first", first), lambda: work("second", second))
    assert (ours + theirs).count(True) == 1
    assert db.read_event_published(event_id).consumer == ("first" if True in ours else "second")
