"""Starts, stops and describes the database server that tests run on.

A choice is `auto`, `local`, `docker`, `url`, a Docker image such as `mysql:9.7`, or a `mysql://` URL. `auto`
takes EVENTFLOW_TEST_URL, else Docker (EVENTFLOW_TEST_IMAGE, default mysql:8.4), else a local binary.

Servers started here listen on a free loopback port, forget durability for speed, and go away with the process
that started them, even when that is killed (see watchdog.py).
"""

from __future__ import annotations

import atexit
import contextlib
import importlib.util
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast
from urllib.parse import parse_qs, quote, unquote, urlsplit

import pymysql

if TYPE_CHECKING:
    from docker.models.containers import Container
    from testcontainers.core.container import DockerContainer

DEFAULT_IMAGE = "mysql:8.4"
START_TIMEOUT = 90.0
"""Seconds that a server may take until it lets root in."""

FIX = "sudo apt-get install -y --no-install-recommends mariadb-server-core mariadb-client-core"

# Options that only some servers know are `loose`. Commits still reach the kernel: a killed server loses none.
FAST = (
    "--innodb-flush-log-at-trx-commit=2",
    "--innodb-doublewrite=OFF",
    "--loose-innodb-flush-method=nosync",
    "--loose-debug-no-sync",
    "--loose-skip-log-bin",
    "--sync-binlog=0",
    "--skip-name-resolve",
    "--loose-mysqlx=OFF",
)


class ServerUnavailableError(RuntimeError):
    """No server can be had, with the command that changes it."""


class NoLocalServerError(ServerUnavailableError):
    """There is no usable local binary, which a package manager can cure."""


