"""Event ids that sort by time, and the rule that every identifier keeps."""

from __future__ import annotations

import os
import threading
import time
from functools import lru_cache
from typing import Final

from .forking import after_fork

IDENTIFIER: Final = r"\A[!-~](?:[ -~]{0,%d}[!-~])?\Z"
"""Printable ASCII, without a space around it: columns compare padded, so that "a" and "a " are one key."""

_ALPHABET: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_PAIRS: Final = [first + second for first in _ALPHABET for second in _ALPHABET]
_RANDOM_DIGITS: Final = 18
_STEP_BYTES: Final = 10
_RANDOM_LIMIT: Final = 36**_RANDOM_DIGITS


class _Sequence:
    """The last id given: the next one is greater, also within a millisecond, or when the clock is set back."""

    def __init__(self) -> None:
        # a signal handler may come back in here: nothing is called between reading the last id and noting the next
        self._lock = threading.RLock()
        self._milliseconds = 0
        self._random = 0
        # random, some at a time: asking the system for each costs more than all the rest
        self._steps: list[int] = []
        after_fork(self._unlock)

    def _unlock(self) -> None:
        self._lock = threading.RLock()
        self._steps = []

    def next(self) -> tuple[int, int]:
        now = time.time_ns() // 1_000_000
        with self._lock:
            if not self._steps:
                data = os.urandom(_STEP_BYTES * 64)
                self._steps = [
                    int.from_bytes(data[at : at + _STEP_BYTES], "big") for at in range(0, len(data), _STEP_BYTES)
                ]
            step = 1 + self._steps.pop()
            if now > self._milliseconds:
                self._milliseconds, self._random = now, step
            elif self._random + step < _RANDOM_LIMIT:
                self._random += step
            else:
                self._milliseconds, self._random = self._milliseconds + 1, step
            return self._milliseconds, self._random


_sequence = _Sequence()


def _base36(number: int, digits: int) -> str:
    """So many digits, a multiple of six, made six at a time."""
    text = ""
    for _ in range(digits // 6):
        number, six = divmod(number, 36**6)
        text = f"{_PAIRS[six // 36**4]}{_PAIRS[six // 36**2 % 36**2]}{_PAIRS[six % 36**2]}{text}"
    return text


@lru_cache(1)
def _time(milliseconds: int) -> str:
    return _base36(milliseconds, 12)[-8:]


def generate_event_id() -> str:
    """A new event id, `<base36 milliseconds>-<base36 random>`, 27 characters.

    Ids sort as text by the time they were made, and strictly increase within a process, across its
    threads. Each holds 80 bits of its own from the operating system, so that processes, also forked ones,
    do not meet.
    """
    milliseconds, random = _sequence.next()
    return f"{_time(milliseconds)}-{_base36(random, _RANDOM_DIGITS)}"
