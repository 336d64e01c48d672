"""Errors leave the package without its parameters: the frames below a public call lose their local variables.

Whoever prints or reports a traceback with its locals would otherwise store key material and passwords. File,
line and function of every frame stay.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from types import AsyncGeneratorType, GeneratorType
from typing import Any, Final, TypeVar, cast

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])
_QUIET: Final = ("eventflow_db", "pymysql", "aiomysql", "aiosql", "msgspec")
_PUBLIC_MAGIC: Final = ("__init__", "__post_init__", "__enter__", "__exit__", "__aenter__", "__aexit__")


def forget(error: BaseException) -> None:
    """Clear what the frames of this package and its drivers still hold, in the causes and contexts too."""
    seen: set[int] = set()
    pending: list[BaseException | None] = [error]
    while pending:
        one = pending.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        traceback = one.__traceback__
        while traceback is not None:
            frame = traceback.tb_frame
            if str(frame.f_globals.get("__name__")).partition(".")[0] in _QUIET:
                with contextlib.suppress(RuntimeError):  # it still runs: the boundary itself, or one further out
                    frame.clear()
            traceback = traceback.tb_next
        pending += (one.__cause__, one.__context__)


def boundary(function: F) -> F:
    """Wrap a function so that its errors forget, and those of the coroutine, items or context manager it gives."""
    wrapper: Callable[..., Any]
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            try:
                return await function(*args, **kwargs)
            except BaseException as error:
                del args, kwargs
                forget(error)
                raise

    else:

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            try:
                result = function(*args, **kwargs)
            except BaseException as error:
                del args, kwargs
                forget(error)
                raise
            guard = _GUARDS.get(type(result))
            return result if guard is None else guard(result)

    return cast(F, wrapper)


def _items(items: Iterator[T]) -> Iterator[T]:
    try:
        yield from items
    except BaseException as error:
        forget(error)
        raise


async def _async_items(items: AsyncIterator[T]) -> AsyncIterator[T]:
    try:
        async for item in items:
            yield item
    except BaseException as error:
        forget(error)
        raise


class _Manager(contextlib.AbstractContextManager[Any]):
    """A generator's context manager inside the boundary."""

    def __init__(self, manager: contextlib.AbstractContextManager[Any]) -> None:
        self._manager = manager

    def __enter__(self) -> Any:
        return _entered(self._manager)

    def __exit__(self, *error: Any) -> bool | None:
        return _left(self._manager, *error)


class _AsyncManager(contextlib.AbstractAsyncContextManager[Any]):
    """The same for asyncio."""

    def __init__(self, manager: contextlib.AbstractAsyncContextManager[Any]) -> None:
        self._manager = manager

    async def __aenter__(self) -> Any:
        return await _async_entered(self._manager)

    async def __aexit__(self, *error: Any) -> bool | None:
        return await _async_left(self._manager, *error)


@boundary
def _entered(manager: contextlib.AbstractContextManager[Any]) -> Any:
    return manager.__enter__()


@boundary
def _left(manager: contextlib.AbstractContextManager[Any], *error: Any) -> bool | None:
    return manager.__exit__(*error)


@boundary
async def _async_entered(manager: contextlib.AbstractAsyncContextManager[Any]) -> Any:
    return await manager.__aenter__()


@boundary
async def _async_left(manager: contextlib.AbstractAsyncContextManager[Any], *error: Any) -> bool | None:
    return await manager.__aexit__(*error)


def guarded(cls: type[T]) -> type[T]:
    """Put the boundary around every public method that a class defines."""
    for name, value in list(vars(cls).items()):
        if inspect.isfunction(value) and (not name.startswith("_") or name in _PUBLIC_MAGIC):
            setattr(cls, name, boundary(value))
    return cls


_GUARDS: Final[dict[type, Callable[[Any], Any]]] = {
    GeneratorType: _items,
    AsyncGeneratorType: _async_items,
    contextlib._GeneratorContextManager: _Manager,
    contextlib._AsyncGeneratorContextManager: _AsyncManager,
}
