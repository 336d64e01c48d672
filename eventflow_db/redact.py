"""Errors leave the package without its parameters: the frames below a public call lose their local variables.

Whoever prints or reports a traceback with its locals would otherwise store key material and passwords. File,
line and function of every frame stay.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from types import AsyncGeneratorType, GeneratorType
from typing import Any, Final, TypeVar, cast

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])
_PACKAGES: Final = ("eventflow_db", "pymysql", "aiomysql", "aiosql", "msgspec")
_PUBLIC_MAGIC: Final = ("__init__", "__post_init__", "__enter__", "__exit__", "__aenter__", "__aexit__")


def redact(error: BaseException) -> None:
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
            if str(frame.f_globals.get("__name__")).partition(".")[0] in _PACKAGES:
                try:
                    frame.clear()
                except RuntimeError as refusal:
                    # a frame that still runs is the public call itself, or one further out
                    if refusal.__traceback__ is not None and refusal.__traceback__.tb_next is not None:
                        # a signal handler's
                        raise
            traceback = traceback.tb_next
        pending += (one.__cause__, one.__context__)


def redacting(function: F) -> F:
    """Wrap a public function so that its errors are redacted, and those of the coroutine or items that it gives."""
    wrapper: Callable[..., Any]
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            try:
                return await function(*args, **kwargs)
            except BaseException as error:
                del args, kwargs
                redact(error)
                raise

    else:

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            try:
                result = function(*args, **kwargs)
            except BaseException as error:
                del args, kwargs
                redact(error)
                raise
            if isinstance(result, GeneratorType):
                return _items(result)
            return _async_items(result) if isinstance(result, AsyncGeneratorType) else result

    return cast(F, wrapper)


def _items(items: Iterator[T]) -> Iterator[T]:
    try:
        yield from items
    except BaseException as error:
        redact(error)
        raise


async def _async_items(items: AsyncIterator[T]) -> AsyncIterator[T]:
    try:
        async for item in items:
            yield item
    except BaseException as error:
        redact(error)
        raise


def redacting_all(cls: type[T]) -> type[T]:
    """Have every public method that a class defines redact its errors."""
    for name, value in list(vars(cls).items()):
        if inspect.isfunction(value) and (not name.startswith("_") or name in _PUBLIC_MAGIC):
            setattr(cls, name, redacting(value))
    return cls
