"""What an attacker, a hostile server and a careless log file get to see: no password, no parameter, no file."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from types import FrameType
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from eventflow_db import AsyncEventflowDB, EventflowDB, NewCertificate, NewEvent, Settings, errors
from eventflow_db.testing import Server, ServerUnavailableError, running_server

from .api import API
from .operations import OPERATIONS, call
from .proxy import Proxy
from .support import EVENT, Account, Admin, idle

CLEAR = b"\xfemysql_clear_password\0\0"
DIALOG = b"\xfedialog\0\4Password: "
OLD = b"\xfemysql_old_password\0abcdefgh\0"


def packet(number: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "little") + bytes([number]) + payload


# --- TLS


class Authority:
    """A certificate authority that exists for one test run."""

    def __init__(self, directory: Path, name: str) -> None:
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        self.path = directory / f"{name}.pem"
        self.path.write_bytes(self._pem(self._sign(self._name, self._key.public_key(), None)))

    def issue(self, host: str) -> tuple[Path, Path]:
        """A server's certificate and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
        certificate = self._sign(name, key.public_key(), host)
        paths = self._directory / f"{host}-cert.pem", self._directory / f"{host}-key.pem"
        paths[0].write_bytes(self._pem(certificate))
        paths[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return paths

    def _sign(self, name: x509.Name, key: Any, host: str | None) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder(self._name, name, key, x509.random_serial_number())
        builder = builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(hours=1))
        builder = builder.add_extension(x509.BasicConstraints(host is None, None), critical=True)
        if host == "127.0.0.1":
            builder = builder.add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ip_address(host))]), critical=False
            )
        elif host:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        return builder.sign(self._key, hashes.SHA256())

    @staticmethod
    def _pem(certificate: x509.Certificate) -> bytes:
        return certificate.public_bytes(serialization.Encoding.PEM)


@pytest.fixture(scope="module")
def authorities(tmp_path_factory: pytest.TempPathFactory) -> tuple[Authority, Authority]:
    """The one that signs the servers' certificates, and another one."""
    directory = tmp_path_factory.mktemp("tls")
    return Authority(directory, "authority"), Authority(directory, "stranger")


@pytest.fixture(scope="module", params=["127.0.0.1", "elsewhere.example"])
def tls_server(
    request: pytest.FixtureRequest, authorities: tuple[Authority, Authority]
) -> Iterator[tuple[str, Settings]]:
    """A server of this machine whose certificate is made for a host, right or wrong, and how to reach it."""
    certificate, key = authorities[0].issue(request.param)
    options = [f"--ssl-ca={authorities[0].path}", f"--ssl-cert={certificate}", f"--ssl-key={key}"]
    try:
        with running_server("local", options=options) as server:
            yield request.param, Settings.from_url(server.database_url("mysql"))
    except ServerUnavailableError:
        pytest.skip("no local server binary")


def cipher(api: API, settings: Settings) -> str:
    """How the connection of a database object is encrypted; empty for plain text."""
    db = api.database(settings)
    db.ping()
    connection = idle(db)[0].connection
    sock = connection._sock if api.name == "sync" else connection._writer.get_extra_info("ssl_object")
    return str(sock.cipher()[0]) if hasattr(sock, "cipher") else ""


@pytest.mark.parametrize("mode", ["DISABLED", "PREFERRED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY"])
@pytest.mark.parametrize("authority", ["right", "wrong"])
def test_ssl_mode(
    api: API, tls_server: tuple[str, Settings], authorities: tuple[Authority, Authority], mode: str, authority: str
) -> None:
    host, settings = tls_server
    trusted = authorities[authority == "wrong"].path
    settings = msgspec.structs.replace(settings, ssl_mode=mode, ssl_ca=str(trusted))
    refused = (mode.startswith("VERIFY") and authority == "wrong") or (
        mode == "VERIFY_IDENTITY" and host != "127.0.0.1"
    )
    if refused:
        with pytest.raises(errors.UnavailableError, match="TLS") as raised:
            api.database(settings).ping()
        assert raised.value.errno == 2026
        assert "certificate verify failed" in str(raised.value.__cause__)
    else:
        assert bool(cipher(api, settings)) == (mode != "DISABLED")


@pytest.fixture
def middle(eventflow_server: Server) -> Iterator[Proxy]:
    """Someone between client and server, who hides that the server offers TLS."""
    with Proxy(eventflow_server) as proxy:
        proxy.hides_tls = True
        yield proxy


@pytest.fixture
def through(settings: Settings, middle: Proxy) -> Settings:
    """Settings that lead there."""
    return msgspec.structs.replace(settings, host="127.0.0.1", port=middle.port, connect_timeout=3)


