"""The Node library's releases: their tables (`data/node-*.sql`), and the shapes of their statements in our spelling."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from .support import Admin

RELEASES: Final = ("4.1", "4.8")


def tables(release: str) -> list[str]:
    """The statements that create a release's tables."""
    return script(f"node-{release}")


def script(name: str) -> list[str]:
    """The statements of a file of `data/`."""
    text = (Path(__file__).parent / "data" / f"{name}.sql").read_text(encoding="utf-8")
    return text.removesuffix(";\n").split(";\n")


def create(admin: Admin, database: str, release: str) -> None:
    """Create a release's tables in a database, as the server's defaults make them."""
    admin.use(database)
    for statement in tables(release):
        admin.execute(statement)


class Step(NamedTuple):
    """A statement, and how many rows it writes or gives."""

    statement: str
    arguments: Sequence[Any] = ()
    rows: int = 1


_KEY: Final = {"4.1": "%s", "4.8": "CAST(%s AS CHAR CHARACTER SET ascii) COLLATE ascii_bin"}
"""How a release writes a parameter that is a key."""
_CERTIFICATE: Final = (
    "INSERT INTO certificate SET id = %s, validity = %s, cert = 'c', `key` = 'k', key_iv = 'k', key_salt = 'k', "
    "key_tag = 'k', pass = 'p', pass_iv = 'p', pass_salt = 'p', pass_tag = 'p'"
)
_REVOKE: Final = "c.revoked = UTC_TIMESTAMP(), c.version = s.n"


