"""The servers that tests run on: how one is chosen, refused, started, restarted and cleaned up."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pymysql
import pytest

from eventflow_db.testing import Server, ServerUnavailableError, resolve_choice, running_server, start_server
from eventflow_db.testing.choice import is_given
from eventflow_db.testing.local import find_binary
from eventflow_db.testing.server import NoLocalServerError

from .support import eventually

VARIABLES = ("EVENTFLOW_TEST_SERVER", "EVENTFLOW_TEST_URL", "EVENTFLOW_TEST_IMAGE")


@pytest.fixture(scope="module")
def own_choice() -> str:
    """The choice of this run, for servers that a test starts itself."""
    choice = resolve_choice()
    if is_given(choice):
        pytest.skip("this run was given a server, and starts none")
    return choice


@pytest.fixture(scope="module")
def own_server(own_choice: str) -> Iterator[Server]:
    with running_server(own_choice, options=["--default-time-zone=+05:30"]) as server:
        yield server


@pytest.fixture
def no_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    """No choice in the environment."""
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def no_docker(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Docker engine that does not answer."""
    monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{closed_port()}")


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def value(server: Server, statement: str, database: str | None = None) -> object:
    with server.connect(database) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        row = cursor.fetchone()
        return row[0] if row else None


def run_python(code: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=100,
    )


# Choosing


