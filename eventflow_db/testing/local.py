"""A server binary of this machine, MySQL's or MariaDB's, on a temporary data directory."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from eventflow_db.testing.server import NoLocalServerError, StartedServer

INSTALL = "sudo apt-get install -y --no-install-recommends mariadb-server-core mariadb-client-core"


def find_binary() -> str:
    """The first server binary that this machine can also make a data directory for.

    Raises NoLocalServerError.
    """
    for name in ("mysqld", "mariadbd"):
        if binary := _which(name):
            helpers = ("mariadb-install-db", "my_print_defaults") if _is_mariadb(binary) else ()
            if all(map(_which, helpers)):
                return binary
    raise NoLocalServerError(f"no local mysqld or mariadbd was found; this installs one: {INSTALL}")


class LocalServer(StartedServer):
    """A process of this machine, with its data below `data_root`, or in memory where there is enough.

    Who kills it under load and counts what was acknowledged names a `data_root` on a disk: MariaDB takes a log in
    /dev/shm for persistent memory, and may lose a commit that it acknowledged just before.
    """

    data_directory: Path
    _process: subprocess.Popen[bytes] | None = None

    def __init__(self, options: Sequence[str], data_root: Path | None) -> None:
        self._binary = find_binary()
        self._is_mariadb = _is_mariadb(self._binary)
        super().__init__(f"local binary {Path(self._binary).resolve()}", options)
        directory = Path(tempfile.mkdtemp(prefix="eventflow-", dir=data_root or _data_root())).absolute()
        self._directory = directory
        self.data_directory = directory / "data"
        self._log_file, self._pid_file, self._init_file = directory / "log", directory / "pid", directory / "init.sql"
        self._start_guarded("directory", str(directory))

    def start(self) -> None:
        super().start()
        self._init_file.unlink(missing_ok=True)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        # Wait until each of its threads has stopped.
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WNOWAIT)

    def resume(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _launch(self) -> None:
        if not self.data_directory.exists():
            self._install()
        # The address of a socket has to be short; a relative one is looked for in the data directory.
        path = str(self._directory / "socket")
        self._run(
            self._binary,
            f"--socket={path if len(path) < 90 else 'socket'}",
            f"--port={self.port}",
            # Its own, because MariaDB starts by removing the temporary tables of others there.
            f"--tmpdir={self._directory}",
            "--bind-address=127.0.0.1",
            *([] if self._is_mariadb else ["--secure-file-priv=NULL"]),
            *([f"--init-file={self._init_file}"] if self._init_file.exists() else []),
            *self._options,
        )

    def _install(self) -> None:
        """Make the data directory, and the file that gives root its password in the first start."""
        if self._is_mariadb:
            program = _which("mariadb-install-db") or ""
            install = self._run(program, "--auth-root-authentication-method=normal", "--skip-test-db")
        else:
            install = self._run(self._binary, "--initialize-insecure")
        if install.wait():
            raise self._failure("could not make its data directory")
        self._init_file.touch(mode=0o600)
        # Rows of root's for other hosts would win over root@'%' and let root in without the password.
        self._init_file.write_text(
            f"ALTER USER 'root'@'localhost' IDENTIFIED BY '{self.password}';\n"
            f"DROP USER IF EXISTS 'root'@'127.0.0.1', 'root'@'::1';\n"
            f"CREATE USER IF NOT EXISTS 'root'@'%' IDENTIFIED BY '{self.password}';\n"
            "GRANT ALL ON *.* TO 'root'@'%' WITH GRANT OPTION;\n"
        )

    def _run(self, program: str, *options: str) -> subprocess.Popen[bytes]:
        # Root may run a server only when it says so.
        as_root = ["--user=root"] if os.geteuid() == 0 else []
        command = [program, "--no-defaults", f"--datadir={self.data_directory}", *as_root, *options]
        with self._log_file.open("wb") as log:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        # For the watchdog.
        self._pid_file.write_text(str(process.pid))
        self._process = process
        return process

    def _end(self, number: signal.Signals = signal.SIGKILL) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            # A paused server takes the signal when it goes on.
            self._process.send_signal(signal.SIGCONT)
            try:
                self._process.wait(60)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._pid_file.unlink(missing_ok=True)

    def _is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _log(self) -> str:
        return self._log_file.read_text(errors="replace")


def _which(name: str) -> str | None:
    """A program on PATH, or where servers are installed that an ordinary user's PATH leaves out."""
    more = ("/usr/local/sbin", "/usr/sbin", "/usr/local/mysql/bin", "/opt/homebrew/bin")
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", os.defpath), *more]))


def _is_mariadb(binary: str) -> bool:
    """Whether the binary is MariaDB's, which may be called mysqld too."""
    answer = subprocess.run([binary, "--no-defaults", "--version"], capture_output=True, text=True)
    return "mariadb" in answer.stdout.lower()


def _data_root() -> Path:
    memory = Path("/dev/shm")
    if memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 1 << 30:
        return memory
    return Path(tempfile.gettempdir())