class Server:
    """A database server that root can log in to: one that was given and is never stopped, here.

    `url` is its address as root, without a database and with the password; neither `origin` nor the repr
    holds the password. Servers that were started here can also be stopped, killed, paused and started again.
    """

    can_restart = False
    data_directory: Path | None = None
    kind: Literal["mysql", "mariadb"]
    version: str
    version_info: tuple[int, ...]

    def __init__(self, url: str, origin: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("mysql", "mariadb") or not parts.hostname:
            raise ServerUnavailableError(f"{origin} must look like mysql://user:password@host:port/")
        try:
            self.port = parts.port or 3306
        except ValueError:
            raise ServerUnavailableError(f"{origin} has a port that is not a number up to 65535") from None
        self.host = parts.hostname
        self.user = unquote(parts.username or "root")
        self.password = unquote(parts.password or "")
        self.origin = origin
        self._query = parts.query

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.host}:{self.port} {self.origin}>"

    @property
    def url(self) -> str:
        """The address as the administrator, without a database."""
        return self.database_url("")

    def database_url(self, name: str) -> str:
        """The address of one database, as the administrator."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        login = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}"
        query = f"?{self._query}" if self._query else ""
        return f"mysql://{login}@{host}:{self.port}/{quote(name, safe='')}{query}"

    def connect(self, database: str | None = None) -> pymysql.connections.Connection[Any]:
        """Open an autocommitting connection as the administrator."""
        query = parse_qs(self._query)
        return pymysql.connect(
            host=self.host,
            port=self.port,
            unix_socket=query.get("socket_path", [None])[0],
            user=self.user,
            # As bytes, because PyMySQL would encode text as latin-1.
            password=self.password.encode(),
            database=database,
            ssl_disabled=query.get("ssl_mode", [""])[0].upper() == "DISABLED",
            charset="utf8mb4",
            # Said to the server: MySQL tells the driver that it is on, whatever its default is.
            autocommit=None,
            init_command="SET autocommit = 1",
            connect_timeout=10,
        )

    def stop(self) -> None:
        """Shut the server down in order; its data stays for `start`."""
        self._refuse()

    def kill(self) -> None:
        """End the server at once (SIGKILL); its data stays for `start`."""
        self._refuse()

    def start(self) -> None:
        """Start the server again, on the same port and data."""
        self._refuse()

    def pause(self) -> None:
        """Freeze the server: connections stay open and get no answer."""
        self._refuse()

    def resume(self) -> None:
        """Let a paused server go on."""
        self._refuse()

    def close(self) -> None:
        """End a server that was started here and remove its data; leaves a given one alone."""

    def _refuse(self) -> None:
        raise ServerUnavailableError(f"{self.origin} was not started here and is left alone")

    def _login(self) -> None:
        """Log in once and note what the server is."""
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT VERSION()")
            self.version = str(cast("tuple[object, ...]", cursor.fetchone())[0])
        self.kind = "mariadb" if "mariadb" in self.version.lower() else "mysql"
        self.version_info = tuple(int(part) for part in re.findall(r"\d+", self.version.split("-")[0]))


class _StartedServer(Server):
    """A server of ours: knows its state and goes away with this process."""

    can_restart = True

    def __init__(self, port: int, origin: str, options: Sequence[str]) -> None:
        super().__init__(f"mysql://root:{secrets.token_urlsafe(18)}@127.0.0.1:{port}/", origin)
        self.options = tuple(options)
        self._owner = os.getpid()
        self._watchdog = subprocess.Popen(
            [sys.executable, "-I", str(Path(__file__).with_name("watchdog.py"))],
            stdin=subprocess.PIPE,
            # It must outlive what ends this process, Ctrl-C included.
            start_new_session=True,
        )
        atexit.register(self.close)

    def close(self) -> None:
        """End the server and remove its data."""
        # A forked child runs the parent's exit handlers too: the server is not the child's.
        if self._watchdog.returncode is not None or os.getpid() != self._owner:
            return
        atexit.unregister(self.close)
        self._remove()
        self._tell("done")
        with contextlib.suppress(BrokenPipeError):
            self._watchdog.communicate(timeout=30)

    def _remove(self) -> None:
        raise NotImplementedError

    def _tell(self, line: str) -> None:
        stdin = self._watchdog.stdin
        assert stdin is not None
        with contextlib.suppress(BrokenPipeError):
            stdin.write(line.encode() + b"\n")
            stdin.flush()

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            try:
                return self._login()
            except pymysql.MySQLError as exc:
                problem = str(exc)
            if not self._alive():
                problem = "it ended"
            elif time.monotonic() < deadline:
                time.sleep(0.05)
                continue
            lines = "\n".join(self._log().splitlines()[-15:])
            raise ServerUnavailableError(f"{self.origin} did not start ({problem}); its log ends:\n{lines}") from None

    def _alive(self) -> bool:
        raise NotImplementedError

    def _log(self) -> str:
        raise NotImplementedError


class _LocalServer(_StartedServer):
    """A server binary of this machine, on a temporary data directory."""

    def __init__(self, binary: str, options: Sequence[str], data_root: Path | None) -> None:
        self._binary = binary
        self._process: subprocess.Popen[bytes] | None = None
        self._directory = Path(tempfile.mkdtemp(prefix="eventflow-", dir=data_root or _data_root()))
        self.data_directory = self._directory / "data"
        self._socket = self._directory / "socket"
        if len(str(self._socket)) > 90:  # the system's limit is 107, or 103
            self._socket = Path(tempfile.mkdtemp(prefix="eventflow-", dir="/tmp")) / "socket"
        super().__init__(_free_port(), f"local binary {Path(binary).resolve()}", options)
        try:
            for directory in {self._directory, self._socket.parent}:
                self._tell(f"directory {directory}")
            self._initialize()
            self._launch(f"--init-file={self._directory / 'init.sql'}")
            (self._directory / "init.sql").unlink()
        except BaseException:
            self.close()
            raise

    def stop(self) -> None:
        """Shut the server down in order; its data stays for `start`."""
        if self._process is not None:
            self._process.terminate()
            self._process.send_signal(signal.SIGCONT)
            try:
                self._process.wait(60)
            except subprocess.TimeoutExpired:
                self._process.kill()
            self._forget()

    def kill(self) -> None:
        """End the server at once (SIGKILL); its data stays for `start`."""
        if self._process is not None:
            self._process.kill()
            self._forget()

    def start(self) -> None:
        """Start the server again, on the same port and data."""
        if self._process is None or self._process.poll() is not None:
            self._launch()

    def pause(self) -> None:
        """Freeze the server: connections stay open and get no answer."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WNOWAIT)  # until each of its threads has

    def resume(self) -> None:
        """Let a paused server go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _initialize(self) -> None:
        assert self.data_directory is not None
        common = ["--no-defaults", f"--datadir={self.data_directory}", *_as_root()]
        if _is_mariadb(self._binary):
            command = ["mariadb-install-db", *common, "--auth-root-authentication-method=normal"]
            command[0] = shutil.which("mariadb-install-db", path=_search_path()) or command[0]
            command.append("--skip-test-db")
        else:
            command = [self._binary, *common, "--initialize-insecure"]
        with self._log_file().open("wb") as log:
            status = subprocess.run(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL).returncode
        if status:
            lines = "\n".join(self._log().splitlines()[-15:])
            raise ServerUnavailableError(f"{self.origin} could not make its data directory:\n{lines}")
        # Rows of root's for other hosts would win over root@'%' and let root in without the password.
        init = self._directory / "init.sql"
        init.touch(mode=0o600)
        init.write_text(
            f"ALTER USER 'root'@'localhost' IDENTIFIED BY '{self.password}';\n"
            f"DROP USER IF EXISTS 'root'@'127.0.0.1', 'root'@'::1';\n"
            f"CREATE USER IF NOT EXISTS 'root'@'%' IDENTIFIED BY '{self.password}';\n"
            "GRANT ALL ON *.* TO 'root'@'%' WITH GRANT OPTION;\n"
        )

    def _launch(self, *more: str) -> None:
        command = [
            self._binary,
            "--no-defaults",
            f"--datadir={self.data_directory}",
            f"--socket={self._socket}",
            f"--pid-file={self._directory / 'pid'}",
            f"--port={self.port}",
            f"--tmpdir={self._directory}",  # MariaDB starts by removing the temporary tables of others there
            "--bind-address=127.0.0.1",
            *_as_root(),
            *(() if _is_mariadb(self._binary) else ("--secure-file-priv=NULL",)),
            *FAST,
            *more,
            *self.options,
        ]
        with self._log_file().open("wb") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
            )
        self._tell(f"pid {self._process.pid}")
        self._wait_until_ready()

    def _remove(self) -> None:
        self.kill()
        for directory in {self._directory, self._socket.parent}:
            shutil.rmtree(directory, ignore_errors=True)

    def _forget(self) -> None:
        assert self._process is not None
        self._process.wait()
        self._process = None
        self._tell("pid 0")

    def _alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _log_file(self) -> Path:
        return self._directory / "server.log"

    def _log(self) -> str:
        return self._log_file().read_text(errors="replace")


class _DockerServer(_StartedServer):
    """A container of an image of MySQL or MariaDB, through testcontainers."""

    def __init__(self, image: str, options: Sequence[str]) -> None:
        from testcontainers.core.config import ConnectionMode, testcontainers_config
        from testcontainers.core.container import DockerContainer

        self._testcontainer: DockerContainer = DockerContainer(image).with_command([*FAST, *options])
        super().__init__(_free_port(), f"Docker image {image}", options)
        name = f"eventflow-test-{secrets.token_hex(6)}"
        self._tell(f"container {name}")
        self._testcontainer.with_name(name)
        # Official MariaDB images know both names, and may one day forget the older.
        self._testcontainer.with_env("MYSQL_ROOT_PASSWORD", self.password)
        self._testcontainer.with_env("MARIADB_ROOT_PASSWORD", self.password)
        engine = self._testcontainer.get_docker_client()
        # A port of our choice survives a restart; where the loopback reaches it, nothing else needs to.
        by_host = engine.get_connection_mode() is ConnectionMode.docker_host
        local = by_host and engine.host() in ("localhost", "127.0.0.1")
        ports = cast("dict[str, Any]", self._testcontainer.ports)
        ports["3306/tcp"] = ("127.0.0.1", self.port) if local else self.port
        # Ryuk, testcontainers' own watchdog, guards the container as well, where its image can be had.
        ryuk_disabled = testcontainers_config.ryuk_disabled
        try:
            if not ryuk_disabled:
                testcontainers_config.ryuk_disabled = not _have_image(engine.client, testcontainers_config.ryuk_image)
            self._testcontainer.start()
            self._find_address()
            self._wait_until_ready()
        except BaseException:
            self.close()
            raise
        finally:
            testcontainers_config.ryuk_disabled = ryuk_disabled

    @property
    def _container(self) -> Container:
        return self._testcontainer.get_wrapped_container()

    def stop(self) -> None:
        """Shut the server down in order; its data stays for `start`."""
        self.resume()
        self._container.stop(timeout=60)

    def kill(self) -> None:
        """End the server at once (SIGKILL); its data stays for `start`."""
        if self._alive():
            self._container.kill()
            self._container.wait()

    def start(self) -> None:
        """Start the server again, on the same port and data."""
        if not self._alive():
            self._container.start()
            self._find_address()
            self._wait_until_ready()

    def pause(self) -> None:
        """Freeze the server: connections stay open and get no answer."""
        self._container.pause()

    def resume(self) -> None:
        """Let a paused server go on."""
        self._container.reload()
        if self._container.status == "paused":
            self._container.unpause()

    def _find_address(self) -> None:
        host = self._testcontainer.get_container_host_ip()
        self.host = "127.0.0.1" if host == "localhost" else host
        self.port = self._testcontainer.get_exposed_port(3306)

    def _remove(self) -> None:
        self._testcontainer.stop()

    def _alive(self) -> bool:
        self._container.reload()
        return self._container.status in ("running", "paused", "created")

    def _log(self) -> str:
        return str(self._container.logs(tail=15), errors="replace")


def start_server(choice: str | None = None, *, options: Sequence[str] = (), data_root: Path | None = None) -> Server:
    """Start, or log in to, the server of a choice; without one, EVENTFLOW_TEST_SERVER's, else `auto`.

    `options` are server options such as `--default-time-zone=+05:30`, for servers started here. `data_root`
    is where a local binary's data goes. The caller closes the server; the end of the process does too.
    Raises ServerUnavailableError.
    """
    choice = resolve_choice(choice)
    if choice == "url" or "://" in choice:
        if options:
            raise ServerUnavailableError("a server that runs already takes no options")
        if choice == "url":
            server = Server(os.environ["EVENTFLOW_TEST_URL"], "EVENTFLOW_TEST_URL")
        else:
            server = Server(choice, "the given URL")
        try:
            server._login()
        except (pymysql.MySQLError, RuntimeError) as exc:
            # Not chained: the driver's frames hold the password.
            raise ServerUnavailableError(
                f"cannot log in to {server.host}:{server.port} as {server.user} ({server.origin}): {exc}"
            ) from None
        return server
    if choice == "local":
        binary = _local_binary()
        assert binary is not None
        return _LocalServer(binary, options, data_root)
    return _DockerServer(choice, options)


@contextlib.contextmanager
def running_server(
    choice: str | None = None, *, options: Sequence[str] = (), data_root: Path | None = None
) -> Iterator[Server]:
    """Start a server as `start_server` does, for the length of a block."""
    server = start_server(choice, options=options, data_root=data_root)
    try:
        yield server
    finally:
        server.close()


@contextlib.contextmanager
def temporary_database(server: Server) -> Iterator[str]:
    """The URL of a new, empty database, which is dropped at the end, also when the server was restarted."""
    name = f"eventflow_test_{secrets.token_hex(6)}"
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE `{name}`")
    try:
        yield server.database_url(name)
    finally:
        with server.connect() as connection, connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS `{name}`")


def resolve_choice(choice: str | None = None) -> str:
    """Settle what a choice comes to on this machine: `url`, a URL, `local` or the name of an image at hand.

    Pulls the image when it is not here. Raises ServerUnavailableError when the choice cannot be had.
    """
    choice = choice or os.environ.get("EVENTFLOW_TEST_SERVER") or "auto"
    if "://" in choice:
        return choice
    if choice == "url" or (choice == "auto" and os.environ.get("EVENTFLOW_TEST_URL")):
        if not os.environ.get("EVENTFLOW_TEST_URL"):
            raise ServerUnavailableError(
                "EVENTFLOW_TEST_URL is not set: export EVENTFLOW_TEST_URL=mysql://root:PASSWORD@HOST:3306/"
            )
        return "url"
    image = os.environ.get("EVENTFLOW_TEST_IMAGE") or DEFAULT_IMAGE
    if choice == "auto":
        try:
            return _docker_image(image)
        except ServerUnavailableError as exc:
            _say(f"{exc}; trying a local server")
        choice = "local"
    if choice == "local":
        if _local_binary() is None:
            raise NoLocalServerError(f"no local mysqld or mariadbd was found; this installs one: {FIX}")
        return "local"
    return _docker_image(image if choice == "docker" else choice)


def _docker_image(image: str) -> str:
    """Make sure that Docker can start the image, and return its name."""
    if importlib.util.find_spec("testcontainers") is None:
        raise ServerUnavailableError("Docker needs testcontainers: pip install 'eventflow-db[testing]'")
    import docker
    from requests.exceptions import RequestException
    from testcontainers.core.config import testcontainers_config
    from testcontainers.core.docker_client import DockerClient

    try:
        client = DockerClient().client
        client.ping()
    except (docker.errors.DockerException, RequestException) as exc:
        if "Permission denied" in str(exc):
            fix = 'sudo usermod -aG docker "$USER", then log in again'
            raise ServerUnavailableError(f"this user may not use Docker ({fix})") from None
        raise ServerUnavailableError(
            "no Docker engine answers (sudo systemctl start docker; DOCKER_HOST names another)"
        ) from None
    try:
        if not _have_image(client, testcontainers_config.hub_image_name_prefix + image):
            raise ServerUnavailableError(
                f"Docker has no image {image} and cannot pull it (docker pull {image} tells why)"
            )
    finally:
        client.close()
    return image


def _have_image(client: Any, image: str) -> bool:
    """Whether Docker has the image, after pulling it where it must."""
    import docker

    try:
        client.images.get(image)
    except docker.errors.ImageNotFound:
        _say(f"pulling {image}")
        try:
            client.images.pull(image)
        except docker.errors.DockerException:
            return False
    except docker.errors.DockerException:  # not a name that an image can have
        return False
    return True


def _local_binary() -> str | None:
    """The first server binary that this machine can also make a data directory for."""
    path = _search_path()
    for name in ("mysqld", "mariadbd"):
        binary = shutil.which(name, path=path)
        if binary is None:
            continue
        helpers = ("mariadb-install-db", "my_print_defaults") if _is_mariadb(binary) else ()
        if all(shutil.which(helper, path=path) for helper in helpers):
            return binary
    return None


def _search_path() -> str:
    """PATH, and where servers are installed that an ordinary user's PATH leaves out."""
    more = ("/usr/local/sbin", "/usr/sbin", "/usr/local/mysql/bin", "/opt/homebrew/bin")
    return os.pathsep.join([os.environ.get("PATH", os.defpath), *more])


def _is_mariadb(binary: str) -> bool:
    """Whether the binary is MariaDB's, which may be called mysqld too."""
    answer = subprocess.run([binary, "--no-defaults", "--version"], capture_output=True, text=True)
    return "mariadb" in answer.stdout.lower()


def _as_root() -> list[str]:
    """The option that lets root run a server, which refuses otherwise."""
    return ["--user=root"] if os.geteuid() == 0 else []


def _data_root() -> Path:
    """Memory where there is enough of it, else the directory for temporary files."""
    memory = Path("/dev/shm")
    if memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 1 << 30:
        return memory
    return Path(tempfile.gettempdir())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _say(text: str) -> None:
    print(f"eventflow_db.testing: {text}", file=sys.stderr)
