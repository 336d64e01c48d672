"""Pauses the garbage collector while many objects are made that are no garbage."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable
from typing import TypeVar

from ..forking import after_fork

R = TypeVar("R")


class _User:
    """One piece of work for which the collector is paused."""


class _Pause:
    """Which work the collector is paused for: it goes on after the last.

    Going through 50,000 events again and again takes it longer than reading them does.
    """

    def __init__(self) -> None:
        # a signal handler may come back in here
        self._lock = threading.RLock()
        self._users: list[weakref.ref[_User]] = []
        self._was_enabled = False
        after_fork(self._resume)

    def during(self, work: Callable[[], R]) -> R:
        """Do some work without the collector."""
        user = _User()
        try:
            with self._lock:
                if not self._users:
                    self._was_enabled = gc.isenabled()
                self._users.append(weakref.ref(user))
                gc.disable()
            return work()
        finally:
            with self._lock:
                # also those that an exception from outside has kept from this line
                self._users = [other for other in self._users if other() not in (user, None)]
                if not self._users and self._was_enabled:
                    gc.enable()

    def _resume(self) -> None:
        """In a forked child, which has none of the other threads."""
        self._lock = threading.RLock()
        if self._users and self._was_enabled:
            gc.enable()
        self._users = []


PAUSE = _Pause()
