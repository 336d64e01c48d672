"""The way to the server: time limits, addresses, dead flows, handshakes that nobody waits for, keys of strangers."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from eventflow_db import AsyncEventflowDB, EventflowDB, Settings, errors
from eventflow_db.aio.channel import AsyncChannel
from eventflow_db.sync.channel import Channel
from eventflow_db.testing import ServerUnavailableError, running_server

from .api import API
from .fake import OK, FakeServer, Step, own_address
from .support import eventually

LIMIT = 1.0
"""Seconds that connecting may take, in these tests."""
Address = tuple[Any, ...]


def changed(settings: Settings, **values: Any) -> Settings:
    return msgspec.structs.replace(settings, **values)


def fails_in_time(db: EventflowDB) -> None:
    """Connecting ends with an error about when its limit says."""
    started = time.monotonic()
    with pytest.raises(errors.UnavailableError):
        db.ping()
    assert time.monotonic() - started < LIMIT + 1


# --- connect_timeout


@pytest.mark.slow
@pytest.mark.parametrize("step", ["greeting", "tls", "login", "statement"])
def test_connecting_to_a_server_that_trickles_ends_with_connect_timeout(api_without_server: API, step: Step) -> None:
    with FakeServer(trickles=step) as server:
        settings = Settings(host="127.0.0.1", port=server.port, connect_timeout=LIMIT, retry_limit=1)
        fails_in_time(api_without_server.database(changed(settings, retry_timeout=0.1)))


@pytest.mark.parametrize("step", ["greeting", "tls", "login", "statement"])
def test_connection_that_ends_while_it_is_made_is_of_a_server_that_is_away(api_without_server: API, step: Step) -> None:
    with FakeServer(ends=step) as server:
        db = api_without_server.database(Settings(host="127.0.0.1", port=server.port, retry_limit=1))
        with pytest.raises(errors.UnavailableError) as caught:
            db.ping()
        # what failover_timeout waits for; 2026 would be a matter of settings
        assert caught.value.errno in (2003, 2013)


@pytest.fixture
def hanging_look_up(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No name is found, nor unknown, as long as the test takes."""
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: over.wait(30) and [])
    yield
    over.set()


def test_connecting_where_the_look_up_hangs_ends_with_connect_timeout(
    api_without_server: API, hanging_look_up: None
) -> None:
    settings = Settings(host="db.example", connect_timeout=LIMIT, retry_limit=1, retry_timeout=0.1)
    fails_in_time(api_without_server.database(settings))


def test_event_loop_ends_in_time_where_the_look_up_hangs(hanging_look_up: None) -> None:
    async def ping() -> None:
        async with AsyncEventflowDB(Settings(host="db.example", connect_timeout=0.3, retry_timeout=0.1)) as db:
            await db.ping()

    started = time.monotonic()
    with pytest.raises(errors.UnavailableError):
        asyncio.run(ping())
    assert time.monotonic() - started < 3


# --- several addresses


@pytest.fixture
def hole() -> Iterator[Address]:
    """An address that nothing answers from: its system drops what comes, for its queue is full."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        # until the queue is full
        client.settimeout(0.2)
        with contextlib.suppress(OSError):
            client.connect(listener.getsockname())
            pytest.skip("this system lets more connections in than its queue has room for")
        yield listener.getsockname()


def resolve(monkeypatch: pytest.MonkeyPatch, *addresses: Address) -> None:
    """Let every name have these addresses."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in addresses]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)


