"""Keeps client and server on one processor while round trips are timed."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator

from eventflow_db.testing import Server


def _pids(server: Server) -> list[int]:
    """The server's processes, where it was started here; the one place that reads private names of such servers."""
    if not server.can_restart:
        return []
    if isinstance(process := getattr(server, "_process", None), subprocess.Popen):
        return [process.pid]
    container = server._container  # type: ignore[attr-defined]
    container.reload()
    return [int(container.attrs["State"]["Pid"])]


@contextlib.contextmanager
def pinned(server: Server, on: bool) -> Iterator[None]:
    """Client and server on one processor: between two, the scheduler's choice decides what a round trip takes."""
    mine, others = os.sched_getaffinity(0), _pids(server)

    def pin(processors: set[int]) -> None:
        os.sched_setaffinity(0, processors)
        for pid in others:
            for thread in os.listdir(f"/proc/{pid}/task"):
                with contextlib.suppress(ProcessLookupError):
                    os.sched_setaffinity(int(thread), processors)

    if on and others:
        pin({max(mine)})
    try:
        yield
    finally:
        if on and others:
            pin(mine)
