"""Hubs: persisted online, read by how long they are, quit once."""

from __future__ import annotations

import pytest

from eventflow_db import EventflowDB, NewHub, errors

from .operations import fails
from .support import Admin


def test_persist_hub(db: EventflowDB, hub: NewHub) -> None:
    assert db.persist_hub(hub) is True


def test_persist_hub_twice_raises_duplicate(db: EventflowDB, hub: NewHub) -> None:
    db.persist_hub(hub)
    with fails(errors.DuplicateError, "HUB_PERSIST"):
        db.persist_hub(hub)


def test_persist_hub_that_quit_raises_duplicate(db: EventflowDB, hub: NewHub) -> None:
    db.persist_hub(hub)
    db.update_hub_to_quit(hub["id"])
    with fails(errors.DuplicateError, "HUB_PERSIST"):
        db.persist_hub(hub)


def test_persist_hub_takes_a_record(db: EventflowDB, hub: NewHub, admin: Admin, database: str) -> None:
    db.persist_hub(hub)
    (row,) = db.read_online_hubs()
    admin.execute(f"DELETE FROM `{database}`.hub")
    assert db.persist_hub(row) is True


@pytest.mark.parametrize("port", [0, 65535])
def test_persist_hub_takes_every_port(db: EventflowDB, hub: NewHub, port: int) -> None:
    db.persist_hub({**hub, "external_port": port, "internal_port": port})
    (row,) = db.read_online_hubs()
    assert (row.external_port, row.internal_port) == (port, port)


def test_read_online_hubs(db: EventflowDB, hub: NewHub) -> None:
    db.persist_hub({**hub, "internal_ip": "10.0.0.1", "internal_port": 50002})
    (row,) = db.read_online_hubs()
    assert (row.id, row.external_ip, row.external_port, row.internal_ip, row.internal_port, row.quit) == (
        "hub-id", "127.0.0.1", 50001, "10.0.0.1", 50002, None,
    )  # fmt: skip


def test_read_online_hubs_none_gives_none(db: EventflowDB) -> None:
    assert db.read_online_hubs() == []


@pytest.fixture
def online(db: EventflowDB, hub: NewHub, admin: Admin, database: str) -> list[str]:
    """Hubs in the order that they are to be read in: the oldest, two of one second, one younger."""
    for number, id in enumerate(["b", "young", "old", "a"]):
        db.persist_hub({**hub, "id": id})
        admin.execute(
            f"UPDATE `{database}`.hub SET timestamp = %s WHERE id = %s", f"2030-01-0{(2, 3, 1, 2)[number]}", id
        )
    return ["old", "a", "b", "young"]


def test_read_online_hubs_longest_online_first_then_by_id(db: EventflowDB, online: list[str]) -> None:
    assert [row.id for row in db.read_online_hubs()] == online


def test_read_online_hubs_limit_gives_the_longest_online(db: EventflowDB, online: list[str]) -> None:
    assert [row.id for row in db.read_online_hubs(limit=2)] == online[:2]


def test_read_online_hubs_leaves_those_out_that_quit(db: EventflowDB, online: list[str]) -> None:
    db.update_hub_to_quit("a")
    assert [row.id for row in db.read_online_hubs()] == ["old", "b", "young"]


def test_update_hub_to_quit(db: EventflowDB, hub: NewHub) -> None:
    db.persist_hub(hub)
    assert db.update_hub_to_quit(hub["id"]) is True


def test_update_hub_to_quit_twice_returns_false(db: EventflowDB, hub: NewHub) -> None:
    db.persist_hub(hub)
    db.update_hub_to_quit(hub["id"])
    assert db.update_hub_to_quit(hub["id"]) is False


def test_update_hub_to_quit_unknown_returns_false(db: EventflowDB) -> None:
    assert db.update_hub_to_quit("unknown") is False


def test_has_hub_quit_online_returns_false(db: EventflowDB, hub: NewHub) -> None:
    db.persist_hub(hub)
    assert db.has_hub_quit(hub["id"]) is False


def test_has_hub_quit_after_quitting_returns_true(db: EventflowDB, hub: NewHub) -> None:
    db.persist_hub(hub)
    db.update_hub_to_quit(hub["id"])
    assert db.has_hub_quit(hub["id"]) is True


def test_has_hub_quit_unknown_returns_false(db: EventflowDB) -> None:
    assert db.has_hub_quit("unknown") is False


def test_read_hub_gives_one_that_has_quit_too(db: EventflowDB, hub: NewHub) -> None:
    db.persist_hub(hub)
    assert db.read_hub(hub["id"]) == db.read_online_hubs()[0]
    db.update_hub_to_quit(hub["id"])
    assert db.read_hub(hub["id"]).quit is not None


def test_read_hub_unknown_raises_not_found(db: EventflowDB) -> None:
    with fails(errors.NotFoundError, "HUB_NOT_FOUND"):
        db.read_hub("unknown")
