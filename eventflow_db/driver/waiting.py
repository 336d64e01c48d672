"""What waits: each primitive for threads, and beside it the one for tasks of asyncio."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from _thread import start_new_thread
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from queue import Empty, SimpleQueue
from typing import Any, Final, Generic, TypeAlias, TypeVar

from ..foreign import ignoring
from ..query.collector import PAUSE

T = TypeVar("T")
R = TypeVar("R")
MANY: Final = 100
"""Items that are worth more than one turn."""
_TURN: Final = 0.01
"""Seconds that one task keeps the others waiting."""
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


def has_ended(owner: object) -> bool:
    """Whether a connection of this owner cannot be used any more: it was another process."""
    return owner != os.getpid()


def ahas_ended(owner: Any) -> bool:
    """Whether a connection of this owner cannot be used any more: it was another process, or its loop is closed."""
    return owner is None or owner[0] != os.getpid() or owner[1].is_closed()


def spawn(work: Callable[[], None], *, daemon: bool = False) -> Job:
    """Do something beside, without waiting for it; daemon: nor does the interpreter, at its end.

    Raises: RuntimeError where the interpreter is ending.
    """
    job = Job()

    def run() -> None:
        try:
            work()
        finally:
            job.give(True)

    def start() -> None:
        with ignoring(RuntimeError):
            threading.Thread(target=run, name="eventflow-db", daemon=daemon).start()

    # from another thread: a signal handler may come while this one holds the lock of all threads
    start_new_thread(start, ())
    return job


def aspawn(work: Callable[[], Coroutine[Any, Any, None]], *, daemon: bool = False) -> AsyncJob:
    """Do something beside, without waiting for it; a loop waits for none. Raises RuntimeError where no loop runs."""
    asyncio.get_running_loop()
    return asyncio.create_task(work())


def settle(job: Job, timeout: float) -> None:
    """Wait for a job, for some seconds at the most."""
    job.wait(timeout)


async def asettle(job: AsyncJob, timeout: float) -> None:
    """Wait for a job, for some seconds at the most."""
    await asyncio.wait({job}, timeout=timeout)


def in_turns(work: Callable[[Sequence[T]], list[R]], items: Sequence[T]) -> list[R]:
    """What work makes of many items: at once, for threads take turns by themselves."""
    return PAUSE.during(lambda: work(items))


async def ain_turns(work: Callable[[Sequence[T]], list[R]], items: Sequence[T]) -> list[R]:
    """What work makes of many items: for a moment at a time, so that the loop's other tasks, and the collector, run."""
    made: list[R] = []

    def turn() -> None:
        nonlocal made
        until = time.monotonic() + _TURN
        while len(made) < len(items) and time.monotonic() < until:
            made += work(items[len(made) : len(made) + MANY])

    while len(made) < len(items):
        if made:
            await asleep(0)
        PAUSE.during(turn)
    return made


class Waiter(Generic[T]):
    """One thread that waits for a thing another one gives."""

    def __init__(self) -> None:
        # an Event would not do: a signal handler that gives could not set the one that it interrupts
        self._given: SimpleQueue[T | None] = SimpleQueue()

    def give(self, thing: T | None) -> None:
        """Wake the thread that waits, perhaps with nothing."""
        self._given.put(thing)

    def wait(self, timeout: float) -> T | None:
        """What was given within the timeout, in seconds."""
        try:
            return self._given.get(timeout=max(timeout, 0))
        except Empty:
            return None

    def take(self) -> T | None:
        """What was given and not waited for."""
        return self.wait(0)


Job: TypeAlias = Waiter[bool]


class AsyncWaiter(Generic[T]):
    """One task that waits for a thing another one gives."""

    def __init__(self) -> None:
        self._woken = asyncio.Event()
        self._given: deque[T | None] = deque()

    def give(self, thing: T | None) -> None:
        """Wake the task that waits, perhaps with nothing."""
        self._given.append(thing)
        self._woken.set()

    async def wait(self, timeout: float) -> T | None:
        """What was given within the timeout, in seconds."""
        with ignoring(TimeoutError):
            async with asyncio.timeout(max(timeout, 0)):
                await self._woken.wait()
        self._woken.clear()
        return self.take()

    def take(self) -> T | None:
        """What was given and not waited for."""
        return self._given.popleft() if self._given else None
