"""One look at all of it: read_status, and what `eventflow-db status` makes of it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from eventflow_db import EventflowDB, NewCertificate, NewHub, Settings, errors
from eventflow_db.cli.status import findings, metrics
from eventflow_db.records import Status

from .operations import fails
from .support import EVENT, Admin

Row = Callable[..., str]


@pytest.fixture
def healthy(
    empty_db: EventflowDB, admin: Admin, empty_database: str, hub: NewHub, certificate: NewCertificate
) -> Iterator[EventflowDB]:
    """A database in which everything goes its way, on a server whose time zone is UTC."""
    before = admin.execute("SELECT @@GLOBAL.time_zone")[0][0]
    admin.execute("SET GLOBAL time_zone = '+00:00'")
    empty_db.setup_table_schemas()
    empty_db.prepare_log_partitions(7)
    empty_db.persist_hub(hub)
    empty_db.persist_certificate({**certificate, "validity": datetime.now(UTC) + timedelta(days=300)})
    admin.use(empty_database)
    yield empty_db
    admin.execute(f"SET GLOBAL time_zone = '{before}'")


@pytest.fixture
def row(healthy: EventflowDB, admin: Admin) -> Row:
    """Makes an event of the domain with a publication, of which columns are set as SQL; gives its id."""

    def row(of: str = "domain", **columns: str) -> str:
        event_id = healthy.persist_event({**EVENT, "domain": of})
        healthy.persist_event_published({"event_id": event_id, "publisher": "publisher"})
        if columns:
            assignments = ", ".join(f"{name} = {value}" for name, value in columns.items())
            admin.execute(f"UPDATE event_published SET {assignments} WHERE event_id = %s", event_id)
        return event_id

    return row


def ago(**units: float) -> str:
    return f"UTC_TIMESTAMP() - INTERVAL {int(timedelta(**units).total_seconds())} SECOND"


OLD = {"published": ago(days=2)}
FAULTS: dict[str, tuple[Callable[[EventflowDB, Row, Admin], Any], str, str]] = {
    "a backlog": (
        lambda db, row, admin: row(**OLD), "1 of domain wait for a consumer, the oldest since 2 d", "start a consumer",
    ),
    "an expired lease": (
        lambda db, row, admin: row(
            **OLD, consumer="'c'", consumed_spoke=ago(hours=1), attempts="1", available=ago(minutes=9)
        ),
        "1 of domain have a lease that ended", "start a consumer",
    ),
    "a stuck claim of Node's": (
        lambda db, row, admin: row(**OLD, consumer="'c'", consumed_spoke=ago(hours=2)),
        "1 of domain were consumed and not finished",
        "published requeue --state consumed_spoke --domain domain --before",
    ),
    "an event that a hub took": (
        lambda db, row, admin: row(**OLD, hub="'hub-id'", consumed_hub=ago(hours=2)),
        "1 of domain were taken by a hub", "published requeue --state consumed_hub --domain domain --before",
    ),
    "a dead letter": (
        lambda db, row, admin: row(**OLD, failed=ago(minutes=1)), "1 of domain are dead",
        "published requeue --state failed",
    ),
    "an orphan": (
        lambda db, row, admin: row(**OLD, orphan=ago(minutes=1)), "1 of domain found no consumer",
        "published requeue --state orphan",
    ),
    "an overdue schedule": (
        lambda db, row, admin: db.persist_event_scheduled(
            {"event_id": db.persist_event(EVENT), "scheduled": datetime.now(UTC) - timedelta(hours=1)}
        ),
        "1 schedules are overdue, the oldest since 60 min", "scheduled publish",
    ),
    "a dead hub": (
        lambda db, row, admin: (
            admin.execute(f"UPDATE hub SET timestamp = {ago(days=3)}"),
            [row(published=ago(minutes=30), success=ago(minutes=29)) for _ in range(10)],
        ),
        "nothing was heard of hub hub-id since 3 d", "look whether it runs",
    ),
    "an expired certificate": (
        lambda db, row, admin: admin.execute(f"UPDATE certificate SET validity = {ago(days=1)}"),
        "the certificate of certificate-id has expired", "renew",
    ),
    "a certificate that expires": (
        lambda db, row, admin: admin.execute(f"UPDATE certificate SET validity = {ago(days=-10.5)}"),
        "the certificate of certificate-id expires in 10 days", "renew",
    ),
    "no partition ahead": (
        lambda db, row, admin: db.prune_log(datetime.now(UTC) + timedelta(days=30)),
        "the log has no partition ahead", "log prepare",
    ),
    "tables behind": (
        lambda db, row, admin: admin.execute("ALTER TABLE event_published DROP INDEX idx_claim, DROP COLUMN available"),
        "tables need an upgrade: event_published", "upgrade --apply",
    ),
    "another time zone": (
        lambda db, row, admin: admin.execute("SET GLOBAL time_zone = '+05:30'"),
        "the server's time zone is +05:30, not UTC", "default_time_zone",
    ),
}  # fmt: skip
"""What is injected, what a look at it finds, and what mends it."""


@pytest.mark.parametrize("fault", FAULTS)
def test_read_status_finds_the_fault_and_nothing_else(healthy: EventflowDB, row: Row, admin: Admin, fault: str) -> None:
    inject, what, cure = FAULTS[fault]
    assert list(findings(healthy.read_status())) == []
    inject(healthy, row, admin)
    (found,) = findings(healthy.read_status())
    assert found.what.startswith(what)
    assert cure in found.cure


def test_read_status_on_a_read_only_server_finds_that(healthy: EventflowDB) -> None:
    status = healthy.read_status()
    read_only = msgspec.structs.replace(status, server=msgspec.structs.replace(status.server, is_read_only=True))
    assert [found.what for found in findings(read_only)] == ["the server is read-only"]


def test_read_status_of_what_goes_its_way_finds_nothing(healthy: EventflowDB, row: Row, admin: Admin) -> None:
    row()
    row(success=ago(days=1))
    row(consumer="'c'", consumed_spoke=ago(minutes=5))
    row(consumer="'c'", consumed_spoke=ago(days=1), attempts="1", available=ago(minutes=-1))
    row(consumer="'c'", consumed_spoke=ago(minutes=1), attempts="1", available=ago(seconds=30))
    scheduled = row(published=ago(days=9))
    healthy.persist_event_scheduled({"event_id": scheduled, "scheduled": datetime.now(UTC) + timedelta(hours=1)})
    assert list(findings(healthy.read_status())) == []


def test_read_status_counts_by_domain_and_state_what_node_has_published_too(
    healthy: EventflowDB, row: Row, admin: Admin
) -> None:
    for domain in ("a", "b"):
        row(domain)
        row(domain, domain="NULL")
        row(domain, failed=ago(days=2))
        row(domain, failed=ago(days=1))
        row(domain, domain="NULL", failed=ago(days=1))
    status = healthy.read_status()
    found = {(one.domain, one.state): one for one in status.publications}
    assert {key: one.count for key, one in found.items()} == {
        (domain, state): count for domain in ("a", "b") for state, count in (("published", 2), ("failed", 3))
    }
    oldest = found["a", "failed"].oldest
    assert oldest is not None
    assert abs(status.server.now - timedelta(days=2) - oldest) < timedelta(seconds=5)


def test_read_status_stops_counting_at_10_000(healthy: EventflowDB, admin: Admin) -> None:
    ids = healthy.persist_events([EVENT] * 10_001)
    healthy.persist_events_published({"event_id": event_id, "publisher": "publisher"} for event_id in ids)
    assert [one.count for one in healthy.read_status().publications] == [10_000]
    admin.execute("UPDATE event_published SET success = UTC_TIMESTAMP()")
    assert [(one.state, one.count) for one in healthy.read_status().publications] == [("success", 10_000)]


def test_read_status_inside_a_transaction(healthy: EventflowDB, row: Row) -> None:
    row()
    with healthy.transaction() as tx:
        assert [one.count for one in tx.read_status().publications] == [1]


def test_read_status_by_an_account_that_only_reads(healthy: EventflowDB, empty_database: str, admin: Admin) -> None:
    name = f"onlooker{secrets.token_hex(4)}"
    admin.execute(f"CREATE USER '{name}'@'%' IDENTIFIED BY 'look'")
    try:
        admin.execute(f"GRANT SELECT ON `{empty_database}`.* TO '{name}'@'%'")
        given = Settings.from_url(admin.server.database_url(empty_database))
        with EventflowDB(msgspec.structs.replace(given, user=name, password="look")) as db:
            assert isinstance(db.read_status(), Status)
    finally:
        admin.execute(f"DROP USER '{name}'@'%'")


def test_read_status_without_tables_raises_schema_error(empty_db: EventflowDB) -> None:
    with fails(errors.SchemaError, "STATUS"):
        empty_db.read_status()


def test_metrics_are_prometheus_text(healthy: EventflowDB, row: Row) -> None:
    row('a"b\\c')
    lines = list(metrics(healthy.read_status()))
    names = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(names) == len(set(names))
    samples = [line for line in lines if not line.startswith("#")]
    assert 'eventflow_publications{domain="a\\"b\\\\c",state="published"} 1' in samples
    for line in samples:
        assert line.partition("{")[0].split()[0] in names
        float(line.rpartition(" ")[2])