@pytest.mark.parametrize("mode", ["REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY"])
def test_no_tls_offered_raises_before_anything_is_sent(api: API, through: Settings, middle: Proxy, mode: str) -> None:
    with pytest.raises(errors.UnavailableError, match="TLS") as raised:
        api.database(msgspec.structs.replace(through, ssl_mode=mode)).ping()
    assert raised.value.errno == 2026
    assert not middle.requests


@pytest.mark.parametrize("mode", ["DISABLED", "PREFERRED"])
def test_no_tls_offered_is_plain_text_where_that_may_be(api: API, through: Settings, middle: Proxy, mode: str) -> None:
    api.database(msgspec.structs.replace(through, ssl_mode=mode)).ping()
    assert b"session.ping@" in middle.requests


@pytest.mark.parametrize("request_", [CLEAR, DIALOG, OLD], ids=["clear", "dialog", "old"])
def test_request_for_the_password_without_tls_raises(
    api: API, through: Settings, middle: Proxy, request_: bytes
) -> None:
    through = msgspec.structs.replace(through, password=SECRET)
    middle.replace_reply(through.user.encode() + b"\0", packet(2, request_))
    with pytest.raises(errors.AccessDeniedError) as raised:
        api.database(through).ping()
    assert raised.value.errno == 2061
    assert SECRET.encode() not in middle.requests


@pytest.mark.parametrize("size", [1, 100])
def test_password_without_tls_is_never_sent_as_it_is(api: API, middle: Proxy, account: Account, size: int) -> None:
    middle.split = size
    api.database(account(SECRET, host="127.0.0.1", port=middle.port)).ping()
    assert SECRET.encode() not in middle.requests


# --- a hostile server


@pytest.mark.parametrize("path", [b"/etc/passwd", b""])
def test_request_for_a_local_file_raises(
    api: API, through: Settings, middle: Proxy, tmp_path: Path, path: bytes
) -> None:
    db = api.database(through)
    secret = tmp_path / "secret"
    secret.write_text("content of a file")
    db.ping()
    middle.replace_reply(b"event.read@", packet(1, b"\xfb" + (path or str(secret).encode())))
    before = len(middle.requests)
    with pytest.raises(errors.SchemaError) as raised:
        db.read_event("id")
    assert raised.value.errno == 2068
    assert b"content" not in middle.requests
    assert b"root:" not in middle.requests[before:]
    db.ping()  # on another connection


def test_two_statements_in_one_raise(api: API, settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "session"
    path.mkdir()
    (path / "queries.sql").write_text(
        "-- name: ping()$\n-- Hostile.\n-- returns: int\n-- error: E_EVENTFLOW_DB_PING could not reach the database\n"
        "-- index: none\n-- idempotent: yes\nSELECT 1 AS answer; DELETE FROM hub;\n"
    )
    with pytest.raises((errors.SchemaError, errors.ContractError)):
        api.database(msgspec.structs.replace(settings, sql_path=str(tmp_path))).ping()


def test_reply_with_more_than_one_result_is_not_used(api: API, through: Settings, middle: Proxy) -> None:
    db = api.database(msgspec.structs.replace(through, retry_limit=1))
    db.ping()
    more = packet(1, b"\0\1\0\x0a\0\0\0")  # OK, one row, more results follow
    for _ in range(3):
        middle.replace_reply(b"event.delete@", more)
    with pytest.raises(errors.EventflowDBError):
        db.delete_event("id")
    db.ping()


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"\0",
        b"\1\0\0\1",
        b"\xff\xff\xff\1\0",
        packet(1, b""),
        packet(1, b"\xff"),
        packet(1, b"\xfe\0\0"),
        b"\0" * 99,
    ],
    ids=repr,
)
def test_malformed_reply_is_an_error_of_ours(api: API, through: Settings, middle: Proxy, reply: bytes) -> None:
    db = api.database(msgspec.structs.replace(through, retry_limit=1, read_timeout=0.3))
    db.ping()
    for _ in range(3):
        middle.replace_reply(b"event.read@", reply)
    with pytest.raises(errors.EventflowDBError):
        db.read_event("id")
    db.ping()


# --- names that are spliced


@pytest.mark.parametrize("day", ["20300101", "p; DROP TABLE log", 20300101, b"2030-01-01", object()])
def test_archive_log_takes_nothing_but_dates(db: EventflowDB, day: Any) -> None:
    with pytest.raises(errors.InvalidValueError, match="date"):
        db.archive_log(day)


# --- secrets

