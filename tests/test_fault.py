"""What happens to each operation when the connection or another session gets in the way: see tests/README.md."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from eventflow_db import EventflowDB, NewCertificate, NewEvent, Settings, errors

from .api import API
from .fake import packet
from .operations import HALF, fails
from .proxy import Proxy
from .support import EVENT, Admin, count, eventually, idle

FOREIGN_KEY_FAILS = b"\x0e\0\0\1\xff\xac\x05#23000fails"
"""The error 1452, as a packet."""


def close(tx: Any) -> None:
    """Close a transaction's connection as the driver does when it cannot send."""
    connection = getattr(tx, "target", tx)._channel.connection
    connection.close() if hasattr(connection, "_writer") else connection._force_close()


# --- lost connections


def test_read_event_cut_before_request_runs_again(far: EventflowDB, proxy: Proxy, event_id: str) -> None:
    rule = proxy.cut_request(b"event.read@")
    assert far.read_event(event_id).data == {"key": "value"}
    assert rule.fired.is_set()


@pytest.mark.parametrize("after", [0, 1, 30, 200])
def test_read_event_cut_within_reply_runs_again(far: EventflowDB, proxy: Proxy, event_id: str, after: int) -> None:
    rule = proxy.cut_reply(b"event.read@", after)
    assert far.read_event(event_id).id == event_id
    assert rule.fired.is_set()


def test_read_event_through_split_packets(far: EventflowDB, proxy: Proxy, event_id: str) -> None:
    proxy.split = 3
    assert far.read_event(event_id).data == {"key": "value"}


def test_operations_behind_latency(far: EventflowDB, proxy: Proxy, admin: Admin, database: str) -> None:
    proxy.latency = 0.05
    event_id = far.persist_event(EVENT)
    assert far.read_event(event_id).id == event_id
    assert count(admin, database, "event") == 1


def test_reply_that_takes_longer_than_read_timeout_in_pieces_is_read(
    api: API, proxied: Settings, proxy: Proxy, event_id: str
) -> None:
    """The limit is for silence, not for the whole of a reply."""
    db = api.database(msgspec.structs.replace(proxied, read_timeout=0.4, connect_timeout=5))
    db.ping()
    proxy.split, proxy.pause = 60, 0.1
    started = time.monotonic()
    assert db.read_event(event_id).id == event_id
    assert time.monotonic() - started > 0.5


@pytest.mark.slow
def test_handshake_that_trickles_ends_with_connect_timeout(api: API, proxied: Settings, proxy: Proxy) -> None:
    """The limit is for the whole of a handshake, however many bytes come in time."""
    proxy.split, proxy.pause = 1, 0.1
    db = api.database(msgspec.structs.replace(proxied, connect_timeout=1, retry_limit=1))
    started = time.monotonic()
    with pytest.raises(errors.UnavailableError):
        db.ping()
    assert time.monotonic() - started < 4


def test_persist_event_reply_lost_is_written_once(far: EventflowDB, proxy: Proxy, admin: Admin, database: str) -> None:
    rule = proxy.cut_reply(b"event.persist@")
    event_id = far.persist_event({**EVENT, "data": {"e": 1e-7, "n": [None, 2.5, "ä'\\"]}})
    assert rule.fired.is_set()
    assert admin.execute(f"SELECT id FROM `{database}`.event") == ((event_id,),)


# of a proxy that has lost its server, which it says in a client's words
@pytest.mark.parametrize("errno", [2002, 2003, 2006, 2013, 2027])
def test_persist_log_client_error_of_a_proxy_is_outcome_unknown_and_written_once(
    far: EventflowDB, proxy: Proxy, admin: Admin, database: str, errno: int
) -> None:
    payload = b"\xff" + errno.to_bytes(2, "little") + b"#HY000server has gone away"
    proxy.replace_reply(b"log.persist@", len(payload).to_bytes(3, "little") + b"\1" + payload)
    with pytest.raises(errors.OutcomeUnknownError):
        far.persist_log({"agent": "agent", "message": "message"})
    assert count(admin, database, "log") == 1
    far.ping()


