"""What a query is called with: it makes a call of values, and values of the call's result."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from ..driver.waiting import MANY, ain_turns
from ..errors import InvalidValueError, NotFoundError
from ..forking import ProcessBound
from ..query.parameters import ParameterType, refusals
from ..query.rows import Result
from ..query.spec import QuerySpec
from ..query.statement import Call, Statement
from ..query.tagged import revived
from ..records import Event

if TYPE_CHECKING:
    from .catalogue import Catalogue, Query

T = TypeVar("T")


class AsyncCaller(ProcessBound):
    """aiosql's methods take it for their connection; a subclass sends the calls."""

    _sql: Catalogue

    async def _run(self, call: Call, until: float | None = None) -> Result:
        """Send a call; until: when to give up, by the monotonic clock; None: as the settings say."""
        raise NotImplementedError

    async def _atomically(self, spec: QuerySpec, work: Callable[[Any], Awaitable[T]]) -> T:
        """Run `work(session)` in a transaction, again where that is right for the query, with the query's errors."""
        raise NotImplementedError

    async def _run_batch(
        self, statement: Statement, groups: Sequence[bytes], rows: Sequence[Mapping[str, Any]]
    ) -> None:
        """Insert groups of values, made from rows, all or none."""
        raise NotImplementedError

    async def _read(self, statement: Statement, values: Mapping[str, Any]) -> list[Any]:
        spec, result = statement.spec, await self._run(statement.call(values))
        if len(result.rows) < MANY:
            return spec.decode(result)
        return await ain_turns(partial(_decode, spec, result), result.rows)

    async def _read_one(self, statement: Statement, values: Mapping[str, Any]) -> Any:
        rows = statement.spec.decode(await self._run(statement.call(values)))
        if rows:
            return rows[0]
        if statement.spec.not_found is None:
            return None
        raise NotFoundError(*statement.spec.not_found)

    async def _write(self, statement: Statement, values: Mapping[str, Any]) -> int:
        return (await self._run(statement.call(values))).affected

    async def _persist(self, query: Query, given: Any) -> bool:
        """Insert a row, given as a mapping or a record."""
        # past aiosql's method, whose keywords cannot be keys that are no text
        return await self._write(query.statement, values_of(query.statement.spec, given)) > 0

    async def _persist_many(
        self, query: Query, items: Iterable[Any], values: Callable[[QuerySpec, Any], dict[str, Any]] | None = None
    ) -> list[dict[str, Any]]:
        """Insert many rows, all or none, and give them; everything is encoded before the transaction begins."""
        encoded = await self._encode_many(query, items, values)
        rows = [row for _, row in encoded]
        if rows:
            await self._run_batch(query.statement, [group for group, _ in encoded], rows)
        return rows

    async def _encode_many(
        self, query: Query, items: Iterable[Any], values: Callable[[QuerySpec, Any], dict[str, Any]] | None = None
    ) -> list[tuple[bytes, dict[str, Any]]]:
        """The group of values of each row, with the row."""
        statement, spec = query.statement, query.statement.spec
        if not isinstance(items, Iterable):
            raise spec.invalid("must be an iterable of what is to be persisted")

        def encode(numbered: Sequence[tuple[int, Any]]) -> list[tuple[bytes, dict[str, Any]]]:
            encoded = []
            for number, item in numbered:
                try:
                    row = (values or values_of)(spec, item)
                    encoded.append((statement.values(spec.bind(row)), row))
                except InvalidValueError as error:
                    failure = InvalidValueError(error.code, f"item {number}: {error.message}")
                    break
            else:
                return encoded
            raise failure

        return await ain_turns(encode, list(enumerate(items)))

    async def _revived(self, events: Sequence[Event]) -> list[Event]:
        """Events whose `data` is deserialized."""
        return await ain_turns(lambda some: [revived(event) for event in some], events)

    async def _iterate(
        self,
        query: Callable[..., Awaitable[list[Event]]],
        after: Event | str,
        page: int,
        deserialize: bool,
        **keys: str,
    ) -> AsyncIterator[Event]:
        """The events behind a position, page by page; no connection is held between pages."""
        position = after.id if isinstance(after, Event) else after
        while True:
            events = await query(self, **keys, after=position, page=page)
            for event in events:
                yield revived(event) if deserialize else event
            if len(events) < page:
                return
            position = events[-1].id


def _decode(spec: QuerySpec, result: Result, rows: Sequence[bytes]) -> list[Any]:
    return spec.decode(result._replace(rows=rows))


def check(spec: QuerySpec, types: Mapping[str, ParameterType], given: Mapping[str, Any]) -> None:
    """Refuse what breaks a rule before the first of several statements is sent.

    Raises: InvalidValueError naming every key that breaks its rule, with the code of the query.
    """
    if problems := refusals({key: types[key] for key in given}, given):
        raise spec.invalid("; ".join(problems))


def values_of(spec: QuerySpec, given: Any) -> dict[str, Any]:
    """The keys of a mapping, of a record those that the query takes, or of a tuple where it takes no record.

    Raises: InvalidValueError where it is none of these, or a record that holds what would not be written.
    """
    if spec.takes is None:
        if not isinstance(given, (tuple, list)) or not spec.required <= len(given) <= len(spec.types):
            raise spec.invalid(f"must be a tuple {spec.tuple_form}")
        return dict(zip(spec.types, given, strict=False))
    if spec.taken and isinstance(given, spec.taken):
        if lost := [key for key in spec.not_written if getattr(given, key) is not None]:
            raise spec.invalid("; ".join(f"{key}: must be None, for it is not written" for key in lost))
        names = dict(zip(given.__struct_encode_fields__, given.__struct_fields__, strict=True))
        return {key: getattr(given, names[key]) for key in spec.types if key in names}
    if not isinstance(given, Mapping):
        raise spec.invalid("must be a mapping, or a record of its table")
    return dict(given)
