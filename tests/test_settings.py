"""Settings: every field from keywords, variables and URLs; refusals that name the setting and hide its value."""

from __future__ import annotations

import inspect
import io
import logging
import os
import pickle
import re
from typing import Any

import msgspec
import pytest
from rich.console import Console
from rich.pretty import pprint

from eventflow_db import EventflowDB, Settings, errors
from eventflow_db.settings import _RULES, _VARIABLES, PREFIX, _rule

CODE = "E_EVENTFLOW_DB_SETTINGS"
SECRET = "pässwörd@/:?#&%41 '\"\\"

# field: its variable, its default, a text that sets it, and what that text means
FIELDS: dict[str, tuple[str, Any, str, Any]] = {
    "host": ("HOST", "localhost", "db.example", "db.example"),
    "port": ("PORT", 3306, "3307", 3307),
    "socket_path": ("SOCKET_PATH", None, "/run/my sql.sock", "/run/my sql.sock"),
    "user": ("USER", "root", "eve", "eve"),
    "password": ("PASS", "", SECRET, SECRET),
    "database": ("DB", "eventflow", "other", "other"),
    "connection_limit": ("CONNECTION_LIMIT", 10, "3", 3),
    "pool_timeout": ("POOL_TIMEOUT", 30.0, "0.5", 0.5),
    "idle_timeout": ("IDLE_TIMEOUT", 60.0, "5", 5.0),
    "connect_timeout": ("CONNECT_TIMEOUT", 10.0, "2", 2.0),
    "read_timeout": ("READ_TIMEOUT", 30.0, "7.5", 7.5),
    "lock_wait_timeout": ("LOCK_WAIT_TIMEOUT", 10, "4", 4),
    "ddl_timeout": ("DDL_TIMEOUT", None, "600", 600.0),
    "retry_limit": ("RETRY_LIMIT", 10, "20", 20),
    "retry_timeout": ("RETRY_TIMEOUT", 30.0, "9", 9.0),
    "ssl_mode": ("SSL_MODE", "PREFERRED", "verify_ca", "VERIFY_CA"),
    "ssl_ca": ("SSL_CA", None, "/ca.pem", "/ca.pem"),
    "ssl_cert": ("SSL_CERT", None, "/cert.pem", "/cert.pem"),
    "ssl_key": ("SSL_KEY", None, "/key.pem", "/key.pem"),
    "sql_path": ("SQL_PATH", None, "/a:/b", "/a:/b"),
    "statement_tags": ("STATEMENT_TAGS", True, "false", False),
}
MALFORMED = {
    "port": ("0", "65536", "-1", "3.5", "s3cret", " 3306x"),
    "connection_limit": ("0", "many", "1.5"),
    "lock_wait_timeout": ("0", "0.5", "s3cret"),
    "ssl_mode": ("s3cret", "TRUE"),
    "statement_tags": ("s3cret", "2"),
    "database": ("d" * 65,),
    **dict.fromkeys(
        ("pool_timeout", "idle_timeout", "connect_timeout", "read_timeout", "ddl_timeout", "retry_timeout"),
        ("0", "-1", "nan", "inf", "s3cret"),
    ),
}
MALFORMED_TEXTS = [(name, text) for name, texts in MALFORMED.items() for text in texts]


def with_partner(name: str, values: dict[str, str]) -> dict[str, str]:
    """ssl_key needs ssl_cert beside it."""
    return {"ssl_cert": "/cert.pem"} | values if name == "ssl_key" else values


def quoted(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode())


def test_settings_every_field_has_a_variable_a_rule_and_a_line() -> None:
    fields = set(Settings.__struct_fields__)
    assert set(FIELDS) == fields
    assert {PREFIX + variable: name for name, (variable, *_) in FIELDS.items()} == _VARIABLES
    described = re.findall(r"^([a-z_, ]+):", inspect.getdoc(Settings) or "", re.MULTILINE)
    assert {name.strip() for line in described for name in line.split(",")} - {"Raises"} == fields
    plain_text = {"socket_path", "user", "password", "ssl_ca", "ssl_cert", "sql_path"}
    assert all(name in _RULES or name.endswith("_timeout") or name in plain_text for name in fields)
    assert plain_text <= {name for name in fields if _rule(name) == "text"}