def test_read_event_reply_out_of_order_runs_again(far: EventflowDB, proxy: Proxy, event_id: str) -> None:
    rule = proxy.replace_reply(b"event.read@", b"\1\0\0\2\1")
    assert far.read_event(event_id).id == event_id
    assert rule.fired.is_set()


def test_read_row_that_does_not_fill_its_packet_is_unavailable_and_its_connection_is_of_use(
    far: EventflowDB, proxy: Proxy, event_id: str
) -> None:
    far.persist_event_cpid(event_id, "cpid")
    column = b"\3def\0\0\0\4cpid\0\x0c\x2d\0\0\1\0\0\xfd\0\0\0\0\0"
    end = b"\xfe\0\0\2\0"
    packets = [b"\1", column, end, b"\4cpid and more", end]
    proxy.replace_reply(b"event_cpid.read_by_event_id@", b"".join(map(packet, range(1, 6), packets)))
    connections = idle(far)
    with fails(errors.UnavailableError, "EVENT_CPID_READ_BY_EVENT_ID") as caught:
        far.read_event_cpid_by_event_id(event_id)
    assert caught.value.errno == 2014
    assert far.read_event_cpid_by_event_id(event_id) == ["cpid"]
    assert idle(far) == connections


def test_persist_event_cut_before_request_is_written_once(
    far: EventflowDB, proxy: Proxy, admin: Admin, database: str
) -> None:
    proxy.cut_request(b"event.persist@")
    event_id = far.persist_event(EVENT)
    assert admin.execute(f"SELECT id FROM `{database}`.event") == ((event_id,),)


def test_persist_event_reply_lost_of_another_row_is_duplicate(far: EventflowDB, proxy: Proxy) -> None:
    # the lost attempt failed with a duplicate: another event has the id
    far.persist_event({**EVENT, "id": "taken", "data": {"another": True}})
    proxy.cut_reply(b"event.persist@")
    with pytest.raises(errors.DuplicateError):
        far.persist_event({**EVENT, "id": "taken"})


def test_persist_operations_reply_lost_are_written_once(
    far: EventflowDB, proxy: Proxy, event_id: str, hub: Any, admin: Admin, database: str
) -> None:
    cases: list[tuple[bytes, Callable[[], bool]]] = [
        (b"event_cpid.persist@", lambda: far.persist_event_cpid(event_id, "cpid")),
        (b"event_eid.persist@", lambda: far.persist_event_eid(event_id, "eid")),
        (b"event_published.persist@", lambda: far.persist_event_published({"event_id": event_id, "publisher": "p"})),
        (b"hub.persist@", lambda: far.persist_hub(hub)),
    ]
    for marker, call in cases:
        rule = proxy.cut_reply(marker)
        assert call() is True
        assert rule.fired.is_set()
        assert count(admin, database, marker.split(b".")[0].decode()) == 1


def test_persist_certificate_reply_lost_is_outcome_unknown_and_never_run_again(
    far: EventflowDB, proxy: Proxy, certificate: NewCertificate, admin: Admin, database: str
) -> None:
    rule = proxy.cut_reply(b"certificate.persist@")
    with pytest.raises(errors.OutcomeUnknownError):
        far.persist_certificate(certificate)
    assert rule.fired.is_set()
    assert count(admin, database, "certificate") == 1  # had it been revoked by now, a second one would revive it


def test_persist_event_request_lost_and_id_taken_without_its_rid_is_duplicate(
    far: EventflowDB, db: EventflowDB, proxy: Proxy
) -> None:
    db.persist_event({**EVENT, "id": "root"})
    db.persist_event({**EVENT, "id": "same", "rid": "root"})
    proxy.cut_reply(b"event.persist@")
    with pytest.raises(errors.DuplicateError):
        far.persist_event({**EVENT, "id": "same"})


