"""Runs the steps of an upgrade beside writers: short waits for locks, tried again, and ended at any moment."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec
import pymysql.err

from ..driver.errnos import meaning
from ..errors import ConflictError, SchemaError
from ..settings import Settings
from .server import AGE, CODE, Inspector
from .upgrade import OLD, Step

Report = Callable[[str], None]
_LOCK: Final = "eventflow-db setup"
"""The named lock of setup_table_schemas: no two change tables at once."""
_LOCK_TIMEOUT: Final = 30
_LOCK_WAIT: Final = 2
"""Seconds that a statement waits for a lock: everyone who comes after it waits with it."""
_TRIES: Final = 30
_PAUSE: Final = 1.0
"""Seconds between two tries, in which the others have their turn."""
_PIECE: Final = 5_000
"""Rows that are moved in one transaction."""
_DAY: Final = 86_400
_LOCKED: Final = (1205, 1213)
RIGHTS: Final = (1044, 1142, 1143, 1227, 1370)
"""The server's numbers for what a user may not do."""
GRANTS: Final = (
    "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, REFERENCES, DROP, TRIGGER ON `{database}`.*",
    "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, REFERENCES, DROP ON `eventflow\\_check\\_%`.*",
)
"""What an upgrade needs: the first to run its steps, for which reading is enough to find them."""
_OLDEST: Final = f"""
    SELECT trx_mysql_thread_id, {AGE.format("trx_started")} FROM information_schema.innodb_trx
    WHERE trx_mysql_thread_id NOT IN (0, CONNECTION_ID()) ORDER BY trx_started LIMIT 3
"""


@contextlib.contextmanager
def upgrading(settings: Settings) -> Iterator[Inspector]:
    """A session for steps, which no other upgrade nor setup_table_schemas runs beside.

    Raises: ConflictError where another one does not end, such as the last statement of one that was killed;
    SchemaError in a group with several primaries.
    """
    with Inspector(msgspec.structs.replace(settings, lock_wait_timeout=_LOCK_WAIT), settings.database) as session:
        if session.execute(f"SELECT GET_LOCK('{_LOCK}', {_LOCK_TIMEOUT})") != [("1",)]:
            raise ConflictError(
                CODE, "another upgrade or setup_table_schemas is at work, or still ends: try again later"
            )
        if session.channel.has_several_primaries():
            raise SchemaError(CODE, meaning(3092).text)
        session.execute("SET SESSION foreign_key_checks = 0")
        session.channel.limit(_DAY)
        try:
            yield session
        except BaseException as error:
            if not isinstance(error, Exception):
                # the server would go on with a statement that nobody waits for
                with contextlib.suppress(pymysql.err.Error), Inspector(settings) as other:
                    other.execute(f"KILL {session.thread}")
            raise


def run_steps(session: Inspector, steps: Sequence[Step], report: Report) -> None:
    """Run steps in their order, saying how far it is.

    Raises: ConflictError where others hold a lock all the time; the driver's error where the server refuses one.
    """
    for number, step in enumerate(steps, 1):
        report(f"{number} of {len(steps)}: {step.table}: {step.effect}{estimate(step)}")
        started = time.monotonic()
        if step.moved_by:
            _move(session, step, report)
        else:
            _patiently(session, [step.statement], step.table, report)
        report(f"{number} of {len(steps)}: done in {time.monotonic() - started:.1f} s")


def estimate(step: Step) -> str:
    """How many rows are copied or moved, and how long that will take."""
    if not step.waits and not step.moved_by:
        return ""
    wait = (
        f", for about {step.seconds:.0f} s (an estimate)"
        if step.seconds >= 1
        else ", for less than a second" * step.waits
    )
    return f"{wait}; {step.rows:,} rows"


def _patiently(session: Inspector, statements: Sequence[str], table: str, report: Report) -> None:
    """Run statements, several in one transaction; again where somebody else held a lock."""
    for attempt in range(1, _TRIES + 1):
        try:
            for statement in statements:
                session.execute(statement)
            return
        except pymysql.err.Error as error:
            if error.args[0] not in _LOCKED:
                raise
            if len(statements) > 1:
                session.execute("ROLLBACK")
        report(f"{table} is locked by another transaction: try {attempt} of {_TRIES}")
        time.sleep(_PAUSE)
    holders = ""
    with contextlib.suppress(pymysql.err.Error):
        holders = ", ".join(f"{thread} ({age} s)" for thread, age in session.execute(_OLDEST))
    text = f"{table} was locked by another transaction all the time: end it, then start again"
    raise ConflictError(CODE, f"{text}; sessions with the oldest transactions: {holders or 'not known'}")


def _move(session: Inspector, step: Step, report: Report) -> None:
    """Move the rows of an old table, each piece in one transaction with its deletion."""
    old, order = f"`{OLD}{step.table.removeprefix(OLD)}`", f"`{step.moved_by}`"
    moved, told = 0, time.monotonic()
    while bounds := session.execute(
        f"SELECT MAX({order}), COUNT(*) FROM (SELECT {order} FROM {old} ORDER BY {order} LIMIT {_PIECE}) AS piece"
    ):
        last, count = bounds[0]
        if last is None:
            return
        where = f"WHERE {order} <= '{last}'"
        copy = f"{step.statement} {where} ORDER BY {order}"
        _patiently(session, ["BEGIN", copy, f"DELETE FROM {old} {where}", "COMMIT"], step.table, report)
        moved += int(count)
        if time.monotonic() - told > 2:
            told = time.monotonic()
            report(f"moved {moved:,} of {step.rows:,} rows")
