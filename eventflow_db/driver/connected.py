"""What is known of a connection, whichever driver has opened it."""

from __future__ import annotations

import select
import time
from typing import Any, Final

from ..forking import ProcessBound
from ..settings import Settings

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
        self._poll: Any = None
        self._mark: object = None

    def _has_input(self, descriptor: int) -> bool:
        """Whether something waits to be read, the end included."""
        if not _CAN_POLL:
            return bool(select.select([descriptor], [], [], 0)[0])
        if self._poll is None:
            self._poll = select.poll()
            self._poll.register(descriptor, select.POLLIN)
        return bool(self._poll.poll(0))