@pytest.mark.parametrize("refusing", [False, True], ids=["row first", "reference first"])
def test_persist_event_reply_lost_and_rid_deleted_since_is_written_once(
    far: EventflowDB, proxy: Proxy, admin: Admin, database: str, refusing: bool
) -> None:
    """The server clears the rid; run again, the statement meets the row, or that the rid is missing."""
    far.persist_event({**EVENT, "id": "asked"})
    delete = threading.Timer(0.2, lambda: admin.execute(f"DELETE FROM `{database}`.event WHERE id = 'asked'"))
    proxy.cut_reply(b"event.persist@")
    proxy.delay_reply(b"SET NAMES", 0.6)  # of the connection that it is run again on
    if refusing:
        proxy.delay_reply(b"event.persist@", 0)
        proxy.replace_reply(b"event.persist@", FOREIGN_KEY_FAILS)
    delete.start()
    assert far.persist_event({**EVENT, "id": "answer", "rid": "asked"}) == "answer"
    delete.join()
    assert admin.execute(f"SELECT id, rid FROM `{database}`.event") == (("answer", None),)


def test_persist_event_of_a_missing_rid_after_a_lost_request_is_missing_reference(
    far: EventflowDB, proxy: Proxy, admin: Admin, database: str
) -> None:
    proxy.cut_request(b"event.persist@", after=20)
    with pytest.raises(errors.MissingReferenceError):
        far.persist_event({**EVENT, "rid": "nobody"})
    assert count(admin, database, "event") == 0


@pytest.mark.parametrize(("stored", "sent"), [(1, True), (1, 1.0), (1.0, 1), (True, 1), ([{"a": 0}], [{"a": False}])])
def test_persist_event_reply_lost_of_equal_data_of_another_type_is_duplicate(
    far: EventflowDB, proxy: Proxy, stored: Any, sent: Any
) -> None:
    far.persist_event({**EVENT, "id": "taken", "data": stored})
    proxy.cut_request(b"event.persist@", after=20)
    with pytest.raises(errors.DuplicateError):
        far.persist_event({**EVENT, "id": "taken", "data": sent})


def test_persist_hub_request_lost_of_a_hub_that_has_quit_is_duplicate(far: EventflowDB, proxy: Proxy, hub: Any) -> None:
    far.persist_hub(hub)
    far.update_hub_to_quit(hub["id"])
    proxy.cut_request(b"hub.persist@", after=20)
    with pytest.raises(errors.DuplicateError):
        far.persist_hub(hub)


def test_persist_events_reply_lost_is_compared_within_retry_timeout(
    api: API, proxied: Settings, proxy: Proxy, admin: Admin, database: str
) -> None:
    db = api.database(msgspec.structs.replace(proxied, retry_timeout=1, read_timeout=30))
    db.ping()
    proxy.cut_reply(b"event.persist@")
    for _ in range(40):
        proxy.delay_reply(b"event.read@", 0.4)
    started = time.monotonic()
    with pytest.raises(errors.OutcomeUnknownError):
        db.persist_events([EVENT] * 40)
    assert time.monotonic() - started < 4
    assert count(admin, database, "event") == 40


def test_transaction_lost_at_its_begin_is_unavailable(api: API, proxied: Settings, proxy: Proxy) -> None:
    db = api.database(msgspec.structs.replace(proxied, retry_limit=1))
    db.ping()
    for _ in range(2):
        proxy.cut_reply(b"session.begin@")
    with pytest.raises(errors.UnavailableError), db.transaction():
        pass


@pytest.mark.parametrize("fault", ["cut", "stall"])
def test_claim_reply_lost_is_outcome_unknown(
    api: API, proxied: Settings, proxy: Proxy, event_id: str, fault: str
) -> None:
    db = api.database(msgspec.structs.replace(proxied, read_timeout=0.5))
    db.persist_event_published({"event_id": event_id, "publisher": "publisher"})
    marker = b"event_published.update_to_consumed_by_spoke@"
    rule = proxy.cut_reply(marker) if fault == "cut" else proxy.stall_reply(marker)
    with pytest.raises(errors.OutcomeUnknownError) as raised:
        db.update_event_published_to_consumed_by_spoke(event_id, "spoke")
    assert rule.fired.is_set()
    assert raised.value.code == "E_EVENTFLOW_DB_EVENT_PUBLISHED_CREATE"
    assert db.read_event_published(event_id).consumer == "spoke"  # it had worked, and was not run again


def test_persist_log_reply_lost_is_outcome_unknown_and_written_once(
    far: EventflowDB, proxy: Proxy, admin: Admin, database: str
) -> None:
    proxy.cut_reply(b"log.persist@")
    with pytest.raises(errors.OutcomeUnknownError):
        far.persist_log({"agent": "agent", "message": "message"})
    assert count(admin, database, "log") == 1