@pytest.mark.parametrize("name", FIELDS)
def test_settings_default(name: str) -> None:
    assert getattr(Settings(), name) == FIELDS[name][1]
    assert getattr(Settings.from_environment({}), name) == FIELDS[name][1]
    assert getattr(Settings.from_url("mysql://"), name) == FIELDS[name][1]


@pytest.mark.parametrize("name", FIELDS)
def test_from_environment_takes_the_variable(name: str) -> None:
    values = with_partner(name, {name: FIELDS[name][2]})
    settings = Settings.from_environment({PREFIX + FIELDS[key][0]: text for key, text in values.items()})
    assert getattr(settings, name) == FIELDS[name][3]


@pytest.mark.parametrize("name", FIELDS)
def test_from_url_takes_the_name(name: str) -> None:
    values = with_partner(name, {name: FIELDS[name][2]})
    settings = Settings.from_url("mysql://?" + "&".join(f"{key}={quoted(text)}" for key, text in values.items()))
    assert getattr(settings, name) == FIELDS[name][3]


def test_from_environment_reads_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)
    monkeypatch.setenv("EVENTFLOW_MYSQL_PASS", SECRET)
    monkeypatch.setenv("EVENTFLOW_MYSQL_PORT", "3399")
    assert EventflowDB().settings == Settings(password=SECRET, port=3399)


def test_from_environment_empty_variable_counts_as_absent() -> None:
    variables = {PREFIX + variable: "" for variable, *_ in FIELDS.values()}
    assert Settings.from_environment(variables) == Settings()


def test_from_environment_leaves_other_variables_alone() -> None:
    assert Settings.from_environment({"EVENTFLOW_TEST_URL": "x", "MYSQL_PORT": "x"}) == Settings()


def test_from_url_takes_every_part() -> None:
    url = f"mysql://{quoted('ev@e')}:{quoted(SECRET)}@db.example:3307/{quoted('a b')}?read_timeout=5"
    expected = Settings(host="db.example", port=3307, user="ev@e", password=SECRET, database="a b", read_timeout=5.0)
    assert Settings.from_url(url) == expected


def test_from_url_takes_an_ipv6_address() -> None:
    assert Settings.from_url("mysql://root@[::1]:3307/").host == "::1"


def test_from_url_mariadb_scheme() -> None:
    assert Settings.from_url("mariadb://h/d") == Settings(host="h", database="d")


@pytest.mark.parametrize(("name", "text"), MALFORMED_TEXTS)
def test_from_environment_malformed_is_named_without_its_value(name: str, text: str) -> None:
    variable = PREFIX + FIELDS[name][0]
    with pytest.raises(errors.InvalidValueError) as caught:
        Settings.from_environment({variable: text})
    assert str(caught.value) == f"{CODE}: {variable}: must be {_rule(name)}"
    assert caught.value.__cause__ is caught.value.__context__ is None


@pytest.mark.parametrize(("name", "text"), MALFORMED_TEXTS)
def test_from_url_malformed_is_named_without_its_value(name: str, text: str) -> None:
    with pytest.raises(errors.InvalidValueError) as caught:
        Settings.from_url(f"mysql://?{name}={quoted(text)}")
    assert str(caught.value) == f"{CODE}: {name}: must be {_rule(name)}"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("host", ""), ("host", None), ("port", "3306"), ("port", 0), ("port", True), ("port", 3306.0),
        ("password", None), ("password", b"s3cret"), ("password", "\ud800"), ("database", ""),
        ("connection_limit", 0), ("read_timeout", 0), ("read_timeout", float("nan")), ("read_timeout", "5"),
        ("lock_wait_timeout", 1.5), ("ssl_mode", "required"), ("statement_tags", 1),
    ],
)  # fmt: skip
def test_settings_of_the_wrong_kind_is_named_without_its_value(name: str, value: Any) -> None:
    with pytest.raises(errors.InvalidValueError) as caught:
        Settings(**{name: value})
    assert str(caught.value) == f"{CODE}: {name}: must be {_rule(name)}"


