"""Tells exceptions that come from elsewhere, such as a signal handler's, from those of drivers and sockets."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from traceback import walk_tb
from typing import Final

_IO: Final = (
    "eventflow_db", "pymysql", "aiomysql", "asyncio", "uvloop", "gevent", "eventlet", "selectors", "socket", "ssl",
    "contextlib", "encodings",
)  # fmt: skip
"""Where the drivers' exceptions, and the sockets', come from."""


def is_foreign(error: BaseException) -> bool:
    """Whether an exception comes from elsewhere, such as a signal handler's TimeoutError, which an OSError is too."""
    # one frame is enough: a handler may use sockets and drivers itself
    frames = (frame for frame, _ in walk_tb(error.__traceback__))
    return any(str(frame.f_globals.get("__name__")).partition(".")[0] not in _IO for frame in frames)


@contextlib.contextmanager
def ignoring(*kinds: type[BaseException]) -> Iterator[None]:
    """Pass over what a driver or a socket raises, and nothing that comes from elsewhere."""
    try:
        yield
    except kinds as error:
        if is_foreign(error):
            raise