def test_persist_event_lost_and_no_way_back_is_outcome_unknown(api: API, proxied: Settings, proxy: Proxy) -> None:
    db = api.database(msgspec.structs.replace(proxied, retry_limit=2))
    db.ping()
    proxy.cut_reply(b"event.persist@")
    proxy.refuse()
    with pytest.raises(errors.OutcomeUnknownError):
        db.persist_event(EVENT)


def test_persist_event_lost_waits_for_server_to_come_back(
    api: API, proxied: Settings, proxy: Proxy, admin: Admin, database: str
) -> None:
    db = api.database(msgspec.structs.replace(proxied, retry_limit=1000))
    db.ping()
    proxy.cut_reply(b"event.persist@")
    proxy.refuse()
    timer = threading.Timer(0.5, proxy.listen)
    timer.start()
    db.persist_event(EVENT)
    timer.join()
    assert count(admin, database, "event") == 1


def test_persist_event_reply_lost_for_ever_is_bounded_in_tries(api: API, proxied: Settings, proxy: Proxy) -> None:
    db = api.database(msgspec.structs.replace(proxied, retry_limit=3))
    rules = [proxy.cut_request(b"event.persist@") for _ in range(10)]
    with pytest.raises(errors.OutcomeUnknownError):
        db.persist_event(EVENT)
    assert sum(rule.fired.is_set() for rule in rules) == 4


def test_persist_event_reply_lost_for_ever_is_bounded_in_time(api: API, proxied: Settings, proxy: Proxy) -> None:
    db = api.database(msgspec.structs.replace(proxied, retry_limit=10000, retry_timeout=0.3))
    for _ in range(1000):
        proxy.cut_request(b"event.persist@")
    started = time.monotonic()
    with pytest.raises(errors.OutcomeUnknownError):
        db.persist_event(EVENT)
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    "markers",
    [
        [b"session.begin@"],
        [b"event.persist@"],
        [b"session.commit@"],
        [b"session.commit@", b"session.begin@", b"session.begin@", b"event.persist@"],
    ],
    ids=["begin", "statement", "commit", "each in turn"],
)
def test_call_of_several_statements_has_one_limit_of_tries(
    api: API, proxied: Settings, proxy: Proxy, markers: list[bytes]
) -> None:
    db = api.database(msgspec.structs.replace(proxied, retry_limit=4))
    for call in (
        lambda: db.persist_events([HALF, HALF]),
        lambda: db.run_transaction(lambda tx: tx.persist_event(EVENT)),
    ):
        rules = [proxy.cut_request(marker) for _ in range(20) for marker in markers]
        proxy.requests.clear()
        with pytest.raises((errors.OutcomeUnknownError, errors.UnavailableError)):
            call()
        assert proxy.requests.count(b"session.begin@") <= 5
        assert sum(rule.fired.is_set() for rule in rules) <= 5
        proxy.forgive()


def test_persist_events_commit_reply_lost_is_written_once(
    far: EventflowDB, proxy: Proxy, admin: Admin, database: str
) -> None:
    rule = proxy.cut_reply(b"session.commit@")
    ids = far.persist_events([HALF, HALF, HALF])
    assert rule.fired.is_set()
    rows = admin.execute(f"SELECT id FROM `{database}`.event ORDER BY id")
    assert [row[0] for row in rows] == sorted(ids)


def test_persist_events_commit_cut_before_request_is_written_once(
    far: EventflowDB, proxy: Proxy, admin: Admin, database: str
) -> None:
    rule = proxy.cut_request(b"session.commit@")
    ids = far.persist_events([HALF, HALF])
    assert rule.fired.is_set()
    assert count(admin, database, "event") == len(ids) == 2


@pytest.mark.parametrize("event", [EVENT, HALF], ids=["the only one", "one of several"])
def test_persist_events_statement_lost_is_written_once(
    far: EventflowDB, proxy: Proxy, admin: Admin, database: str, event: NewEvent
) -> None:
    proxy.cut_reply(b"event.persist@")
    far.persist_events([event, event])
    assert count(admin, database, "event") == 2