def story(release: str) -> list[Step]:
    """Every kind of statement that a release sends, in an order in which each has something to do.

    Not its read by domain and cpid, where that is 4.1's: it names `domain` without a table.
    """
    k = _KEY[release]
    event = "INSERT INTO event SET id = %s, domain = %s, pid = %s, name = %s, data = %s"
    of_process = f"FROM event WHERE pid = {k} AND domain = {k}"
    process = ("pid", "domain")
    cpid = [
        Step("INSERT INTO event_cpid SET event_id = %s, cpid = %s", ("event", "cpid")),
        Step(f"SELECT cpid FROM event_cpid WHERE event_id = {k}", ("event",)),
        Step(f"DELETE FROM event_cpid WHERE event_id = {k} AND cpid = {k}", ("event", "cpid")),
    ]
    if release == "4.8":
        association = ("event", "domain", "cpid")
        cpid = [
            Step("INSERT INTO event_cpid SET event_id = %s, domain = %s, cpid = %s", association),
            Step(f"SELECT domain, cpid FROM event_cpid WHERE event_id = {k}", ("event",)),
            Step(
                "SELECT event.* FROM event_cpid JOIN event ON event_id = event.id "
                f"WHERE event_cpid.cpid = {k} AND event_cpid.domain = {k} ORDER BY timestamp ASC",
                ("cpid", "domain"),
            ),
            Step(f"DELETE FROM event_cpid WHERE event_id = {k} AND domain = {k} AND cpid = {k}", association),
        ]
    by_eid = f"SELECT event.* FROM event_eid JOIN event ON event_id = event.id WHERE eid = {k}"
    return [
        *(Step(statement, (), 0) for statement in tables(release)),
        Step(
            "INSERT INTO hub SET id = %s, external_ip = %s, external_port = %s, internal_ip = %s, internal_port = %s",
            ("hub", "127.0.0.1", 1, "127.0.0.1", 1),
        ),
        Step("SELECT * FROM hub WHERE quit IS NULL"),
        Step(f"SELECT * FROM hub WHERE id = {k} AND quit IS NOT NULL", ("hub",), 0),
        Step(event, ("event", "domain", "pid", "name", '{"é": "ü"}')),
        Step(event + ", rid = %s", ("answer", "domain", "pid", "name", "{}", "event")),
        Step(f"SELECT * FROM event WHERE id = {k}", ("event",)),
        Step(f"SELECT * {of_process} ORDER BY timestamp ASC", process, 2),
        Step(
            f"SELECT * {of_process} AND timestamp BETWEEN %s AND %s ORDER BY timestamp ASC",
            (*process, "2000-01-01", "2100-01-01"), 2,
        ),
        Step(f"SELECT * {of_process} AND name IN ({k}, {k}) ORDER BY timestamp ASC", (*process, "name", "other"), 2),
        Step(f"SELECT DISTINCT pid FROM event WHERE domain = {k} ORDER BY pid ASC", ("domain",)),
        *cpid,
        Step("INSERT INTO event_eid SET event_id = %s, eid = %s", ("event", "eid")),
        Step(f"SELECT eid FROM event_eid WHERE event_id = {k}", ("event",)),
        Step(f"{by_eid} ORDER BY timestamp ASC", ("eid",)),
        Step(f"{by_eid} AND domain = {k} ORDER BY timestamp ASC", ("eid", "domain")),
        Step(f"DELETE FROM event_eid WHERE event_id = {k} AND eid = {k}", ("event", "eid")),
        Step("INSERT INTO event_scheduled SET event_id = %s, scheduled = %s", ("event", "2100-01-01")),
        Step("SELECT * FROM event_scheduled WHERE scheduled >= UTC_TIMESTAMP() AND executed IS NULL"),
        *(
            Step(f"UPDATE event_scheduled SET {column} = UTC_TIMESTAMP() WHERE event_id = {k}", ("event",))
            for column in ("executed", "success", "failed")
        ),
        Step("INSERT INTO event_published SET event_id = %s, publisher = %s", ("event", "publisher")),
        *(
            Step(
                f"UPDATE event_published SET {time} = UTC_TIMESTAMP(), {column} = %s "
                f"WHERE event_id = {k} AND {time} IS NULL", (name, "event"),
            )
            for time, column, name in (("consumed_hub", "hub", "hub"), ("consumed_spoke", "consumer", "spoke"))
        ),
        *(
            Step(f"UPDATE event_published SET {column} = UTC_TIMESTAMP() WHERE event_id = {k}", ("event",))
            for column in ("success", "failed", "orphan")
        ),
        Step(
            "ALTER TABLE log REORGANIZE PARTITION p_hot INTO (PARTITION p_cold_20000101 VALUES LESS THAN "
            "(TO_DAYS('2000-01-01')), PARTITION p_hot VALUES LESS THAN MAXVALUE)", (), 0,
        ),
        Step("INSERT INTO log SET agent = %s, message = %s, error = %s", ("agent", "möglich 🎉", '{"é": 1}')),
        Step(_CERTIFICATE, ("certificate", "2100-01-01")),
        Step(f"SELECT * FROM certificate WHERE id = {k} AND version = 0", ("certificate",)),
        Step(
            f"UPDATE certificate AS c LEFT JOIN (SELECT id, COUNT(*) AS n FROM certificate WHERE id = {k} GROUP BY id) "
            f"AS s ON c.id = s.id SET {_REVOKE} WHERE c.id = {k} AND c.version = 0 AND c.revoked IS NULL",
            ("certificate", "certificate"),
        ),
        Step(_CERTIFICATE, ("certificate", "2000-01-01")),
        Step(
            "UPDATE certificate AS c LEFT JOIN (SELECT id, COUNT(*) AS n FROM certificate GROUP BY id) AS s "
            f"ON c.id = s.id SET {_REVOKE} WHERE c.version = 0 AND c.validity < UTC_TIMESTAMP()",
        ),
        Step(f"DELETE FROM event WHERE id = {k}", ("event",)),
        Step(f"DELETE {of_process}", process),
        Step(f"UPDATE hub SET quit = UTC_TIMESTAMP() WHERE id = {k}", ("hub",)),
        Step(f"SELECT * FROM hub WHERE id = {k} AND quit IS NOT NULL", ("hub",)),
    ]  # fmt: skip
