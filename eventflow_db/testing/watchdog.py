"""Removes a test server when the process that owns it is gone, however it went.

Run as a child with its standard input held open by the owner, which writes one fact a line:

    pid NUMBER         the server process (0: none now)
    directory PATH     a directory of the server's
    container NAME     a Docker container
    done               the owner cleaned up itself

End of file without `done`, or another parent process, means that the owner died.
"""

import contextlib
import os
import select
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path


def main() -> None:
    """Collect what the owner says until it is gone, then clean up."""
    parent = os.getppid()
    pid, directories, containers = 0, list[str](), list[str]()
    pending = b""
    while os.getppid() == parent:
        # The timeout serves an owner that was forked: its children hold the pipe open after its death.
        if not select.select([0], [], [], 0.5)[0]:
            continue
        chunk = os.read(0, 65536)
        if not chunk:
            break
        *lines, pending = (pending + chunk).split(b"\n")
        for line in lines:
            word, _, value = line.decode().partition(" ")
            if word == "done":
                return
            if word == "pid":
                pid = int(value)
            elif word == "directory":
                directories.append(value)
            elif word == "container":
                containers.append(value)
    clean_up(pid, directories, containers)


def clean_up(pid: int, directories: Sequence[str], containers: Sequence[str]) -> None:
    """Kill the server and remove what it leaves behind."""
    if pid and is_ours(pid, directories):
        os.kill(pid, signal.SIGKILL)
    for directory in directories:
        # The dying server may write one more file while its directory is emptied.
        for _ in range(100):
            shutil.rmtree(directory, ignore_errors=True)
            if not Path(directory).exists():
                break
            time.sleep(0.05)
    if containers:
        import docker

        client = docker.from_env()
        for name in containers:
            with contextlib.suppress(docker.errors.NotFound):
                client.containers.get(name).remove(force=True, v=True)
        client.close()


def is_ours(pid: int, directories: Sequence[str]) -> bool:
    """Whether the process is still the server: its number may have been given to another."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:  # no /proc on this system
        return True
    return any(directory in command for directory in directories)


if __name__ == "__main__":
    main()
    sys.exit()