def test_persist_events_statement_lost_of_other_rows_is_duplicate(
    far: EventflowDB, proxy: Proxy, admin: Admin, database: str
) -> None:
    proxy.cut_request(b"event.persist@", after=20)
    admin.execute(f"INSERT INTO `{database}`.event (id, domain, pid, name, data) VALUES ('other', 'd', 'p', 'n', '1')")
    with pytest.raises(errors.DuplicateError):
        far.persist_events([EVENT, {**EVENT, "id": "other"}])
    assert count(admin, database, "event") == 1


def test_persist_events_of_a_row_that_has_gone_since_is_outcome_unknown(
    far: EventflowDB, proxy: Proxy, admin: Admin, database: str
) -> None:
    delete = threading.Timer(0.2, lambda: admin.execute(f"DELETE FROM `{database}`.event WHERE id = 'a'"))
    proxy.cut_reply(b"event.persist@")
    proxy.delay_reply(b"SET NAMES", 0.6)  # of the connection that it is run again on
    delete.start()
    with pytest.raises(errors.OutcomeUnknownError):
        far.persist_events([{**EVENT, "id": "a"}, {**EVENT, "id": "b"}])
    delete.join()
    assert count(admin, database, "event") == 1


def test_persist_events_with_one_id_twice_is_duplicate_after_a_lost_statement(
    far: EventflowDB, proxy: Proxy, admin: Admin, database: str
) -> None:
    far.persist_event({**EVENT, "id": "a"})
    proxy.cut_request(b"event.persist@", after=20)
    with pytest.raises(errors.DuplicateError):
        far.persist_events([{**EVENT, "id": "a"}, {**EVENT, "id": "a"}])
    assert count(admin, database, "event") == 1


def test_persist_events_too_large_for_the_server_after_a_lost_statement_is_outcome_unknown(
    far: EventflowDB, proxy: Proxy, admin: Admin, database: str
) -> None:
    before = admin.execute("SELECT @@GLOBAL.max_allowed_packet")[0][0]
    proxy.cut_reply(b"event.persist@")
    admin.execute("SET GLOBAL max_allowed_packet = 65536")  # for the connection that it is run again on
    try:
        with pytest.raises(errors.OutcomeUnknownError):
            far.persist_events([{**EVENT, "data": "x" * 50_000} for _ in range(3)])
    finally:
        admin.execute(f"SET GLOBAL max_allowed_packet = {before}")
    assert count(admin, database, "event") == 3


def test_persist_events_cpid_reply_lost_is_outcome_unknown(
    far: EventflowDB, proxy: Proxy, admin: Admin, database: str, event_id: str
) -> None:
    """Which of the associations were there before, only their writer knows."""
    proxy.cut_reply(b"event_cpid.persist_in_domain@")
    with pytest.raises(errors.OutcomeUnknownError):
        far.persist_events_cpid([(event_id, "a"), (event_id, "b")])
    assert count(admin, database, "event_cpid") == 2


def test_persist_events_of_another_row_is_duplicate_after_lost_commit(
    far: EventflowDB, proxy: Proxy, admin: Admin, database: str
) -> None:
    proxy.cut_request(b"session.commit@")
    proxy.delay_reply(b"session.begin@", 0)
    admin.execute(f"INSERT INTO `{database}`.event (id, domain, pid, name, data) VALUES ('other', 'd', 'p', 'n', '1')")
    with pytest.raises(errors.DuplicateError):
        far.persist_events([HALF, {**HALF, "id": "other"}])
    assert count(admin, database, "event") == 1


def test_transaction_commit_reply_lost_is_outcome_unknown(far: EventflowDB, proxy: Proxy) -> None:
    proxy.cut_reply(b"session.commit@")
    with pytest.raises(errors.OutcomeUnknownError) as raised, far.transaction() as tx:
        event_id = tx.persist_event(EVENT)
    assert raised.value.code == "E_EVENTFLOW_DB_TRANSACTION"
    assert far.read_event(event_id).id == event_id  # this time it had worked


def test_commit_on_a_connection_that_was_closed_before_is_unavailable_and_run_again(
    far: EventflowDB, admin: Admin, database: str
) -> None:
    calls = []

    def work(tx: Any) -> None:
        calls.append(tx.persist_event(EVENT))
        if len(calls) == 1:
            close(tx)

    far.run_transaction(work)
    assert len(calls) == 2
    assert count(admin, database, "event") == 1


