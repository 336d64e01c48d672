"""What waits: each primitive for threads, and beside it the one for tasks of asyncio."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final, Generic, TypeAlias, TypeVar

from ..query.collector import PAUSE

T = TypeVar("T")
R = TypeVar("R")
MANY: Final = 100
"""Items that are worth more than one turn."""
_TURN: Final = 0.01
"""Seconds that one task keeps the others waiting."""
Job: TypeAlias = threading.Thread
AsyncJob: TypeAlias = "asyncio.Task[None]"
sleep = time.sleep
asleep = asyncio.sleep


def owner() -> object:
    """Who may use a connection that is opened now: this process, not one that it forks."""
    return os.getpid()


def aowner() -> tuple[int, asyncio.AbstractEventLoop] | None:
    """Who may use a connection that is opened now: this process, and in it this event loop; None without a loop."""
    try:
        return os.getpid(), asyncio.get_running_loop()
    except RuntimeError:
        return None


def spawn(work: Callable[[], None]) -> Job:
    """Do something beside, without waiting for it. Raises RuntimeError where the interpreter is ending."""
    thread = threading.Thread(target=work, name="eventflow-db")
    thread.start()
    return thread


def aspawn(work: Callable[[], Coroutine[Any, Any, None]]) -> AsyncJob:
    """Do something beside, without waiting for it. Raises RuntimeError where no loop runs."""
    asyncio.get_running_loop()
    return asyncio.create_task(work())


def settle(job: Job, timeout: float) -> None:
    """Wait for a job, for some seconds at the most."""
    job.join(timeout)


async def asettle(job: AsyncJob, timeout: float) -> None:
    """Wait for a job, for some seconds at the most."""
    await asyncio.wait({job}, timeout=timeout)


def in_turns(work: Callable[[Sequence[T]], list[R]], items: Sequence[T]) -> list[R]:
    """What work makes of many items: at once, for threads take turns by themselves."""
    with PAUSE:
        return work(items)


async def ain_turns(work: Callable[[Sequence[T]], list[R]], items: Sequence[T]) -> list[R]:
    """What work makes of many items: for a moment at a time, so that the loop's other tasks, and the collector, run."""
    made: list[R] = []
    while len(made) < len(items):
        if made:
            await asleep(0)
        until = time.monotonic() + _TURN
        with PAUSE:
            while len(made) < len(items) and time.monotonic() < until:
                made += work(items[len(made) : len(made) + MANY])
    return made


class Waiter(Generic[T]):
    """One thread that waits for a thing another one gives."""

    def __init__(self) -> None:
        self._given = threading.Event()
        self.item: T | None = None

    def give(self, item: T | None) -> None:
        """Wake the thread that waits."""
        self.item = item
        self._given.set()

    def wait(self, timeout: float) -> bool:
        """False when nothing was given within the timeout, in seconds."""
        return self._given.wait(max(timeout, 0))


class AsyncWaiter(Generic[T]):
    """One task that waits for a thing another one gives."""

    def __init__(self) -> None:
        self._given = asyncio.Event()
        self.item: T | None = None

    def give(self, item: T | None) -> None:
        """Wake the task that waits."""
        self.item = item
        self._given.set()

    async def wait(self, timeout: float) -> bool:
        """False when nothing was given within the timeout, in seconds."""
        try:
            async with asyncio.timeout(max(timeout, 0)):
                return await self._given.wait()
        except TimeoutError:
            return self._given.is_set()
