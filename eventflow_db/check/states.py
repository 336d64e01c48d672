"""Rows by which two texts of a query are compared: few, and in every state that makes a difference to some query."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import cycle, product
from typing import Any, Final

NOW: Final = datetime(2026, 6, 15, 12)
"""What the server is told that time it is, in UTC."""
Rows = list[dict[str, Any]]
DOMAINS: Final = ("shop", "shop_2", "shopX2", "Shop")
"""Of the third, LIKE says that it is the second; of the fourth, a collation without case that it is the first."""
PIDS: Final = ("order-1", "order-2", "Order-1")
NAMES: Final = ("placed", "paid", "Placed", "pai_")
_LOG_DAYS: Final = (-40, -9, -2, -1, 0, 0, 1)
PARTITIONS: Final = (-8, -1, 0, 1, 3)
"""The days before which the log has a partition, from today."""


def states() -> Mapping[str, Rows]:
    """The rows of each table, as column → value; datetimes are in UTC."""
    events = _events()
    return {
        "hub": _hubs(),
        "event": events,
        "event_cpid": _associations(events, "cpid"),
        "event_eid": _associations(events, "eid"),
        "event_published": _publications(events),
        "event_scheduled": _schedules(events),
        "certificate": _certificates(),
        "log": _log(),
    }


def ago(**units: float) -> datetime:
    """A time before now."""
    return NOW - timedelta(**units)


def _events() -> Rows:
    """Of each domain, process and name; some at the same time, or a millisecond apart; ids in no order of time."""
    events: Rows = []
    kinds = list(product(DOMAINS, PIDS, NAMES)) + [("shop", "order-1", "placed")] * 20 + [("stock", "order-9", "sent")]
    offsets = cycle((0, 0, 1, 1000, 60_000, 86_400_000))
    passed = timedelta()
    data: Any = cycle(({"total": 12}, None, [], "text", {"a": {"b": None}}, 7))
    for number, (domain, pid, name) in enumerate(kinds):
        # 37 is prime to their number, so that each has a key of its own
        key = number * 37 % (len(kinds) + 2) if number % 3 else number + 200
        passed += timedelta(milliseconds=next(offsets))
        events.append(
            {
                "id": f"{'E' if number == 5 else 'e'}-{key:03}", "timestamp": ago(days=100) + passed, "domain": domain,
                "rid": None, "pid": pid, "name": name, "data": next(data),
            }
        )  # fmt: skip
    for number, event in enumerate(events[3:], 3):
        if number % 5 == 0:
            event["rid"] = events[number - 3]["id"]
        if number % 10 == 5:
            event["rid"] = events[0]["id"]
    # the last ones are of now, and of the future
    for event, seconds in zip(events[-6:], (-1, -0.001, 0, 0.001, 1, 3600), strict=True):
        event["timestamp"] = NOW + timedelta(seconds=seconds)
    return events


def _associations(events: Rows, name: str) -> Rows:
    """Of most events one, of some several, also with another domain's; others share their values but for the case."""
    rows: Rows = []
    values = cycle(("a-1", "a-2", "A-1", "a_1"))
    for number, event in enumerate(events[:-1]):
        for value in {next(values) for _ in range(number % 3)} | ({"shared"} if number % 4 == 0 else set()):
            if name == "eid":
                rows.append({"event_id": event["id"], "eid": value})
                continue
            rows.append({"event_id": event["id"], "domain": ("", event["domain"])[number % 2], "cpid": value})
            if number % 6 == 0:
                rows.append({"event_id": event["id"], "domain": "stock" if number % 12 else "shop", "cpid": value})
    return rows


_CLAIMED: Final[dict[str, Any]] = {"consumer": "spoke-1", "consumed_spoke": ago(minutes=5)}
_TAKEN: Final[dict[str, Any]] = {"hub": "hub-1", "consumed_hub": ago(minutes=6)}
_STATES: Final[tuple[dict[str, Any], ...]] = (
    {},
    {"available": ago(days=2)},
    {"available": NOW},
    {"available": ago(seconds=1)},
    {"available": NOW + timedelta(seconds=1)},
    _TAKEN,
    {**_TAKEN, **_CLAIMED},
    {**_CLAIMED, "consumer": "Spoke-1"},
    {**_CLAIMED, "attempts": 1, "available": NOW + timedelta(minutes=1)},
    {**_CLAIMED, "attempts": 1, "available": NOW + timedelta(seconds=1)},
    {**_CLAIMED, "attempts": 1, "available": ago(hours=1)},
    {**_CLAIMED, "attempts": 2, "available": ago(seconds=1)},
    {**_CLAIMED, "attempts": 3, "available": NOW},
    {**_CLAIMED, **_TAKEN, "attempts": 65535, "available": ago(hours=2)},
    {**_CLAIMED, "consumer": None, "attempts": 2, "available": ago(minutes=1), "error": {"text": "failed once"}},
    {**_CLAIMED, "consumer": None, "attempts": 1, "available": NOW + timedelta(minutes=5)},
    {**_TAKEN, **_CLAIMED, "success": ago(minutes=4)},
    {**_TAKEN, "success": ago(minutes=8)},
    {**_CLAIMED, "attempts": 1, "success": NOW},
    {**_CLAIMED, "attempts": 4, "failed": ago(days=30), "error": {"text": "died"}},
    {**_CLAIMED, "failed": ago(minutes=3), "error": None},
    {**_TAKEN, "orphan": ago(minutes=2)},
    {"orphan": ago(days=60)},
    {**_CLAIMED, "success": ago(minutes=1), "failed": ago(minutes=2), "orphan": ago(minutes=3)},
    {**_CLAIMED, "failed": ago(minutes=2), "orphan": ago(days=3)},
)
"""What becomes of publications: waiting, taken, claimed, expired, to be tried again, done, dead; some are several."""