def test_run_transaction_commit_reply_lost_is_not_run_again(far: EventflowDB, proxy: Proxy) -> None:
    proxy.cut_reply(b"session.commit@")
    runs = []
    with pytest.raises(errors.OutcomeUnknownError):
        far.run_transaction(lambda tx: runs.append(tx.persist_event(EVENT)))
    assert len(runs) == 1


def test_transaction_lost_connection_is_not_run_again_and_sends_nothing(
    far: EventflowDB, proxy: Proxy, admin: Admin, database: str
) -> None:
    proxy.cut_reply(b"event.persist@")
    with pytest.raises(errors.UnavailableError), far.transaction() as tx:
        with pytest.raises(errors.UnavailableError):
            tx.persist_event(EVENT)
        with pytest.raises(errors.UnavailableError):
            tx.persist_event(EVENT)
    assert eventually(lambda: count(admin, database, "event") == 0)


def test_run_transaction_lost_connection_runs_again(
    far: EventflowDB, proxy: Proxy, admin: Admin, database: str
) -> None:
    proxy.cut_reply(b"event.persist@")
    far.run_transaction(lambda tx: tx.persist_event(EVENT))
    assert count(admin, database, "event") == 1


def test_transaction_begin_on_dead_connection_reconnects(far: EventflowDB, proxy: Proxy) -> None:
    proxy.cut_all()
    with far.transaction() as tx:
        tx.persist_event(EVENT)


# --- idle connections


@pytest.mark.parametrize("wait", [0.0, 0.2])
def test_claim_on_connection_closed_while_idle_is_true(
    api: API, settings: Settings, admin: Admin, event_id: str, wait: float
) -> None:
    """Killed by the server while idle, as its wait_timeout does: noticed before anything is sent."""
    db = api.database(msgspec.structs.replace(settings, connection_limit=1, user="idler", password="idle"))
    admin.execute("DROP USER IF EXISTS idler")
    admin.execute("CREATE USER idler IDENTIFIED BY 'idle'")
    admin.execute("GRANT ALL ON *.* TO idler")
    try:
        db.persist_event_published({"event_id": event_id, "publisher": "publisher"})
        admin.execute("SET GLOBAL wait_timeout = 1")
        admin.execute("SET GLOBAL interactive_timeout = 1")
        for (thread,) in admin.execute("SELECT id FROM information_schema.processlist WHERE user = 'idler'"):
            admin.execute(f"KILL {thread}")
        assert eventually(
            lambda: not admin.execute("SELECT 1 FROM information_schema.processlist WHERE user = 'idler'")
        )
        time.sleep(wait)
        assert db.update_event_published_to_consumed_by_spoke(event_id, "spoke") is True
    finally:
        admin.execute("SET GLOBAL wait_timeout = 28800")
        admin.execute("SET GLOBAL interactive_timeout = 28800")
        admin.execute("DROP USER idler")


@pytest.mark.slow
def test_claim_after_servers_idle_timeout_is_true(api: API, settings: Settings, admin: Admin, event_id: str) -> None:
    db = api.database(msgspec.structs.replace(settings, connection_limit=1))
    admin.execute("SET GLOBAL wait_timeout = 1")
    try:
        db.persist_event_published({"event_id": event_id, "publisher": "publisher"})
        time.sleep(2.5)
        assert db.update_event_published_to_consumed_by_spoke(event_id, "spoke") is True
    finally:
        admin.execute("SET GLOBAL wait_timeout = 28800")


@pytest.mark.slow
def test_claims_after_a_silent_failover_lose_one_time_limit_and_no_claim(
    api: API, proxied: Settings, proxy: Proxy
) -> None:
    """Once a time limit has passed, older idle connections are asked before what cannot be run again is sent."""
    limits = msgspec.structs.replace(proxied, connection_limit=8, read_timeout=1, connect_timeout=1.5)
    db = api.database(limits)
    ids = db.persist_events([EVENT] * 8)
    db.persist_events_published([{"event_id": id, "publisher": "publisher"} for id in ids])

    def hold(depth: int) -> None:
        with db.transaction():
            if depth:
                hold(depth - 1)

    hold(7)
    proxy.freeze()
    started = time.monotonic()
    with pytest.raises(errors.OutcomeUnknownError):
        db.update_event_published_to_consumed_by_spoke(ids[0], "spoke")
    for id in ids[1:]:
        assert db.update_event_published_to_consumed_by_spoke(id, "spoke") is True
    assert time.monotonic() - started < 6