def test_settings_names_every_bad_one() -> None:
    with pytest.raises(errors.InvalidValueError) as caught:
        Settings.from_environment(
            {"EVENTFLOW_MYSQL_PORT": "x", "EVENTFLOW_MYSQL_HOTS": "x", "EVENTFLOW_MYSQL_SSL_MODE": "x"}
        )
    for variable in ("EVENTFLOW_MYSQL_PORT", "EVENTFLOW_MYSQL_HOTS", "EVENTFLOW_MYSQL_SSL_MODE"):
        assert variable in str(caught.value)


def test_from_environment_unknown_is_named_with_a_suggestion() -> None:
    with pytest.raises(errors.InvalidValueError) as caught:
        Settings.from_environment({"EVENTFLOW_MYSQL_PASSWD": "s3cret"})
    assert caught.value.message == "EVENTFLOW_MYSQL_PASSWD: unknown setting, did you mean EVENTFLOW_MYSQL_PASS?"


def test_from_url_unknown_is_named_with_a_suggestion() -> None:
    with pytest.raises(errors.InvalidValueError) as caught:
        Settings.from_url("mysql://?read_timout=s3cret")
    assert caught.value.message == "read_timout: unknown setting, did you mean read_timeout?"


@pytest.mark.parametrize("url", ["mysql://?port=1&port=2", "mysql://h:1?port=2", "mysql://:x@h?password=s3cret"])
def test_from_url_setting_given_twice_raises(url: str) -> None:
    with pytest.raises(errors.InvalidValueError, match="given twice") as caught:
        Settings.from_url(url)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://root:s3cret@h/", "root:s3cret@h/d", "mysql://root:s3cret@h:port/", "mysql://root:s3cret@h:70000/",
        "mysql://root:s3cret@h/d#s3cret", "mysql://root:s3cret@[::1/d", "mysql://root@h/d?s3cret", "",
    ],
)  # fmt: skip
def test_from_url_malformed_raises_without_its_value(url: str) -> None:
    with pytest.raises(errors.InvalidValueError, match=CODE) as caught:
        Settings.from_url(url)
    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_settings_key_needs_a_certificate() -> None:
    with pytest.raises(errors.InvalidValueError, match="ssl_key: needs ssl_cert"):
        Settings(ssl_key="/key.pem")


def test_settings_are_frozen() -> None:
    with pytest.raises(AttributeError):
        Settings().port = 1  # type: ignore[misc]


def test_replaced_settings_are_checked() -> None:
    with pytest.raises(errors.InvalidValueError, match="port"):
        msgspec.structs.replace(Settings(), port=0)


def test_password_is_shown_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    settings = Settings(password="s3cret", user="eve")
    output = io.StringIO()
    console = Console(file=output, width=200)
    for thing in (settings, EventflowDB(settings), [settings]):
        console.print(thing)
        pprint(thing, console=console, expand_all=True)
        output.write(f"{thing!r} {thing} {thing:}" if not isinstance(thing, list) else f"{thing}")
        logging.getLogger().warning("%s %r", thing, thing)
    assert "eve" in output.getvalue()
    assert "s3cret" not in output.getvalue() + caplog.text


def test_settings_come_back_from_a_pickle() -> None:
    # for processes that are spawned; the pickle holds the password, as it must
    settings = Settings(password=SECRET)
    assert pickle.loads(pickle.dumps(settings)) == settings


def test_unusable_certificate_files_are_named(tmp_path: os.PathLike[str]) -> None:
    missing = os.path.join(tmp_path, "missing.pem")
    with pytest.raises(errors.InvalidValueError, match="ssl_ca, ssl_cert, ssl_key"):
        EventflowDB(Settings(ssl_mode="VERIFY_CA", ssl_ca=missing))


@pytest.mark.parametrize("password", ["12?hunter2", "12/hunter2", "12#hunter2"])
def test_from_url_password_not_encoded_raises_without_its_value(password: str) -> None:
    with pytest.raises(errors.InvalidValueError, match="percent-encoded") as caught:
        Settings.from_url(f"mysql://root:{password}@host/database")
    error: BaseException | None = caught.value
    while error is not None:
        assert "hunter2" not in repr(error)
        error = error.__cause__ or error.__context__


def test_database_of_other_than_settings_raises() -> None:
    with pytest.raises(errors.InvalidValueError, match="settings: must be"):
        EventflowDB(5)  # type: ignore[arg-type]