_LATELY: Final = [
    timedelta(minutes=minutes, seconds=seconds)
    for minutes, seconds in ((60, 0), (60, 1), (59, 59), (1, 0), (1, 1), (0, 59))
]


def _publications(events: Rows) -> Rows:
    """In every state twice in the first domain, once as Node writes it; of the others some; not of every event."""
    rows: Rows = []
    for number, (event, state) in enumerate(zip(events, cycle(_STATES), strict=False)):
        if number % 7 == 6 or event["domain"] == "stock":
            continue
        # few of the last hour, of which some are of its ends
        published = NOW - _LATELY[number] if number < len(_LATELY) else ago(days=3 + number % 40, minutes=number)
        row = {
            "event_id": event["id"], "published": published, "publisher": ("p-1", "P-1")[number % 2], "consumer": None,
            "hub": None, "consumed_hub": None, "consumed_spoke": None, "success": None, "failed": None, "orphan": None,
            "domain": None if number % 11 in (3, 7) else event["domain"], "available": published, "attempts": 0,
            "error": Null, **state,
        }  # fmt: skip
        if row["hub"]:
            row["consumed_hub"] -= timedelta(seconds=number * 37 % 100)
        rows.append(row)
    return rows


class Null:
    """NULL in a column of JSON, where None is JSON's null."""


def _schedules(events: Rows) -> Rows:
    """Due and not, executed and not, beside publications and without."""
    rows: Rows = []
    times = (ago(days=9), NOW, ago(seconds=1), ago(days=1), ago(days=1), NOW + timedelta(seconds=1), ago(hours=3), NOW)
    some = [event for number, event in enumerate(events) if number % 5 < 2 or event["domain"] == "stock"]
    for number, event in enumerate(some):
        # three in a row are of each time
        scheduled = (*times, NOW + timedelta(days=1))[(number + 2) // 3 % 9]
        executed = (ago(minutes=30), None, None, NOW, None)[number % 5]
        rows.append(
            {
                "event_id": event["id"], "timestamp": ago(days=2, minutes=number // 4), "scheduled": scheduled,
                "executed": executed, "success": executed and (None, ago(minutes=29))[number % 2],
                "failed": executed and (ago(minutes=28), None)[number % 2],
            }
        )  # fmt: skip
    return rows


def _hubs() -> Rows:
    """Online and quit, long ago, at the same time and just now."""
    quits = (None, None, None, ago(days=100), ago(days=30), ago(seconds=1), NOW, None)
    times = (ago(days=2), ago(days=2), NOW, ago(days=101), ago(days=140), ago(days=1), ago(days=1), ago(days=300))
    ids = ("hub-2", "hub-1", "Hub-1", "hub-3", "hub-4", "hub-5", "hub_1", "hub-0")
    return [
        {
            "id": id, "timestamp": timestamp, "external_ip": ("10.0.0.1", "", "::1")[number % 3],
            "external_port": 8000 + number % 2, "internal_ip": ("10.1.0.1", "::1")[number % 2], "internal_port": 443,
            "quit": quit,
        }
        for number, (id, timestamp, quit) in enumerate(zip(ids, times, quits, strict=True))
    ]  # fmt: skip


def _certificates() -> Rows:
    """Three versions of one, revoked and not; ended, ending at once, soon and later."""
    later = NOW + timedelta(days=400)
    kinds = (
        ("hub-1", 0, later, None), ("hub-1", 1, ago(days=500), ago(days=400)), ("hub-1", 2, later, ago(days=10)),
        ("Hub-1", 0, NOW + timedelta(days=10), None), ("hub-2", 0, ago(days=1), None),
        ("hub-2", 1, ago(days=2), ago(days=2)), ("hub-3", 0, NOW, None), ("hub-3", 3, ago(days=9), ago(days=9)),
        ("hub-4", 0, NOW + timedelta(days=30), None), ("hub-5", 0, NOW + timedelta(days=30, seconds=1), None),
        ("hub-6", 1, later, ago(days=1)), ("hub-7", 0, ago(seconds=1), None), ("hub-7", 5, ago(days=8), ago(days=8)),
        ("hub-8", 0, NOW + timedelta(seconds=1), None), ("hub-9", 0, later, ago(days=3)),
    )  # fmt: skip
    blobs = ("key", "key_iv", "key_salt", "key_tag", "pass", "pass_iv", "pass_salt", "pass_tag")
    return [
        {
            "created": ago(days=600, minutes=number), "updated": ago(days=300), "version": version, "id": id,
            "cert": f"certificate {number}", **{blob: f"{blob} {number}".encode() for blob in blobs},
            "validity": validity, "revoked": revoked,
        }
        for number, (id, version, validity, revoked) in enumerate(kinds)
    ]  # fmt: skip


def _log() -> Rows:
    """In every partition, of agents that differ in case, at the same time and at midnight."""
    midnight = datetime(NOW.year, NOW.month, NOW.day)
    times = [midnight + timedelta(days=day) for day in _LOG_DAYS] + [NOW, NOW, ago(seconds=0.001), ago(hours=1)]
    return [
        {
            "timestamp": time, "agent": agent, "message": f"message {number}", "error": (None, {"code": 1})[number % 2],
            "seq": (number * 7 + len(agent)) % 22 + 1 + 22 * (agent == "agent-1"),
        }
        for agent in ("agent-1", "Agent-1")
        for number, time in enumerate(times)
    ]  # fmt: skip
