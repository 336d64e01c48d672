"""Where the database is and how to use it, from keywords, EVENTFLOW_MYSQL_* variables or a URL."""

from __future__ import annotations

import difflib
import logging
import os
import re
import ssl
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Final, Literal
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec
from msgspec import Meta

from .errors import InvalidValueError
from .foreign import is_foreign
from .redact import redacting

CODE: Final = "E_EVENTFLOW_DB_SETTINGS"
PREFIX: Final = "EVENTFLOW_MYSQL_"
_log: Final = logging.getLogger(__name__)
_CONTROLS: Final = r"\x00-\x1f\x7f"

# a name or an address: not one colon, which would be followed by a port; of several, each may have one
_HOST: Final = rf"(?![^:,]*:[^:,]*(?:,|\Z))[^\s{_CONTROLS}/@\[\],]+"
_BRACKETED: Final = r"\[[^\s/@\[\],:]*:[^\s/@\[\],]+\]"
_PORT: Final = r":[0-9]{1,5}"
_HOST_OF_SEVERAL: Final = rf"(?:{_HOST}|[^\s{_CONTROLS}/@\[\],:]+{_PORT}|{_BRACKETED}(?:{_PORT})?)"
Host = Annotated[str, Meta(pattern=rf"\A(?:{_HOST}|{_HOST_OF_SEVERAL}(?:,{_HOST_OF_SEVERAL})+)\Z")]
Text = Annotated[str, Meta(pattern=rf"\A[^{_CONTROLS}]*\Z")]
Port = Annotated[int, Meta(ge=1, le=65535)]
Seconds = Annotated[float, Meta(gt=0, le=31536000)]
Count = Annotated[int, Meta(ge=1, le=100000)]
SSLMode = Literal["DISABLED", "PREFERRED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY"]
Target = Literal["primary", "any", "replica"]
Consistency = Literal["EVENTUAL", "BEFORE_ON_PRIMARY_FAILOVER", "BEFORE", "AFTER", "BEFORE_AND_AFTER"]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of a database object; each has a variable, EVENTFLOW_MYSQL_ and its name in capitals.

    Two variables are shorter: EVENTFLOW_MYSQL_PASS (password) and EVENTFLOW_MYSQL_DB (database).

    host, port, socket_path: where the server listens; a socket path goes first. An IPv6 address may stand in brackets.
        Several servers of one cluster are separated by commas, each with a port if it has another one:
        `h1:3307,h2,[::1]`. Each has two seconds of connect_timeout.
    target: which of them takes a connection: `primary`, one that takes writes; `replica`, one that is read-only; `any`,
        one that is in service. None: `primary` of several servers, and of one whatever it is.
    user, password, database: the account and the schema. The password appears in no repr, log or error.
    connection_limit: how many connections the pool opens at the most; `lock()` opens its own beside them.
    pool_timeout: seconds to wait for a connection of the pool.
    idle_check: seconds after which an idle connection is checked with a ping before it is used.
    connect_timeout: seconds for a connection to stand: the look-up of its name, its handshake and its session.
    read_timeout: seconds without a byte from the server after which it counts as lost.
    lock_wait_timeout: seconds that the server waits for row and metadata locks, sent to it as whole seconds.
    ddl_timeout: as read_timeout, for tables, partitions and bulk deletes; None: no limit.
    retry_limit, retry_timeout: how often, and for how many seconds, a call is run again after conflicts and lost
        connections.
    failover_timeout: seconds for which a call that no server has executed is run again, until there is a primary;
        None: 60 with several servers, else 0.
    consistency: what a session sees of others' writes through other members of a cluster, by the names of
        group_replication_consistency; on Galera all but EVENTUAL and BEFORE_ON_PRIMARY_FAILOVER are
        wsrep_sync_wait = 7. None: as the server says.
    ssl_mode: DISABLED; PREFERRED, TLS where the server offers it, unverified, and without it the password itself to no
        other machine; REQUIRED, TLS, unverified; VERIFY_CA, with a certificate that ssl_ca (or the system) vouches
        for; VERIFY_IDENTITY, and made for `host`.
    ssl_ca, ssl_cert, ssl_key: PEM files.
    sql_path: directories, separated by os.pathsep, whose queries replace the package's own.
    statement_tags: whether statements carry `/*eventflow:<query>@<hash>*/`, for slow logs.

    Raises: InvalidValueError (E_EVENTFLOW_DB_SETTINGS) naming each bad setting.
    """

    host: Host = "localhost"
    port: Port = 3306
    socket_path: Text | None = None
    user: Text = "root"
    password: str = ""
    database: Annotated[Text, Meta(min_length=1, max_length=64)] = "eventflow"
    connection_limit: Count = 10
    pool_timeout: Seconds = 30.0
    idle_check: Seconds = 60.0
    connect_timeout: Seconds = 10.0
    read_timeout: Seconds = 30.0
    lock_wait_timeout: Annotated[int, Meta(ge=1, le=31536000)] = 10
    ddl_timeout: Seconds | None = None
    retry_limit: Count = 10
    retry_timeout: Seconds = 30.0
    failover_timeout: Annotated[float, Meta(ge=0, le=31536000)] | None = None
    target: Target | None = None
    consistency: Consistency | None = None
    ssl_mode: SSLMode = "PREFERRED"
    ssl_ca: Text | None = None
    ssl_cert: Text | None = None
    ssl_key: Text | None = None
    sql_path: Text | None = None
    statement_tags: bool = True

    @redacting
    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "host", _without_brackets(self.host))
        _raise(_problems({name: getattr(self, name) for name in self.__struct_fields__}, {}))

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Host and port of each server."""
        return [_address(one, self.port) for one in self.host.split(",")]

    @property
    def are_several(self) -> bool:
        """Whether there are several servers to connect to."""
        return "," in self.host and self.socket_path is None

    @property
    def wanted(self) -> Target:
        """The target, with its default."""
        return self.target or ("primary" if self.are_several else "any")

    @property
    def away_timeout(self) -> float:
        """The failover_timeout, with its default."""
        default = 60.0 if self.are_several else 0.0
        return default if self.failover_timeout is None else self.failover_timeout

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

        An empty variable counts as absent. One that is no setting is logged and passed over, for Node and Kubernetes
        have variables of this prefix too, unless its name is nearly that of a setting.

        Raises: InvalidValueError (E_EVENTFLOW_DB_SETTINGS) naming each bad variable.
        """
        variables = {
            name: value
            for name, value in (os.environ if environ is None else environ).items()
            if name.startswith(PREFIX) and value
        }
        names = {field: name for name, field in VARIABLES.items()}
        texts = {VARIABLES[name]: value for name, value in variables.items() if name in VARIABLES}
        unknown = sorted(variables.keys() - VARIABLES.keys())
        problems = [problem for name in unknown if (problem := _near_miss(name, variables[name]))]
        for field, text in list(texts.items()):
            if text[-1] in "\r\n":
                problems.append(f"{names[field]}: ends in a newline, as the text of a file does: leave it out")
                del texts[field]
        if texts.get("port", "").startswith(_LINKS):
            problems.append(f"{names['port']}: {_LINKED}")
            del texts["port"]
        settings = _build(texts, problems, names)
        if unknown:
            _log.warning("variables that are no settings are passed over: %s", ", ".join(map(_shown, unknown)))
        return settings

    @classmethod
    @redacting
    def from_url(cls, url: str) -> Settings:
        """Settings from `mysql://user:password@host:port/database?name=value&…`; parts left out take the defaults.

        User, password and database are percent-decoded, the names of the query are those of the settings.

        Raises: InvalidValueError (E_EVENTFLOW_DB_SETTINGS) naming each bad setting.
        """
        try:
            pairs = url_pairs(url)
        except (AttributeError, TypeError, ValueError):
            # its message quotes the URL
            pairs = None
        if pairs is None:
            raise InvalidValueError(CODE, f"url: must {_url_rule(url)}")
        names = [name for name, _ in pairs]
        known = cls.__struct_fields__
        problems = [
            _unknown(name, _RENAMED.get(name) or difflib.get_close_matches(name, known, 1))
            for name in names
            if name not in known
        ]
        problems += [f"{_shown(name)}: given twice" for name in sorted(set(names)) if names.count(name) > 1]
        return _build({name: value for name, value in pairs if name in known}, problems, {})


VARIABLES: Final = {
    PREFIX + {"password": "PASS", "database": "DB"}.get(name, name.upper()): name for name in Settings.__struct_fields__
}
_SYNONYMS: Final = {PREFIX + name.upper(): name for name in Settings.__struct_fields__} | {
    PREFIX + "USERNAME": "user",
    PREFIX + "HOSTNAME": "host",
}
_RENAMED: Final = {"idle_timeout": ["idle_check"]}
_NODES: Final = frozenset(("IDLE_TIMEOUT", "PASS_1", "PASS_2", "PASS_3"))
"""Variables of the Node library whose names are nearly ours."""
_LINKS: Final = ("tcp://", "udp://", "sctp://")
_LINKED: Final = (
    "is Kubernetes' service link of a service named eventflow-mysql, not a port: set enableServiceLinks: false for "
    "the pod, rename the service, or set the variable"
)
_SCHEMES: Final = ("mysql", "mariadb")
_SEVERAL: Final = re.compile(r"\A([a-z]+://(?:[^/?#@]*@)?)([^/?#@,]*(?:,[^/?#@,]*)+)(?=[/?#]|\Z)")
"""A URL up to its hosts, where they are several."""
_BOOLEANS: Final = dict.fromkeys(("true", "1", "yes", "on"), True) | dict.fromkeys(("false", "0", "no", "off"), False)
_TYPES: Final = {field.name: field.type for field in msgspec.structs.fields(Settings)}
_RULES: Final = {
    "host": "a name or an address, without a port, or several with commas between, each with a port if need be",
    "port": "a whole number from 1 to 65535",
    "password": "text in UTF-8",
    "database": "1 to 64 characters, none of them a control character",
    "lock_wait_timeout": "whole seconds from 1 to 31536000",
    "failover_timeout": "seconds from 0 to 31536000",
    "target": "one of primary, any, replica",
    "consistency": "one of EVENTUAL, BEFORE_ON_PRIMARY_FAILOVER, BEFORE, AFTER, BEFORE_AND_AFTER",
    "ssl_mode": "one of DISABLED, PREFERRED, REQUIRED, VERIFY_CA, VERIFY_IDENTITY",
    "statement_tags": "true or false, or as text one of 1, 0, yes, no, on, off",
    **dict.fromkeys(("connection_limit", "retry_limit"), "a whole number from 1 to 100000"),
    **{
        name: "seconds, more than 0 and at most 31536000"
        for name, kind in _TYPES.items()
        if kind in (Seconds, Seconds | None)
    },
}


def _rule(name: str) -> str:
    return _RULES.get(name, "text without control characters")


def _shown(name: str) -> str:
    """A name that someone has made up, such that it stays on its line."""
    return name if name.isprintable() else ascii(name)


def _unknown(name: str, near: Iterable[str]) -> str:
    return f"{_shown(name)}: unknown setting" + "".join(f", did you mean {one}?" for one in near)


def _near_miss(name: str, value: str) -> str | None:
    """What is wrong with a variable that is no setting: it was meant to be one."""
    if name.removeprefix(PREFIX) in _NODES or value.startswith(_LINKS):
        return None
    if name in _SYNONYMS:
        near = [variable for variable, field in VARIABLES.items() if field == _SYNONYMS[name]]
    else:
        short = [variable.removeprefix(PREFIX) for variable in VARIABLES]
        near = [PREFIX + one for one in difflib.get_close_matches(name.removeprefix(PREFIX), short, 1, 0.75)]
    return _unknown(name, near) if near else None


def url_pairs(url: str) -> list[tuple[str, str]] | None:
    """The settings of a URL; None, or ValueError, where it is none."""
    hosts = _SEVERAL.search(url)
    # which urlsplit would take for one host with a port
    parts = urlsplit(url if hosts is None else f"{hosts[1]}several{url[hosts.end() :]}")
    port = parts.port
    pairs = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query), errors="strict")
    located = {
        "host": parts.hostname if hosts is None else hosts[2],
        "port": None if port is None else str(port),
        "user": parts.username,
        "password": parts.password,
        "database": parts.path.removeprefix("/"),
    }
    pairs += [(name, unquote(value, errors="strict")) for name, value in located.items() if value]
    is_url = parts.scheme in _SCHEMES and url.startswith("://", len(parts.scheme))
    is_url = is_url and not parts.fragment and not _has_controls(url)
    # a password that was not percent-encoded ends up elsewhere, and would be shown there
    is_url = is_url and not set("/@").intersection(parts.path[1:]) and "@" not in parts.query
    return pairs if is_url else None


def _has_controls(url: str) -> bool:
    """Whether it has what urlsplit takes out without a word."""
    return url != url.strip() or re.search(f"[{_CONTROLS}]", url) is not None


def _url_rule(url: str) -> str:
    """The rule that a malformed URL breaks, without any of its text but the scheme."""
    if isinstance(url, str):
        if _has_controls(url):
            return (
                "hold no control character and no space around it, such as the newline that a file ends in: "
                "percent-encode what belongs to it"
            )
        scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]{0,20})://", url)
        if scheme and scheme[1].lower() not in _SCHEMES:
            return f"have the scheme mysql or mariadb, not {scheme[1]}"
    return (
        "be of the form mysql://user:password@host:port/database?name=value&name=value, "
        "with what is special in user and password percent-encoded"
    )


def _problems(values: Mapping[str, Any], names: Mapping[str, str]) -> list[str]:
    """What is wrong with values, each with the name that it was given by."""
    problems = []
    for name, value in values.items():
        try:
            msgspec.convert(value, _TYPES[name])
            if isinstance(value, str):
                value.encode()
        except (msgspec.ValidationError, UnicodeEncodeError):
            problems.append(f"{names.get(name, name)}: must be {_rule(name)}")
    if values.get("ssl_key") and not values.get("ssl_cert"):
        problems.append(f"{names.get('ssl_key', 'ssl_key')}: needs {names.get('ssl_cert', 'ssl_cert')}")
    return problems


def _raise(problems: Sequence[str]) -> None:
    if problems:
        raise InvalidValueError(CODE, "; ".join(problems))


def _without_brackets(host: Any) -> Any:
    """An IPv6 address that is spelled as in a URL, where %25 stands before its zone, as it is."""
    bracketed = isinstance(host, str) and re.fullmatch(r"\[(.*)\]", host)
    return bracketed[1].replace("%25", "%") if bracketed else host


def _address(text: str, port: int) -> tuple[str, int]:
    """Host and port of a server."""
    found = re.fullmatch(r"(\[.*\]|[^:]*)(?::(\d+))?", text)
    return (text, port) if found is None else (str(_without_brackets(found[1])), int(found[2] or port))


def _parsed(name: str, text: str) -> Any:
    """What a text says; the text itself where it says nothing of the setting's type."""
    if name == "host":
        return _without_brackets(text)
    if name == "statement_tags":
        return _BOOLEANS.get(text.lower(), text)
    if name in ("ssl_mode", "consistency"):
        return text.upper()
    if name == "target":
        return text.lower()
    try:
        return msgspec.convert(text, _TYPES[name], strict=False)
    except (msgspec.ValidationError, UnicodeEncodeError):
        return text


def _build(texts: Mapping[str, str], problems: list[str], names: Mapping[str, str]) -> Settings:
    values = {name: _parsed(name, text) for name, text in texts.items()}
    _raise(problems + _problems(values, names))
    return Settings(**values)


def destination(settings: Settings) -> str:
    """Where connections go, for messages: the server, the user and the database, never the password."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    where = settings.host if settings.are_several else settings.socket_path or f"{host}:{settings.port}"
    hint = " (its password ends in a newline)" if settings.password.endswith(("\r", "\n")) else ""
    return f"{where} as {settings.user}{hint}, database {settings.database}"


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
        if is_foreign(error):
            raise
        raise InvalidValueError(CODE, f"ssl_ca, ssl_cert, ssl_key: cannot be used ({type(error).__name__})") from None
    return context