SECRET = "s3cr3t-value"
BYTES = b"k3y-m4terial"
MARKS = (SECRET, BYTES.decode(), repr(BYTES), BYTES.hex())


def frames(error: BaseException) -> Iterator[FrameType]:
    """The frames of an error and of all that it is chained to."""
    seen: set[int] = set()
    pending: list[BaseException | None] = [error]
    while pending:
        one = pending.pop()
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            for frame, _ in traceback.walk_tb(one.__traceback__):
                yield frame
            pending += (one.__cause__, one.__context__)


def leaks(error: BaseException, password: str) -> list[str]:
    """Where an error holds a secret: texts, attributes, the locals of all frames but the tests' own."""
    found: list[str] = []
    marks = (*MARKS, password)

    def look(where: str, thing: object) -> None:
        try:
            text = repr(thing)
        except Exception as problem:
            text = f"{problem}"
        found.extend(where for mark in marks if mark and mark in text)

    seen: set[int] = set()
    pending: list[BaseException | None] = [error]
    while pending:
        one = pending.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        for name in ("__str__", "__repr__"):
            look(f"{type(one).__name__}.{name}", getattr(one, name)())
        look(f"{type(one).__name__}.__dict__", vars(one))
        look(f"{type(one).__name__}.args", one.args)
        pending += (one.__cause__, one.__context__)
    for frame in frames(error):
        if str(frame.f_globals.get("__name__")).partition(".")[0] in (
            "eventflow_db",
            "pymysql",
            "aiomysql",
            "contextlib",
            "aiosql",
        ):
            for name, value in frame.f_locals.items():
                look(f"{frame.f_code.co_qualname}: {name}", value)
                for attribute, inner in getattr(value, "__dict__", {}).items():
                    if name != "self" or "eventflow_db" not in type(value).__module__:
                        look(f"{frame.f_code.co_qualname}: {name}.{attribute}", inner)
    return found


def secret_values(values: Any) -> dict[str, Any]:
    """The arguments of an operation with every text and every key full of secrets."""
    made: dict[str, Any] = {}
    for name, value in values.items():
        if name in ("external_ip", "internal_ip"):
            made[name] = SECRET
        elif isinstance(value, str):
            made[name] = f"{SECRET}-{name}"
        elif isinstance(value, bytes):
            made[name] = BYTES
        elif isinstance(value, dict):
            made[name] = {"secret": SECRET}
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            made[name] = [secret_values(value[0])]
        elif isinstance(value, list):
            made[name] = [SECRET for _ in value]
        else:
            made[name] = value
    return made


def failure(db: Any, name: str, values: Any) -> Exception | None:
    """The error of an operation, if it fails."""
    try:
        call(db, name, values)
    except (errors.EventflowDBError, TypeError) as error:
        return error
    return None


SECRETIVE = {name: row for name, row in OPERATIONS.items() if row.values}


def _refused(proxy: Proxy, admin: Admin) -> None:
    """Nobody listens."""
    proxy.refuse()
    proxy.cut_all()


def _cut(proxy: Proxy, admin: Admin) -> None:
    """Every statement is lost."""
    for _ in range(20):
        proxy.cut_reply(b"/*eventflow:")


def _no_table(proxy: Proxy, admin: Admin) -> None:
    """The tables are not there."""
    for (table,) in admin.execute("SHOW TABLES"):
        admin.execute("SET FOREIGN_KEY_CHECKS = 0")
        admin.execute(f"DROP TABLE `{table}`")


def _broken(proxy: Proxy, admin: Admin) -> None:
    """The server talks nonsense."""
    for _ in range(20):
        proxy.replace_reply(b"/*eventflow:", packet(1, b"\1") + packet(2, b"nonsense"))


