"""Pauses the garbage collector while many objects are made that are no garbage."""

from __future__ import annotations

import gc
import threading

from ..forking import after_fork


class _Pause:
    """`with PAUSE:` pauses it for the process, until the last of the threads that asked for it is done.

    Going through 50,000 events again and again takes it longer than reading them does.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._depth = 0
        self._was_enabled = False
        after_fork(self._resume)

    def __enter__(self) -> None:
        with self._lock:
            if not self._depth:
                self._was_enabled = gc.isenabled()
                gc.disable()
            self._depth += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._depth -= 1
            if not self._depth and self._was_enabled:
                gc.enable()

    def _resume(self) -> None:
        """In a forked child, which has none of the other threads."""
        self._lock = threading.Lock()
        if self._depth and self._was_enabled:
            gc.enable()
        self._depth = 0


PAUSE = _Pause()
