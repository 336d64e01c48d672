"""Where the database is and how to use it, from keywords, EVENTFLOW_MYSQL_* variables or a URL."""

from __future__ import annotations

import difflib
import os
import ssl
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec
from msgspec import Meta

from .errors import InvalidValueError
from .redact import redacting

CODE: Final = "E_EVENTFLOW_DB_SETTINGS"
PREFIX: Final = "EVENTFLOW_MYSQL_"

Port = Annotated[int, Meta(ge=1, le=65535)]
Seconds = Annotated[float, Meta(gt=0, le=31536000)]
Count = Annotated[int, Meta(ge=1, le=100000)]
SSLMode = Literal["DISABLED", "PREFERRED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY"]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of a database object; each has a variable, EVENTFLOW_MYSQL_ and its name in capitals.

    Two variables are shorter: EVENTFLOW_MYSQL_PASS (password) and EVENTFLOW_MYSQL_DB (database).

    host, port, socket_path: where the server listens; a socket path goes first.
    user, password, database: the account and the schema. The password appears in no repr, log or error.
    connection_limit: how many connections the pool opens at the most; `lock()` opens its own beside them.
    pool_timeout: seconds to wait for a connection of the pool.
    idle_timeout: seconds after which an idle connection is checked with a ping before it is used.
    connect_timeout: seconds for a connection to stand, its handshake included.
    read_timeout: seconds without a byte from the server after which it counts as lost.
    lock_wait_timeout: seconds that the server waits for row and metadata locks, sent to it as whole seconds.
    ddl_timeout: as read_timeout, for tables, partitions and bulk deletes; None: no limit.
    retry_limit, retry_timeout: how often, and for how many seconds, a call is run again after conflicts and lost
        connections.
    ssl_mode: DISABLED; PREFERRED, TLS where the server offers it, unverified; REQUIRED, TLS, unverified;
        VERIFY_CA, with a certificate that ssl_ca (or the system) vouches for; VERIFY_IDENTITY, and made for `host`.
    ssl_ca, ssl_cert, ssl_key: PEM files.
    sql_path: directories, separated by os.pathsep, whose queries replace the package's own.
    statement_tags: whether statements carry `/*eventflow:<query>@<hash>*/`, for slow logs.

    Raises: InvalidValueError (E_EVENTFLOW_DB_SETTINGS) naming each bad setting.
    """

    host: Annotated[str, Meta(min_length=1)] = "localhost"
    port: Port = 3306
    socket_path: str | None = None
    user: str = "root"
    password: str = ""
    database: Annotated[str, Meta(min_length=1, max_length=64)] = "eventflow"
    connection_limit: Count = 10
    pool_timeout: Seconds = 30.0
    idle_timeout: Seconds = 60.0
    connect_timeout: Seconds = 10.0
    read_timeout: Seconds = 30.0
    lock_wait_timeout: Annotated[int, Meta(ge=1, le=31536000)] = 10
    ddl_timeout: Seconds | None = None
    retry_limit: Count = 10
    retry_timeout: Seconds = 30.0
    ssl_mode: SSLMode = "PREFERRED"
    ssl_ca: str | None = None
    ssl_cert: str | None = None
    ssl_key: str | None = None
    sql_path: str | None = None
    statement_tags: bool = True

    @redacting
    def __post_init__(self) -> None:
        problems = _problems({name: getattr(self, name) for name in self.__struct_fields__})
        if problems:
            raise InvalidValueError(CODE, "; ".join(problems))

    def __repr__(self) -> str:
        shown = (
            f"{name}={'***' if name == 'password' else repr(getattr(self, name))}" for name in self.__struct_fields__
        )
        return f"Settings({', '.join(shown)})"

    def __rich_repr__(self) -> Any:
        """What rich shows: the same."""
        for name in self.__struct_fields__:
            yield name, "***" if name == "password" else getattr(self, name)

    @classmethod
    @redacting
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Settings from the EVENTFLOW_MYSQL_* variables of the process, or of a mapping.

        An empty variable counts as absent, except for the password.
        """
        variables = {
            name: value
            for name, value in (os.environ if environ is None else environ).items()
            if name.startswith(PREFIX)
        }
        unknown = [_unknown(name, _VARIABLES) for name in variables if name not in _VARIABLES]
        values = {_VARIABLES[name]: value for name, value in variables.items() if name in _VARIABLES and value}
        return _build(values, unknown, {field: name for name, field in _VARIABLES.items()})

    @classmethod
    @redacting
    def from_url(cls, url: str) -> Settings:
        """Settings from `mysql://user:password@host:port/database?name=value&…`; parts left out take the defaults.

        User, password and database are percent-decoded, the names of the query are those of the settings.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
            pairs = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
            # a password that was not percent-encoded ends up elsewhere, and would be shown there
            is_url = parts.scheme in ("mysql", "mariadb") and not parts.fragment
            is_url = is_url and not set("/@").intersection(parts.path[1:]) and "@" not in parts.query
        except ValueError:
            # its message quotes the URL
            is_url = False
        if not is_url:
            raise InvalidValueError(
                CODE,
                "url: must be of the form mysql://user:password@host:port/database?name=value&name=value, "
                "with what is special in user and password percent-encoded",
            )
        located = {
            "host": parts.hostname,
            "port": None if port is None else str(port),
            "user": parts.username,
            "password": parts.password,
            "database": parts.path.removeprefix("/"),
        }
        pairs += [(name, unquote(value)) for name, value in located.items() if value]
        names = [name for name, _ in pairs]
        known = cls.__struct_fields__
        unknown = [_unknown(name, known) for name in names if name not in known]
        unknown += [f"{name}: given twice" for name in sorted(set(names)) if names.count(name) > 1]
        values = {name: value for name, value in pairs if name in known}
        return _build(values, unknown, {})


_VARIABLES: Final = {
    PREFIX + {"password": "PASS", "database": "DB"}.get(name, name.upper()): name for name in Settings.__struct_fields__
}
_TYPES: Final = {field.name: field.type for field in msgspec.structs.fields(Settings)}
_RULES: Final = {
    "host": "not empty",
    "port": "a whole number from 1 to 65535",
    "database": "1 to 64 characters",
    "lock_wait_timeout": "whole seconds from 1 to 31536000",
    "ssl_mode": "one of DISABLED, PREFERRED, REQUIRED, VERIFY_CA, VERIFY_IDENTITY",
    "statement_tags": "true or false",
    "ssl_key": "the key of ssl_cert",
} | dict.fromkeys(("connection_limit", "retry_limit"), "a whole number from 1 to 100000")


def _rule(name: str) -> str:
    default = "seconds, more than 0 and at most 31536000" if name.endswith("_timeout") else "text"
    return _RULES.get(name, default)


def _unknown(name: str, known: Any) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"{name}: unknown setting" + (f", did you mean {near[0]}?" if near else "")


def _problems(values: Mapping[str, Any]) -> list[str]:
    problems = []
    for name, value in values.items():
        try:
            msgspec.convert(value, _TYPES[name])
            if isinstance(value, str):
                value.encode()
        except (msgspec.ValidationError, UnicodeEncodeError):
            problems.append(f"{name}: must be {_rule(name)}")
    if values.get("ssl_key") and not values.get("ssl_cert"):
        problems.append("ssl_key: needs ssl_cert")
    return problems


def _build(texts: Mapping[str, str], problems: list[str], names: Mapping[str, str]) -> Settings:
    values: dict[str, Any] = {}
    for name, text in texts.items():
        try:
            value = text.upper() if name == "ssl_mode" else text
            values[name] = msgspec.convert(value, _TYPES[name], strict=False)
        except msgspec.ValidationError:
            problems.append(f"{names.get(name, name)}: must be {_rule(name)}")
    if problems:
        raise InvalidValueError(CODE, "; ".join(problems))
    return Settings(**values)


def ssl_context(settings: Settings) -> ssl.SSLContext | None:
    """The TLS context that both drivers are given, None where ssl_mode is DISABLED.

    Raises: InvalidValueError (E_EVENTFLOW_DB_SETTINGS) where a PEM file cannot be used.
    """
    if settings.ssl_mode == "DISABLED":
        return None
    verify = settings.ssl_mode in ("VERIFY_CA", "VERIFY_IDENTITY")
    try:
        # what the system vouches for takes 20 ms or more to load, so only where it is asked for
        context = (
            ssl.create_default_context(cafile=settings.ssl_ca) if verify else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        )
        # certificates that MySQL makes for itself lack what RFC 5280 asks for, and Python 3.13 is strict about it
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        context.check_hostname = settings.ssl_mode == "VERIFY_IDENTITY"
        context.verify_mode = ssl.CERT_REQUIRED if verify else ssl.CERT_NONE
        if settings.ssl_cert:
            context.load_cert_chain(settings.ssl_cert, settings.ssl_key)
    except (OSError, ssl.SSLError) as error:
        raise InvalidValueError(CODE, f"ssl_ca, ssl_cert, ssl_key: cannot be used ({type(error).__name__})") from None
    return context
