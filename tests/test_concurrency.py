"""Many at once: each claim has one winner, versions have no gap, and nobody meets an error."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from eventflow_db import EventflowDB, NewCertificate, NewHub, Settings
from eventflow_db.testing import Server

from .api import API, concurrently
from .support import EVENT, Admin

WORKERS = 16
IDS = [f"event {number:03}" for number in range(100)]
Claim = Callable[[EventflowDB, str, int], bool]


@pytest.fixture
def crowd(api: API, eventflow_server: Server, database: str) -> EventflowDB:
    """A database object with a connection for each worker."""
    return api.database(f"{eventflow_server.database_url(database)}?connection_limit={WORKERS}")


def claims(db: EventflowDB, claim: Claim, ids: list[str]) -> list[list[str]]:
    """What each worker won of the ids, all going for them in the same order at once."""

    def work(worker: int) -> list[str]:
        return [id for id in ids if claim(db, id, worker)]

    return concurrently(*[lambda worker=worker: work(worker) for worker in range(WORKERS)])


def one_winner_each(won: list[list[str]], ids: list[str]) -> bool:
    return sorted(id for part in won for id in part) == ids


CLAIMS: dict[str, Claim] = {
    "hub": lambda db, id, worker: db.update_event_published_to_consumed_by_hub(id, f"hub {worker}"),
    "spoke": lambda db, id, worker: db.update_event_published_to_consumed_by_spoke(id, f"spoke {worker}"),
    "executed": lambda db, id, _: db.update_event_scheduled_executed(id),
}


@pytest.fixture
def hundred(crowd: EventflowDB, hub: NewHub, admin: Admin, database: str) -> None:
    """100 events, each published and scheduled, and a hub for each worker."""
    crowd.persist_events([{**EVENT, "id": id} for id in IDS])
    admin.use(database)
    admin.execute("INSERT INTO event_published (event_id, publisher) SELECT id, 'publisher' FROM event")
    admin.execute("INSERT INTO event_scheduled (event_id, scheduled) SELECT id, '2030-01-02' FROM event")
    for worker in range(WORKERS):
        crowd.persist_hub({**hub, "id": f"hub {worker}"})


@pytest.mark.parametrize("kind", CLAIMS)
def test_claims_of_16_workers_have_one_winner_each(crowd: EventflowDB, hundred: None, kind: str) -> None:
    won = claims(crowd, CLAIMS[kind], IDS)
    assert one_winner_each(won, IDS)
    for worker, ids in enumerate(won):
        rows = [crowd.read_event_published(id) for id in ids if kind != "executed"]
        assert {getattr(row, "hub" if kind == "hub" else "consumer") for row in rows} <= {f"{kind} {worker}"}


def test_update_hub_to_quit_by_16_workers_is_true_once_each(crowd: EventflowDB, hub: NewHub) -> None:
    ids = [f"hub {number:02}" for number in range(20)]
    for id in ids:
        crowd.persist_hub({**hub, "id": id})
    assert one_winner_each(claims(crowd, lambda db, id, _: db.update_hub_to_quit(id), ids), ids)
    assert crowd.read_online_hubs() == []


def test_persist_certificate_by_16_workers_is_true_once(crowd: EventflowDB, certificate: NewCertificate) -> None:
    assert sum(concurrently(*[lambda: crowd.persist_certificate(certificate)] * WORKERS)) == 1


def test_revoke_certificate_by_8_workers_re_issuing_it_numbers_versions_without_a_gap(
    crowd: EventflowDB, certificate: NewCertificate, admin: Admin, database: str
) -> None:
    def work() -> int:
        revoked = 0
        for _ in range(10):
            crowd.persist_certificate(certificate)
            revoked += crowd.revoke_certificate(certificate["id"])
        return revoked

    revoked = sum(concurrently(*[work] * 8))
    rows = admin.execute(f"SELECT version FROM `{database}`.certificate WHERE version > 0 ORDER BY version")
    assert [version for (version,) in rows] == list(range(1, revoked + 1))
    assert revoked >= 10


def test_revoke_certificates_past_validity_period_by_8_workers_counts_each_once(
    crowd: EventflowDB, certificate: NewCertificate, admin: Admin, database: str
) -> None:
    for number in range(20):
        crowd.persist_certificate({**certificate, "id": f"certificate {number}"})
    admin.execute(f"UPDATE `{database}`.certificate SET validity = '2020-01-01'")
    assert sum(concurrently(*[crowd.revoke_certificates_past_validity_period] * 8)) == 20
    rows = admin.execute(f"SELECT DISTINCT version FROM `{database}`.certificate")
    assert rows == ((1,),)


def test_persist_event_by_16_workers_loses_none(crowd: EventflowDB) -> None:
    def work() -> list[str]:
        return [crowd.persist_event(EVENT) for _ in range(20)]

    ids = {id for part in concurrently(*[work] * WORKERS) for id in part}
    assert len(ids) == 320
    assert {event.id for event in crowd.read_events_by_domain_and_pid("domain", "pid")} == ids


def test_workers_may_outnumber_the_connections(api: API, settings: Settings) -> None:
    db = api.database(settings)
    assert settings.connection_limit < WORKERS
    assert concurrently(*[lambda: [db.ping() for _ in range(20)]] * WORKERS) == [[None] * 20] * WORKERS  # type: ignore[func-returns-value]
