"""Arguments with which two texts of a query are compared: those of every row, and those just beside them."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain, zip_longest
from typing import Any, Final

from ..query.parameters import STATES, ParameterType, split_mark
from ..query.spec import QuerySpec
from .states import NOW, PARTITIONS, Rows

MOST: Final = {"read": 400, "write": 300}
"""How often a query is compared, at the most: a write takes several statements each time."""
Key = tuple[str, str]
"""Table and column."""
Context = dict[Key, Any]
"""What belongs together: the columns of a row, and of those that refer to it."""
_OF_EVENTS: Final = ("event_cpid", "event_eid", "event_published", "event_scheduled")
_NAMES: Final = {"queue": "domain", "spoke": "consumer", "event_ids": "event_id", "ids": "id", "names": "name"}
"""The column of a parameter that has another name."""
_OTHERS: Final[Mapping[str, Sequence[Any]]] = {
    "limit": (None, 1, 2, 3, 10, 0), "batch": (1000, 1, 2, 3, 10), "page": (1000, 1, 2, 3),
    "state": STATES, "number": (30, 0, 1, 2, 10), "lease": (60, 1), "seconds": (60, 0, 1), "port": (8000, 0, 65535),
    "json": ({"a": [1, None]}, None, "text"), "text": ("text", "", "é\U0001f600'\\"), "reference": ("x",),
    "bytes": (b"bytes", b"", b"\xff\0"), "bytes(16)": (b"bytes", b"", b"\xff" * 16), "savepoint": (1,),
}  # fmt: skip
"""Values of parameters that no row has."""
_STATES: Final = {state: state for state in STATES} | {"available": "expired"}
"""The state that a publication is in since the time in a column."""
_SPREAD: Final = 8
"""How many contexts have each of their values changed."""
_RANDOM: Final = 80


def arguments(spec: QuerySpec, tables: Sequence[str], rows: Mapping[str, Rows]) -> list[dict[str, bytes]]:
    """The literals of a query's parameters, each set once: of each row, of rows with one value changed, of any values.

    tables: that the query names.
    """
    if not spec.param:
        return [{}]
    contexts = _contexts(tables, rows)
    pools = {name: _pool(spec, name, tables, contexts) for name in spec.param}
    chosen = [
        {name: _in_context(spec, name, tables, context, pools[name], number) for name in spec.param}
        for number, context in enumerate(contexts)
    ]
    if "before" in spec.param:
        chosen = [
            {**given, "before": time.replace(tzinfo=UTC), **({"state": _STATES[column]} if "state" in given else {})}
            for given, context in zip(chosen, contexts, strict=True)
            for (_, column), time in context.items()
            if isinstance(time, datetime) and ("state" not in given or column in _STATES)
        ]
    optional = [name for name in spec.param if spec.types[name.rstrip("_")].absent == b"NULL"]
    chosen += [{**given, name: None} for given in chosen for name in optional]
    spread = chosen[:: max(1, len(chosen) // _SPREAD)]
    changed = [{**given, name: value} for given in spread for name, pool in pools.items() for value in pool]
    dice = random.Random(spec.name)
    mixed = [{name: dice.choice(pool) for name, pool in pools.items()} for _ in range(_RANDOM)]
    for some in (chosen, changed):
        dice.shuffle(some)
    found: dict[tuple[bytes, ...], dict[str, bytes]] = {}
    # two of the rows' own for each of the others, so that none of these is only among those left out
    for given in chain(*zip_longest(chosen[::2], chosen[1::2], [*changed, *mixed])):
        literals = given and _literals(spec, given)
        if literals:
            found.setdefault(tuple(literals.values()), literals)
    return list(found.values())[: MOST[spec.kind]]


def _contexts(tables: Sequence[str], rows: Mapping[str, Rows]) -> list[Context]:
    if not any(table == "event" or table in _OF_EVENTS for table in tables):
        return [_columns(table, row) for table in tables for row in rows.get(table, ())] or [{}]
    belonging: dict[str, list[list[Context]]] = {
        event["id"]: [
            [_columns(table, row) for row in rows[table] if row["event_id"] == event["id"]] for table in _OF_EVENTS
        ]
        for event in rows["event"]
    }
    return [
        {**_columns("event", event), **{key: value for part in parts if part for key, value in part.items()}}
        for event in rows["event"]
        for parts in (list(zip_longest(*belonging[event["id"]])) or [()])
    ] or [{}]


def _columns(table: str, row: Mapping[str, Any]) -> Context:
    return {(table, name): value for name, value in row.items()}


def _keys(spec: QuerySpec, name: str, tables: Iterable[str]) -> list[Key]:
    """The columns that a parameter may be meant for."""
    column = _NAMES.get(name, name.rstrip("_"))
    if split_mark(spec.param[name])[0] == "position":
        column = "id"
    # an event need not have what refers to it
    return [*((table, column) for table in tables), *([("event", "id")] if column in ("id", "event_id") else [])]


def _base(spec: QuerySpec, name: str) -> str:
    return split_mark(spec.param[name])[0].removesuffix("*")


def _in_context(
    spec: QuerySpec, name: str, tables: Sequence[str], context: Context, pool: Sequence[Any], number: int
) -> Any:
    """A parameter's value of what belongs together; else any."""
    base = _base(spec, name)
    if base in ("identifier", "position", "address"):
        keys = _keys(spec, name, tables)
        # of several tables that have it, each in turn
        values = [context[key] for key in keys[number % len(keys) :] + keys if context.get(key)]
        if values:
            return [values[0]] if spec.param[name].endswith("*") else values[0]
    if base.startswith("datetime"):
        times = [value for value in context.values() if isinstance(value, datetime)]
        own = [value for (_, column), value in context.items() if column == name and isinstance(value, datetime)]
        if times:
            return (own or [times[number % len(times)]])[0].replace(tzinfo=UTC)
    return pool[number % len(pool)]