def test_ping_name_whose_first_address_is_dead_connects_to_the_next(
    api: API, settings: Settings, hole: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    db = api.database(changed(settings, host="db.example", connect_timeout=2, retry_limit=1))
    resolve(monkeypatch, hole, (settings.host, settings.port))
    started = time.monotonic()
    db.ping()
    assert time.monotonic() - started < 2


def test_ping_name_whose_first_address_is_of_a_family_that_is_missing_connects_to_the_next(
    api: API, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    unknown = (socket.AF_UNIX, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", "")
    known = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (settings.host, settings.port))
    db = api.database(changed(settings, host="db.example", retry_limit=1))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [unknown, known])
    db.ping()


def test_ping_name_with_dead_addresses_alone_ends_with_connect_timeout(
    api_without_server: API, hole: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve(monkeypatch, hole, hole, hole)
    settings = Settings(host="db.example", connect_timeout=LIMIT, retry_limit=1, retry_timeout=0.1)
    fails_in_time(api_without_server.database(settings))


# --- flows that are dropped


def test_connections_are_probed_within_a_minute_and_end_within_another(api: API, settings: Settings) -> None:
    """Those of the pool and those of `lock()`."""
    db = api.database(settings)
    with db.lock("probed"):
        db.ping()
        mine = [thing for thing in gc.get_objects() if isinstance(thing, (Channel, AsyncChannel))]
        mine = [channel for channel in mine if channel.settings is settings and channel.is_open]
        assert len(mine) == 2
        for channel in mine:
            connection = channel.connection
            sock = connection._sock if api.name == "sync" else connection._writer.get_extra_info("socket")
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            idle, interval, count, unsent = (
                sock.getsockopt(socket.IPPROTO_TCP, getattr(socket, name))
                for name in ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_USER_TIMEOUT")
            )
            assert 0 < idle < 60
            assert 0 < idle + interval * count <= 120
            assert 0 < unsent <= 120_000


# --- handshakes that nobody waits for

CANCELLING = """
import asyncio, sys
from eventflow_db import AsyncEventflowDB, Settings

async def cancelled(settings, delay):
    async with AsyncEventflowDB(settings) as db:
        ping = asyncio.create_task(db.ping())
        await asyncio.sleep(delay)
        ping.cancel()
        await asyncio.wait({ping})

async def main():
    settings = Settings.from_url(sys.argv[1])
    await asyncio.gather(*(cancelled(settings, number / 10_000) for number in range(100)))

asyncio.run(main())
"""
"""Calls that are cancelled while they connect, at once and ever later; the loop ends without waiting."""


@pytest.mark.slow
def test_calls_cancelled_while_they_connect_get_the_host_blocked_by_no_server() -> None:
    address = own_address()
    if not address:
        pytest.skip("this machine has the loopback alone, which no server blocks")
    options = ["--bind-address=0.0.0.0", "--skip-name-resolve=OFF", "--max-connect-errors=3", "--max-connections=500"]
    try:
        with running_server("local", options=options) as server:
            url = server.database_url("mysql").replace("127.0.0.1", address)
            # not -X dev: asyncio's debug mode tells of slow callbacks, which a busy machine has
            command = [sys.executable, "-W", "default", "-W", "error::ResourceWarning", "-c", CANCELLING, url]
            done = subprocess.run(command, capture_output=True, text=True, timeout=60)
            assert (done.returncode, done.stderr) == (0, "")
            with EventflowDB(changed(Settings.from_url(url), retry_limit=1)) as db:
                db.ping()
    except ServerUnavailableError:
        pytest.skip("no local server binary")


def test_call_cancelled_while_it_connects_ends_at_once_and_its_connection_in_time() -> None:
    with FakeServer(trickles="login") as server:

        async def run() -> float:
            db = AsyncEventflowDB(Settings(host="127.0.0.1", port=server.port, ssl_mode="DISABLED", connect_timeout=1))
            ping = asyncio.create_task(db.ping())
            assert await asyncio.to_thread(eventually, lambda: server.received)
            started = time.monotonic()
            ping.cancel()
            await asyncio.wait({ping})
            took = time.monotonic() - started
            assert ping.cancelled()
            assert not await asyncio.to_thread(eventually, server.ended.is_set, 0.4)
            await db.close()
            return took

        assert asyncio.run(run()) < 0.5
        assert eventually(server.ended.is_set, 2)


# --- the password

SECRET = "pässwörd"
_SALT = b"ABCDEFGHIJKLMNOPQRST\0"


@pytest.fixture(scope="module")
def key() -> bytes:
    """The public key of a stranger."""
    return (
        rsa.generate_private_key(65537, 2048)
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )


Login = Callable[[bytes], tuple[str, list[bytes]]]
FULL: dict[str, Login] = {
    "caching_sha2_password": lambda key: ("caching_sha2_password", [b"\1\4", b"\1" + key, OK]),
    "caching_sha2_password switched to": lambda key: (
        "mysql_native_password",
        [b"\xfecaching_sha2_password\0" + _SALT, b"\1\4", b"\1" + key, OK],
    ),
    "sha256_password": lambda key: ("sha256_password", [b"\1" + key, OK]),
    "sha256_password switched to": lambda key: (
        "mysql_native_password",
        [b"\xfesha256_password\0" + _SALT, b"\1" + key, OK],
    ),
    "mysql_clear_password switched to": lambda key: ("mysql_native_password", [b"\xfemysql_clear_password\0", OK]),
    "dialog switched to": lambda key: ("mysql_native_password", [b"\xfedialog\0\4Password: ", OK]),
}
"""What a server says in order to have the password itself."""


def log_in(
    api: API, full: str, key: bytes, host: str, mode: Any, password: str = SECRET
) -> tuple[errors.EventflowDBError, list[bytes]]:
    """How logging in to a server that wants the password ends, and what the client has sent.

    It never ends well: the server answers nothing but OK, whatever it is asked.
    """
    method, script = FULL[full](key)
    with FakeServer(method=method) as server:
        server.login = script
        settings = Settings(host=host, port=server.port, password=password, ssl_mode=mode, retry_limit=1)
        db = api.database(changed(settings, retry_timeout=0.1))
        with pytest.raises(errors.EventflowDBError) as raised:
            db.ping()
        assert server.ended.wait(5)
        return raised.value, server.received


def blobs(received: list[bytes]) -> list[bytes]:
    """What is encrypted with a key of 2,048 bits."""
    return [data for data in received if len(data) == 256]


@pytest.mark.parametrize("full", FULL)
def test_login_a_stranger_asks_for_the_password_without_tls_is_refused(
    api_without_server: API, key: bytes, full: str
) -> None:
    if not (host := own_address()):
        pytest.skip("this machine has the loopback alone")
    error, received = log_in(api_without_server, full, key, host, "PREFERRED")
    assert (type(error), error.errno) == (errors.AccessDeniedError, 2061)
    assert "ssl_mode to REQUIRED" in str(error)
    assert not blobs(received)
    assert SECRET.encode() not in b"".join(received)


@pytest.mark.parametrize("full", [full for full in FULL if "sha2" in full])
@pytest.mark.parametrize("mode", ["PREFERRED", "DISABLED"])
def test_login_password_is_encrypted_for_this_machine_and_where_the_user_trusts_the_network(
    api_without_server: API, key: bytes, full: str, mode: str
) -> None:
    host = "127.0.0.1" if mode == "PREFERRED" else own_address() or "127.0.0.1"
    error, received = log_in(api_without_server, full, key, host, mode)
    assert not isinstance(error, errors.AccessDeniedError)
    assert blobs(received)


@pytest.mark.parametrize("full", [full for full in FULL if "sha2" in full])
def test_login_without_a_password_needs_no_tls(api_without_server: API, key: bytes, full: str) -> None:
    error, _ = log_in(api_without_server, full, key, own_address() or "127.0.0.1", "PREFERRED", password="")
    assert not isinstance(error, errors.AccessDeniedError)


def test_login_fast_authentication_needs_no_tls(api_without_server: API) -> None:
    with FakeServer(method="caching_sha2_password") as server:
        server.login = [b"\1\3"]
        settings = Settings(host=own_address() or "127.0.0.1", port=server.port, password=SECRET, retry_limit=1)
        db = api_without_server.database(changed(settings, connect_timeout=0.5, retry_timeout=0.1))
        # the fake server says no more than that it knows the password
        with pytest.raises(errors.UnavailableError):
            db.ping()
        assert len(server.received) == 1
