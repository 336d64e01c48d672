"""What is known of a connection, whichever driver has opened it."""

from __future__ import annotations

import select
import socket
import time
from _thread import start_new_thread
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

from ..foreign import ignoring
from ..forking import ProcessBound
from ..settings import Settings

Addresses: TypeAlias = Sequence[tuple[Any, ...]]
_TCP_OPTIONS: Final = {
    "TCP_NODELAY": 1,
    # seconds of silence until the first probe, by the name that Linux and Windows have, and by that of macOS
    "TCP_KEEPIDLE": 30,
    "TCP_KEEPALIVE": 30,
    # so many probes, so many seconds apart, until the connection counts as lost
    "TCP_KEEPINTVL": 10,
    "TCP_KEEPCNT": 3,
    # milliseconds that sent bytes may stay unacknowledged: without it, half an hour, in which no probe is sent
    "TCP_USER_TIMEOUT": 60_000,
}
"""So that a connection that goes nowhere ends within a minute, however long a statement may take."""
_CAN_POLL: Final = hasattr(select, "poll")
"""Not on Windows, nor where eventlet has taken it away."""


class Mark:
    """What a driver takes for the result of a statement, and lets go at the next one."""

    unbuffered_active = has_next = False
    insert_id = 0

    def __init__(self, before: object) -> None:
        self._before = before
        """The result in its place, which lives until then as it would have: PyMySQL's has a `__del__`."""


class Connected(ProcessBound):
    """A driver's connection, and what its user has to know."""

    def __init__(self, connection: Any, settings: Settings | None) -> None:
        self.connection = connection
        self.settings = settings
        """None where the connection is a caller's."""
        self.opened = time.monotonic()
        self.gave_up = False
        """Whether the server may still be at a statement whose reply was not waited for."""
        self.slot: Any = None
        """What it holds of a pool while it is open."""
        self._poll: Any = None
        self._mark: object = None

    def give_slot(self) -> Any:
        """What it held of a pool, once."""
        slot, self.slot = self.slot, None
        return slot

    def _has_input(self, descriptor: int) -> bool:
        """Whether something waits to be read, the end included."""
        if not _CAN_POLL:
            return bool(select.select([descriptor], [], [], 0)[0])
        if self._poll is None:
            self._poll = select.poll()
            self._poll.register(descriptor, select.POLLIN)
        return bool(self._poll.poll(0))


def set_options(sock: Any) -> None:
    """Have the system notice, where it can, that a TCP connection goes nowhere."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _TCP_OPTIONS.items():
        if hasattr(socket, name):
            # a system that knows the name may still refuse it
            with ignoring(OSError):
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def look_up(host: str, port: int, give: Callable[[Addresses | Exception], object]) -> None:
    """Give the addresses of a host, or why there are none, from a thread of its own: no time limit ends a look-up."""

    def work() -> None:
        try:
            found: Addresses | Exception = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except Exception as error:
            found = error
        give(found)

    try:
        # not a Thread, whose start is many steps for a signal to come between
        start_new_thread(work, ())
    except RuntimeError:
        # the interpreter is ending, and starts no threads any more
        work()