def _pool(spec: QuerySpec, name: str, tables: Sequence[str], contexts: Sequence[Context]) -> list[Any]:
    """Every value that may make a difference."""
    base, kind = _base(spec, name), spec.types[name.rstrip("_")]
    values: list[Any] = list(_OTHERS.get(base, ()))
    if base in ("identifier", "position", "address"):
        keys = _keys(spec, name, tables)
        there = list(dict.fromkeys(context[key] for context in contexts for key in keys if context.get(key)))
        values = [*_odd(there), *there[:: max(1, len(there) // 24)]]
        if spec.param[name].endswith("*"):
            values = [[value] for value in values] + [there[:3], there[-2:] + there[-2:], there, []]
    elif base.startswith("datetime"):
        values = list(_times(contexts, timedelta(milliseconds=1) if base.endswith("(3)") else timedelta(seconds=1)))
    elif base in ("date", "partition"):
        values = [NOW.date() + timedelta(days=day + more) for day in PARTITIONS for more in (0, 1)]
    return [*([None] if _is_optional(kind) else []), *values] or [kind.sample]


def _is_optional(kind: ParameterType) -> bool:
    return kind.absent is not None


def _odd(there: Sequence[str]) -> Iterator[str]:
    """What is not there, of another case, and what LIKE takes for more than it is."""
    yield "absent"
    for value in there[:2]:
        yield value.swapcase()
        yield f"{value[:-1]}_"
    yield "%"


def _times(contexts: Sequence[Context], step: timedelta) -> Iterator[datetime]:
    """The times that rows have, those just before and behind them, and the ends."""
    there = sorted({value for context in contexts for value in context.values() if isinstance(value, datetime)})
    near = sorted(there, key=lambda time: abs(time - NOW))[:6]
    for time in dict.fromkeys([NOW, *near, *there[:: max(1, len(there) // 12)]]):
        for moment in (time, time - step, time + step):
            yield moment.replace(tzinfo=UTC)
    yield datetime(1000, 1, 1, tzinfo=UTC)
    yield datetime(9999, 12, 31, tzinfo=UTC)


def _literals(spec: QuerySpec, given: Mapping[str, Any]) -> dict[str, bytes] | None:
    try:
        kinds = zip(spec.param, spec.types.values(), strict=True)
        return {name: kind.encode(given[name]) for name, kind in kinds}
    except ValueError:
        # no caller could send that
        return None


def readable(literals: Mapping[str, bytes]) -> str:
    """Literals as `name = literal`, for people."""
    return ", ".join(f"{name} = {_short(value.decode(errors='replace'))}" for name, value in literals.items())


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}…"
