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
        # also where an exception from outside keeps it from ending
        reference = weakref.ref(user, self._end)
        try:
            with self._lock:
                if not self._users:
                    self._was_enabled = gc.isenabled()
                self._users.append(reference)
                gc.disable()
            return work()
        finally:
            self._end(reference)
            # before the work's own end, which it would hear of
            del reference

    def _end(self, user: weakref.ref[_User]) -> None:
        with self._lock:
            if user in self._users:
                if len(self._users) == 1 and self._was_enabled:
                    gc.enable()
                self._users.remove(user)

    def _resume(self) -> None:
        """In a forked child, which has none of the other threads."""
        self._lock = threading.RLock()
        if self._users and self._was_enabled:
            gc.enable()
        self._users = []


PAUSE = _Pause()