def test_ping_of_a_server_that_is_silent_ends_with_its_timeout(api: API, proxied: Settings, proxy: Proxy) -> None:
    db = api.database(msgspec.structs.replace(proxied, connection_limit=2))
    with db.transaction():
        db.ping(timeout=5)
    proxy.freeze()
    started = time.monotonic()
    with pytest.raises(errors.UnavailableError):
        db.ping(timeout=0.5)
    assert time.monotonic() - started < 3


def test_ping_whose_reply_trickles_ends_with_its_timeout(far: EventflowDB, proxy: Proxy) -> None:
    proxy.split, proxy.pause = 1, 0.1
    started = time.monotonic()
    with pytest.raises(errors.UnavailableError):
        far.ping(timeout=0.5)
    assert time.monotonic() - started < 3
    proxy.split, proxy.pause = 0, 0.0


def test_ping_that_waits_for_the_pool_ends_with_its_timeout(api: API, settings: Settings) -> None:
    db = api.database(msgspec.structs.replace(settings, connection_limit=1))
    with db.transaction() as tx:
        tx.ping(timeout=5)
        started = time.monotonic()
        with pytest.raises(errors.UnavailableError):
            db.ping(timeout=0.3)
        assert time.monotonic() - started < 3


@pytest.mark.parametrize("timeout", [0, -1, "1", True, float("nan"), float("inf"), 10**9])
def test_ping_of_what_is_no_timeout_raises(nowhere: EventflowDB, timeout: Any) -> None:
    with pytest.raises(errors.InvalidValueError, match="timeout: must be seconds"):
        nowhere.ping(timeout=timeout)


@pytest.mark.slow
def test_idle_connection_half_open_is_checked_before_a_claim(
    api: API, proxied: Settings, proxy: Proxy, event_id: str
) -> None:
    """Nothing tells that the way is gone; past idle_check a ping finds out, within connect_timeout."""
    db = api.database(msgspec.structs.replace(proxied, idle_check=0.2, connect_timeout=1, read_timeout=10))
    db.persist_event_published({"event_id": event_id, "publisher": "publisher"})
    proxy.freeze()
    time.sleep(0.4)
    started = time.monotonic()
    assert db.update_event_published_to_consumed_by_spoke(event_id, "spoke") is True
    assert time.monotonic() - started < 4


def error_packet(number: int) -> bytes:
    """A server's error, as a packet."""
    body = b"\xff" + number.to_bytes(2, "little") + b"#HY000no"
    return len(body).to_bytes(3, "little") + b"\1" + body


@pytest.mark.parametrize("number", [1036, 1047, 1290, 1792, 1836, 1874, 1881, 9001, 9006, 9501])
def test_read_of_a_server_out_of_service_for_a_moment_runs_again(far: EventflowDB, proxy: Proxy, number: int) -> None:
    """On another connection, for the pool hands out none of those that were open."""
    far.persist_event({**EVENT, "id": "a"})
    for _ in range(2):
        proxy.replace_reply(b"event.read@", error_packet(number))
    assert far.read_event("a").id == "a"


@pytest.mark.slow
def test_persist_log_of_a_server_that_is_read_only_for_a_moment_is_written_once(
    api: API, account: Callable[..., Settings], admin: Admin, database: str
) -> None:
    """As during a failover: nothing took effect, so that also what never runs twice may run again."""
    db = api.database(account("password"))
    db.ping()
    writable = threading.Timer(0.5, lambda: admin.execute("SET GLOBAL read_only = 0"))
    admin.execute("SET GLOBAL read_only = 1")
    writable.start()
    db.persist_log({"agent": "agent", "message": "message"})
    db.run_transaction(lambda tx: tx.persist_event(EVENT))
    writable.join()
    assert count(admin, database, "log") == 1
    assert count(admin, database, "event") == 1
