"""Rows that were read, as frozen Structs; inputs.py has what new rows are made of."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from msgspec import Struct


class Event(Struct, frozen=True):
    """An event. timestamp is aware, UTC, to the millisecond; data is any JSON value."""

    id: str
    timestamp: datetime
    domain: str
    rid: str | None
    pid: str
    name: str
    data: Any


class ClaimedEvent(Struct, frozen=True):
    """An event that a consumer has claimed, with its publisher and publication.

    timestamp is aware, UTC, to the millisecond, published to the second. attempts: how often it was claimed, this
    time included.
    """

    id: str
    timestamp: datetime
    domain: str
    rid: str | None
    pid: str
    name: str
    data: Any
    publisher: str
    published: datetime
    attempts: int


class PublishedEvent(Struct, frozen=True):
    """The publication of an event, with the event's own domain, pid and name.

    Times are aware, UTC, to the second; None: that has not happened. available: since when it may be claimed, or when
    the lease of its claim ends. attempts: how often it was claimed with a lease. error: of the last attempt that
    failed, any JSON value.
    """

    event_id: str
    published: datetime
    publisher: str
    consumer: str | None
    hub: str | None
    consumed_hub: datetime | None
    consumed_spoke: datetime | None
    success: datetime | None
    failed: datetime | None
    orphan: datetime | None
    domain: str
    pid: str
    name: str
    available: datetime
    attempts: int
    error: Any | None


class ScheduledEvent(Struct, frozen=True):
    """The schedule of an event, with the event's own domain, pid and name.

    Times are aware, UTC, to the second; None: that has not happened.
    """

    event_id: str
    timestamp: datetime
    scheduled: datetime
    executed: datetime | None
    success: datetime | None
    failed: datetime | None
    domain: str
    pid: str
    name: str


class Hub(Struct, frozen=True):
    """A hub. timestamp, since when it is online, and quit are aware, UTC, to the second; quit None: online."""

    id: str
    timestamp: datetime
    external_ip: str
    external_port: int
    internal_ip: str
    internal_port: int
    quit: datetime | None


class Certificate(Struct, frozen=True, rename={"pass_": "pass"}):
    """A certificate. Its repr leaves the key material out.

    created and updated are aware, UTC, to the millisecond; validity and revoked to the second. version 0
    is the active certificate of its id.
    """

    created: datetime
    updated: datetime
    version: int
    id: str
    cert: str
    key: bytes
    key_iv: bytes
    key_salt: bytes
    key_tag: bytes
    pass_: bytes
    pass_iv: bytes
    pass_salt: bytes
    pass_tag: bytes
    validity: datetime
    revoked: datetime | None

    def __repr__(self) -> str:
        return (
            f"Certificate(id={self.id!r}, version={self.version!r}, validity={self.validity!r}, "
            f"revoked={self.revoked!r}, …)"
        )

    def __rich_repr__(self) -> Any:
        """What rich shows: the same."""
        yield from (("id", self.id), ("version", self.version), ("validity", self.validity))
        yield "revoked", self.revoked


class Log(Struct, frozen=True):
    """A log line. timestamp is aware, UTC, to the millisecond; seq is its position in the order of writing."""

    seq: int
    timestamp: datetime
    agent: str
    message: str
    error: Any


class PublicationCount(Struct, frozen=True):
    """How many publications of a domain are in a state, and since when the oldest of them is, aware, UTC.

    state: as in read_events_published, or `scheduled`: it waits for its schedule. count: 10,000 stands for more.
    oldest: of `consumed_spoke` without those whose lease runs.
    """

    domain: str
    state: str
    count: int
    oldest: datetime | None


class ScheduleCount(Struct, frozen=True):
    """How many schedules wait for their time, and how many are due and not executed, since when, aware, UTC.

    10,000 stands for more.
    """

    waiting: int
    due: int
    oldest: datetime | None


class OnlineHub(Struct, frozen=True):
    """A hub that has not quit: since when it is online, and when it took the latest of its events; aware, UTC."""

    id: str
    timestamp: datetime
    consumed: datetime | None


class ServerState(Struct, frozen=True):
    """The server: its clock, aware, UTC, its version, the time zone of sessions that set none, and its role."""

    now: datetime
    version: str
    time_zone: str
    is_utc: bool | None
    is_read_only: bool


class Status(Struct, frozen=True):
    """One look at all of it: see read_status."""

    server: ServerState
    outdated_tables: list[str]
    publications: list[PublicationCount]
    schedules: ScheduleCount
    hubs: list[OnlineHub]
    published_lately: int
    certificates: list[tuple[str, int]]
    log_days_ahead: int


class SessionVariables(Struct, frozen=True):
    """What a connection's session is set to, as far as statements depend on it."""

    time_zone: str
    character_set_client: str
    character_set_connection: str
    character_set_results: str | None
    sql_mode: str
    foreign_key_checks: int
    unique_checks: int
    sql_select_limit: int
    max_allowed_packet: int
    rolls_back_on_timeout: int


class Column(NamedTuple):
    """A column that a field of a record comes from."""

    name: str
    type: str
    """`str`, `int`, `bytes`, `datetime`, or `Any` for JSON."""
    nullable: bool


@lru_cache
def columns(record: type[Struct]) -> tuple[Column, ...]:
    """The columns of a record, in its order."""
    words = [record.__annotations__[name].split(" | ") for name in record.__struct_fields__]
    names = record.__struct_encode_fields__
    return tuple(Column(name, word[0], word[-1] == "None") for name, word in zip(names, words, strict=True))