FAULTS: list[Callable[[Proxy, Admin], None]] = [_refused, _cut, _no_table, _broken]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__[1:])
def test_no_secret_in_any_error(
    api: API, eventflow_server: Server, empty_database: str, admin: Admin, account: Account, fault: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    """Every operation with secret arguments, failing in several ways."""
    caplog.set_level(logging.DEBUG)
    admin.use(empty_database)
    secretive = account("open-sesame", database=empty_database, ssl_mode="DISABLED", retry_limit=1, read_timeout=1)
    with EventflowDB(secretive) as db:
        db.setup_table_schemas()
    failed = 0
    for name, row in SECRETIVE.items():
        with Proxy(eventflow_server) as proxy:
            target = api.database(msgspec.structs.replace(secretive, host="127.0.0.1", port=proxy.port))
            target.ping()
            fault(proxy, admin)
            error = failure(target, name, secret_values(row.values))
            target.close()
        if error is not None:
            failed += 1
            assert not leaks(error, secretive.password), name
    assert failed > len(SECRETIVE) / 2
    assert not [mark for mark in (*MARKS, secretive.password) if mark in caplog.text]


def test_no_secret_in_errors_about_values(db: EventflowDB, settings: Settings) -> None:
    """Every operation with a value that it refuses, and with a key that it does not know."""
    for name, row in SECRETIVE.items():
        for bad in (object(), f" {SECRET} ", [SECRET], {SECRET: BYTES}, BYTES, SECRET * 100_000):
            values = secret_values(row.values)
            values[next(iter(values))] = bad
            error = failure(db, name, values)
            assert error is None or not leaks(error, settings.password), (name, str(error))


def test_no_secret_in_a_duplicate(db: EventflowDB, settings: Settings, certificate: NewCertificate) -> None:
    event: NewEvent = {**EVENT, "id": SECRET, "data": {"secret": SECRET}}
    db.persist_event(event)
    for attempt in (lambda: db.persist_event(event), lambda: db.persist_events([event])):
        with pytest.raises(errors.DuplicateError) as raised:
            attempt()
        assert not leaks(raised.value, settings.password)


def test_no_secret_in_errors_of_a_transaction(db: EventflowDB, settings: Settings, certificate: NewCertificate) -> None:
    secret: NewCertificate = {**certificate, "id": SECRET, "key": BYTES, "pass": BYTES}
    with pytest.raises(errors.EventflowDBError) as raised, db.transaction() as tx:
        tx.persist_certificate(secret)
        tx.persist_event({**EVENT, "id": SECRET, "rid": "missing"})
    assert not leaks(raised.value, settings.password)
    with pytest.raises(errors.ConflictError) as conflict, db.lock(SECRET), db.lock(SECRET, 0):
        pass
    assert not leaks(conflict.value, settings.password)


def test_no_secret_in_a_cancellation(settings: Settings, certificate: NewCertificate) -> None:
    secret: NewCertificate = {**certificate, "id": SECRET, "key": BYTES, "pass": BYTES}

    async def run() -> BaseException:
        async with AsyncEventflowDB(settings) as db:
            task = asyncio.create_task(db.persist_certificate(secret))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            task.cancel()
            try:
                await task
            except asyncio.CancelledError as error:
                return error
            raise AssertionError("it was not cancelled")

    assert not leaks(asyncio.run(run()), settings.password)


@pytest.mark.parametrize(
    "make",
    [
        lambda: EventflowDB(f"mysql://root:{SECRET}@host:99999/db"),
        lambda: EventflowDB(f"mysql://root:{SECRET}@host/db?unknown=1"),
        lambda: EventflowDB(f"mysql://root:{SECRET}@host/db?port=x"),
        lambda: EventflowDB(f"postgres://root:{SECRET}@host/db"),
        lambda: Settings(password=SECRET, port=-1),
        lambda: Settings(password=SECRET, ssl_key="key"),
        lambda: Settings.from_environment({"EVENTFLOW_MYSQL_PASS": SECRET, "EVENTFLOW_MYSQL_PORT": "x"}),
        lambda: EventflowDB(Settings(password=SECRET, ssl_mode="VERIFY_CA", ssl_ca="/nowhere")),
        lambda: AsyncEventflowDB(Settings(password=SECRET, ssl_mode="VERIFY_CA", ssl_ca="/nowhere")),
    ],
)
def test_no_password_in_errors_about_settings(make: Callable[[], object]) -> None:
    with pytest.raises(errors.InvalidValueError) as raised:
        make()
    assert not leaks(raised.value, SECRET)


def test_no_password_in_errors_about_access(api: API, settings: Settings) -> None:
    wrong = msgspec.structs.replace(settings, password=SECRET)
    with pytest.raises(errors.AccessDeniedError) as raised:
        api.database(wrong).ping()
    assert not leaks(raised.value, SECRET)
    assert SECRET not in repr(api.database(wrong))


def test_no_password_in_errors_about_authentication(api: API, through: Settings, middle: Proxy) -> None:
    through = msgspec.structs.replace(through, password=SECRET)
    middle.replace_reply(through.user.encode() + b"\0", packet(2, b"\xfeunknown_method\0"))
    with pytest.raises(errors.EventflowDBError) as raised:
        api.database(through).ping()
    assert not leaks(raised.value, SECRET)


def test_traceback_keeps_files_and_lines(db: EventflowDB) -> None:
    with pytest.raises(errors.NotFoundError) as raised:
        db.read_event("missing")
    names = [frame.f_code.co_name for frame in frames(raised.value)]
    assert {"read_event", "_read_one"} <= set(names)
