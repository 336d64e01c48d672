"""Removes a test server once the process that owns it is done with it, or is gone, however it went.

Run as a child process, as `watchdog.py directory PATH` or `watchdog.py container NAME`, with its standard input held
open by the owner. Anything on it, its end, or another parent process means that it is time.
"""

import contextlib
import os
import select
import shutil
import signal
import sys
import time
from pathlib import Path


def remove_container(name: str) -> None:
    """Kill and remove a Docker container, where it came to be and is still there."""
    import docker

    with contextlib.closing(docker.from_env()) as client, contextlib.suppress(docker.errors.NotFound):
        client.containers.get(name).remove(force=True, v=True)


def remove_directory(path: str) -> None:
    """Kill the server whose number is in the file `pid` of the directory, and remove the directory."""
    with contextlib.suppress(OSError, ValueError):
        pid = int(Path(path, "pid").read_text())
        # The number may have been given to another process. Where there is no /proc, it has to do.
        if not Path("/proc/self").exists() or path in Path(f"/proc/{pid}/cmdline").read_text(errors="replace"):
            os.kill(pid, signal.SIGKILL)
    # The dying server may write one more file while its directory is emptied.
    for _ in range(100):
        shutil.rmtree(path, ignore_errors=True)
        if not Path(path).exists():
            break
        time.sleep(0.05)


if __name__ == "__main__":
    kind, name = sys.argv[1:]
    parent = os.getppid()
    # The timeout serves an owner that was forked: its children hold the pipe open after its death.
    while os.getppid() == parent and not select.select([0], [], [], 0.5)[0]:
        pass
    if kind == "container":
        remove_container(name)
    else:
        remove_directory(name)