def test_resolve_choice_auto_prefers_the_url(no_choice: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENTFLOW_TEST_URL", "mysql://root@127.0.0.1:1/")
    assert resolve_choice("auto") == "url"
    assert resolve_choice() == "url"


def test_resolve_choice_auto_without_docker_takes_a_local_server(
    no_choice: None, no_docker: None, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        find_binary()
    except NoLocalServerError:
        with pytest.raises(NoLocalServerError, match=r"apt-get install .*mariadb-server-core"):
            resolve_choice("auto")
    else:
        assert resolve_choice("auto") == "local"
    notice = capsys.readouterr().err
    assert notice.count("\n") == 1
    assert "no Docker engine answers" in notice


def test_resolve_choice_reads_the_environment(no_choice: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENTFLOW_TEST_SERVER", "mysql://root@127.0.0.1:1/")
    assert resolve_choice() == "mysql://root@127.0.0.1:1/"


def test_resolve_choice_docker_takes_the_image_variable(
    own_choice: str, no_choice: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if own_choice == "local":
        pytest.skip("this run has no Docker image")
    monkeypatch.setenv("EVENTFLOW_TEST_IMAGE", own_choice)
    assert resolve_choice("docker") == own_choice
    assert resolve_choice("auto") == own_choice


@pytest.mark.parametrize("choice", ["docker", "mysql:9.7"])
def test_resolve_choice_docker_without_an_engine_raises(no_choice: None, no_docker: None, choice: str) -> None:
    with pytest.raises(ServerUnavailableError, match=r"no Docker engine answers .*systemctl start docker"):
        resolve_choice(choice)


def test_resolve_choice_image_that_is_not_available_raises(own_choice: str) -> None:
    if own_choice == "local":
        pytest.skip("this run has no Docker engine")
    with pytest.raises(ServerUnavailableError, match="docker pull eventflow-no-such-image:1"):
        resolve_choice("eventflow-no-such-image:1")


def test_resolve_choice_url_without_the_variable_raises(no_choice: None) -> None:
    with pytest.raises(ServerUnavailableError, match="export EVENTFLOW_TEST_URL=mysql://"):
        resolve_choice("url")


def test_command_prints_the_choice_and_no_secret() -> None:
    command = [sys.executable, "-m", "eventflow_db.testing", "auto"]
    environment = {**os.environ, "EVENTFLOW_TEST_URL": "mysql://root:s3cret@127.0.0.1:1/"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "url\n", "")


def test_command_choice_that_is_not_available_exits_with_3(no_docker: None) -> None:
    command = [sys.executable, "-m", "eventflow_db.testing", "docker"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("no Docker engine answers")


def test_import_needs_neither_pytest_nor_docker() -> None:
    done = run_python("""
        import sys, eventflow_db.testing
        print({"pytest", "docker", "testcontainers"} & set(sys.modules))
    """)
    assert done.stdout == "set()\n"


# A given server


def test_start_server_uses_a_given_url(eventflow_server: Server) -> None:
    with running_server(eventflow_server.url) as server:
        assert (server.kind, server.version) == (eventflow_server.kind, eventflow_server.version)
        assert server.origin == "the given URL"
        assert server.url == eventflow_server.url
        assert not server.can_restart
    assert value(server, "SELECT 1") == 1


def test_start_server_takes_the_url_variable(
    eventflow_server: Server, no_choice: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVENTFLOW_TEST_URL", eventflow_server.database_url("mysql"))
    server = start_server()
    assert server.origin == "EVENTFLOW_TEST_URL"
    assert server.url == eventflow_server.url


@pytest.mark.parametrize("action", ["stop", "kill", "start", "pause", "resume"])
def test_given_server_is_left_alone(action: str) -> None:
    server = Server("mysql://root@127.0.0.1:1/", "the given URL")
    with pytest.raises(ServerUnavailableError, match="was not started here"):
        getattr(server, action)()


def test_start_server_url_with_options_raises() -> None:
    with pytest.raises(ServerUnavailableError, match="takes no options"):
        start_server("mysql://root@127.0.0.1:1/", options=["--port=1"])


def test_start_server_url_where_no_server_is_raises() -> None:
    port = closed_port()
    with pytest.raises(ServerUnavailableError, match=rf"cannot log in to 127\.0\.0\.1:{port} as root"):
        start_server(f"mysql://root:s3cret@127.0.0.1:{port}/")


def test_start_server_wrong_password_raises_without_it(eventflow_server: Server) -> None:
    with pytest.raises(ServerUnavailableError, match="1045") as caught:
        start_server(f"mysql://root:s3cret@{eventflow_server.host}:{eventflow_server.port}/")
    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://root:s3cret@h/",
        "mysql://",
        "mysql://root:s3cret@h:port/",
        "mysql://h:99999/",
        "mysql://root:s3cret@h/?no_such_setting=s3cret",
    ],
)
def test_start_server_malformed_url_raises_without_it(url: str) -> None:
    with pytest.raises(ServerUnavailableError, match="the given URL") as caught:
        start_server(url)
    assert "s3cret" not in str(caught.value)


def test_url_keeps_odd_characters_and_options() -> None:
    server = Server("mysql://ad%40min:p%2Fw%C3%A4@[::1]:3307/old?ssl_mode=DISABLED", "the given URL")
    assert (server.host, server.port, server.user, server.password) == ("::1", 3307, "ad@min", "p/wä")
    assert server.url == "mysql://ad%40min:p%2Fw%C3%A4@[::1]:3307/?ssl_mode=DISABLED"
    assert server.database_url("a b") == "mysql://ad%40min:p%2Fw%C3%A4@[::1]:3307/a%20b?ssl_mode=DISABLED"


@pytest.mark.slow
def test_log_with_control_sequences_does_not_steer_the_terminal(own_choice: str) -> None:
    with pytest.raises(ServerUnavailableError, match=r"no-such-\\x1b\[8moption") as caught:
        start_server(own_choice, options=["--no-such-\x1b[8moption"])
    assert all(line.isprintable() for line in str(caught.value).split("\n"))


@pytest.mark.slow
def test_version_of_a_hostile_server_does_not_steer_the_terminal(own_choice: str) -> None:
    if own_choice != "local":
        pytest.skip("this run has no local server")
    with running_server("local", options=["--version=10.6.0-\x1b[8m-MariaDB"]) as server:
        assert server.version.startswith("10.6.0-\\x1b[8m")


def test_repr_holds_no_password() -> None:
    server = Server("mysql://admin:s3cret@127.0.0.1:1/", "the given URL")
    assert "s3cret" not in repr(server) + server.origin


# A server of our own


@pytest.mark.slow
def test_server_says_what_it_is(own_server: Server, own_choice: str) -> None:
    version = str(value(own_server, "SELECT VERSION()"))
    assert own_server.version == version
    assert version.startswith(".".join(map(str, own_server.version_info)))
    assert own_server.kind == ("mariadb" if "MariaDB" in version else "mysql")
    assert own_choice in own_server.origin


@pytest.mark.slow
def test_server_has_a_real_password(own_server: Server) -> None:
    with pytest.raises(pymysql.OperationalError, match="1045"):
        pymysql.connect(host=own_server.host, port=own_server.port, user="root", password="")
    plugin = value(own_server, "SELECT plugin FROM mysql.user WHERE user = 'root' AND host = '%'")
    assert plugin == ("mysql_native_password" if own_server.kind == "mariadb" else "caching_sha2_password")


@pytest.mark.slow
def test_server_takes_options(own_server: Server) -> None:
    assert value(own_server, "SELECT @@GLOBAL.time_zone") == "+05:30"


@pytest.mark.parametrize("how", ["kill", "stop"])
@pytest.mark.slow
def test_restart_keeps_port_and_data(own_server: Server, how: str) -> None:
    value(own_server, "CREATE DATABASE IF NOT EXISTS kept")
    value(own_server, "CREATE TABLE IF NOT EXISTS kept.t (how VARCHAR(9)) ENGINE=InnoDB")
    value(own_server, f"INSERT INTO kept.t VALUES ('{how}')")
    port = own_server.port
    getattr(own_server, how)()
    with pytest.raises(pymysql.OperationalError):
        own_server.connect()
    own_server.start()
    assert own_server.port == port
    assert value(own_server, f"SELECT COUNT(*) FROM kept.t WHERE how = '{how}'") == 1


@pytest.mark.slow
def test_paused_server_answers_after_resume(own_server: Server) -> None:
    with pymysql.connect(
        host=own_server.host, port=own_server.port, password=own_server.password, user="root", read_timeout=1
    ) as connection:
        own_server.pause()
        try:
            with pytest.raises(pymysql.OperationalError, match="2013"):
                connection.query("SELECT 1")
        finally:
            own_server.resume()
    assert value(own_server, "SELECT 1") == 1


@pytest.mark.slow
def test_server_that_does_not_start_shows_its_log(own_choice: str) -> None:
    with pytest.raises(ServerUnavailableError, match=r"(?s)did not start .*its log ends.*no-such-option"):
        start_server(own_choice, options=["--no-such-option"])


@pytest.mark.slow
def test_local_server_takes_a_data_root(own_choice: str, tmp_path: Path) -> None:
    if own_choice != "local":
        pytest.skip("this run has no local server")
    root = tmp_path / ("long" * 20)
    root.mkdir()
    with running_server("local", data_root=root) as server:
        assert server.data_directory is not None
        assert server.data_directory.is_relative_to(root)
    assert not list(root.iterdir())


# Cleaning up

OWNER = """
    import os, sys, time
    from eventflow_db.testing import start_server

    server = start_server()
    if sys.argv[1:] == ["fork"] and os.fork() == 0:
        sys.exit()
    print(server.port, server.data_directory, flush=True)
    time.sleep(60)
"""


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def is_clean(port: int, directory: str) -> bool:
    return not listens(port) and (directory == "None" or not Path(directory).parent.exists())


@pytest.mark.parametrize(
    "number",
    [
        signal.SIGKILL,
        pytest.param(signal.SIGTERM, marks=pytest.mark.slow),
        pytest.param(signal.SIGINT, marks=pytest.mark.slow),
    ],
)
def test_server_ends_with_its_owner(own_choice: str, number: signal.Signals) -> None:
    command = [sys.executable, "-c", textwrap.dedent(OWNER)]
    environment = {**os.environ, "EVENTFLOW_TEST_SERVER": own_choice}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as owner:
        assert owner.stdout
        port, directory = owner.stdout.readline().split(" ", 1)
        assert listens(int(port))
        owner.send_signal(number)
    assert eventually(lambda: is_clean(int(port), directory.strip()), 30)


@pytest.mark.slow
def test_server_outlives_a_forked_child_of_its_owner(own_choice: str) -> None:
    done = run_python(
        """
        import os, sys
        from eventflow_db.testing import start_server

        server = start_server()
        if (child := os.fork()) == 0:
            sys.exit()
        os.waitpid(child, 0)
        server.connect().close()
        print("alive", server.port, server.data_directory)
        """,
        EVENTFLOW_TEST_SERVER=own_choice,
    )
    word, port, directory = done.stdout.strip().split(" ", 2)
    assert word == "alive"
    assert is_clean(int(port), directory)


# The pytest plugin


def test_plugin_failing_start_is_reported_once(tmp_path: Path, no_docker: None) -> None:
    (tmp_path / "conftest.py").write_text("pytest_plugins = ['eventflow_db.testing.plugin']\n")
    (tmp_path / "test_it.py").write_text(
        "import pytest\n@pytest.mark.parametrize('n', range(5))\ndef test_it(eventflow_server, n): ...\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(tmp_path)],
        env={**os.environ, "EVENTFLOW_TEST_SERVER": "docker"},
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 3
    assert (done.stdout + done.stderr).count("no Docker engine answers") == 1
    assert "Traceback" not in done.stdout + done.stderr


def test_plugin_gives_a_database_with_the_tables(eventflow_database_url: str) -> None:
    server = Server(eventflow_database_url, "the test's")
    name = eventflow_database_url.rpartition("/")[2]
    tables = value(server, f"SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = '{name}'")
    assert tables == 9
