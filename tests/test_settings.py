"""Settings: every field from keywords, variables and URLs; refusals that name the setting and hide its value."""

from __future__ import annotations

import inspect
import io
import logging
import os
import pickle
import re
from typing import Any
from urllib.parse import unquote

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.pretty import pprint

from eventflow_db import EventflowDB, Settings, errors
from eventflow_db.settings import _RULES, PREFIX, VARIABLES, _rule

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
    "idle_check": ("IDLE_CHECK", 60.0, "5", 5.0),
    "connect_timeout": ("CONNECT_TIMEOUT", 10.0, "2", 2.0),
    "read_timeout": ("READ_TIMEOUT", 30.0, "7.5", 7.5),
    "lock_wait_timeout": ("LOCK_WAIT_TIMEOUT", 10, "4", 4),
    "ddl_timeout": ("DDL_TIMEOUT", None, "600", 600.0),
    "retry_limit": ("RETRY_LIMIT", 10, "20", 20),
    "retry_timeout": ("RETRY_TIMEOUT", 30.0, "9", 9.0),
    "failover_timeout": ("FAILOVER_TIMEOUT", None, "0", 0.0),
    "target": ("TARGET", None, "Replica", "replica"),
    "consistency": ("CONSISTENCY", None, "before", "BEFORE"),
    "ssl_mode": ("SSL_MODE", "PREFERRED", "verify_ca", "VERIFY_CA"),
    "ssl_ca": ("SSL_CA", None, "/ca.pem", "/ca.pem"),
    "ssl_cert": ("SSL_CERT", None, "/cert.pem", "/cert.pem"),
    "ssl_key": ("SSL_KEY", None, "/key.pem", "/key.pem"),
    "sql_path": ("SQL_PATH", None, "/a:/b", "/a:/b"),
    "statement_tags": ("STATEMENT_TAGS", True, "false", False),
}
PLAIN_TEXT = {"socket_path", "user", "ssl_ca", "ssl_cert", "ssl_key", "sql_path"}
MALFORMED = {
    "host": (
        "db:3306",
        "a b",
        "root@db",
        "db/eventflow",
        "tcp://db",
        "[::1]:3306",
        "db\t",
        "a,",
        ",a",
        "a,,b",
        "a:,b",
        "a:x,b",
        "a b,c",
        "a,[b]",
        "a,b:123456",
        "a, b",
    ),
    "failover_timeout": ("-1", "nan", "inf", "s3cret"),
    "target": ("s3cret", "secondary"),
    "consistency": ("s3cret", "7"),
    "user": ("ro\0ot",),
    "port": ("0", "65536", "-1", "3.5", "s3cret", " 3306x"),
    "connection_limit": ("0", "many", "1.5"),
    "lock_wait_timeout": ("0", "0.5", "s3cret"),
    "ssl_mode": ("s3cret", "TRUE"),
    "statement_tags": ("s3cret", "2"),
    "database": ("d" * 65,),
    **dict.fromkeys(
        ("pool_timeout", "idle_check", "connect_timeout", "read_timeout", "ddl_timeout", "retry_timeout"),
        ("0", "-1", "nan", "inf", "s3cret"),
    ),
}
MALFORMED_TEXTS = [(name, text) for name, texts in MALFORMED.items() for text in texts]


# the variables of the Node package, in its releases 4.0 to 4.8, that are no settings here
NODE = (
    "DEBUG", "TRACE", "DECIMAL_NUMBERS", "DISABLE_EVAL", "BIG_NUMBER_STRINGS", "SUPPORT_BIG_NUMBERS", "INSECURE_AUTH",
    "ENABLE_KEEP_ALIVE", "KEEP_ALIVE_DELAY", "WAIT_FOR_CONN", "COMPRESS", "NAMED_PLACEHOLDERS", "MAX_IDLE",
    "IDLE_TIMEOUT", "QUEUE_LIMIT", "FLAGS", "SSL", "CHARSET", "TIMEZONE", "PASS_SHA1", "PASS_1", "PASS_2", "PASS_3",
)  # fmt: skip
# what Kubernetes sets for services named eventflow-mysql, -mysql-r and -mysql-read, but for the first one's PORT
LINKS = {
    f"{service}{name}": value
    for service in ("", "R_", "READ_")
    for name, value in {
        "SERVICE_HOST": "10.0.0.1", "SERVICE_PORT": "3306", "SERVICE_PORT_MYSQL": "3306", "PORT": "tcp://10.0.0.1:3306",
        "PORT_3306_TCP": "tcp://10.0.0.1:3306", "PORT_3306_TCP_PROTO": "tcp", "PORT_3306_TCP_PORT": "3306",
        "PORT_3306_TCP_ADDR": "10.0.0.1",
    }.items()
    if service + name != "PORT"
}  # fmt: skip
MARK = "S3cretMark"
hostile = st.builds("{}{}{}".format, *[
    st.text(st.characters(exclude_categories=()) | st.sampled_from("\t\r\n\0\x1b %:/?#[]@&=+"), max_size=6)
    if marked else st.just(MARK)
    for marked in (True, False, True)
])  # fmt: skip


def with_partner(name: str, values: dict[str, str]) -> dict[str, str]:
    """ssl_key needs ssl_cert beside it."""
    return {"ssl_cert": "/cert.pem"} | values if name == "ssl_key" else values


def quoted(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode())


def test_settings_every_field_has_a_variable_a_rule_and_a_line() -> None:
    fields = set(Settings.__struct_fields__)
    assert set(FIELDS) == fields
    assert {PREFIX + variable: name for name, (variable, *_) in FIELDS.items()} == VARIABLES
    described = re.findall(r"^([a-z_, ]+):", inspect.getdoc(Settings) or "", re.MULTILINE)
    assert {name.strip() for line in described for name in line.split(",")} - {"Raises"} == fields
    assert fields - set(_RULES) == PLAIN_TEXT


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


@pytest.mark.parametrize(
    ("text", "host"),
    [("::1", "::1"), ("[::1]", "::1"), ("[fe80::1%25eth0]", "fe80::1%eth0"), ("[2001:DB8::1]", "2001:db8::1")],
)
def test_host_of_an_ipv6_address_is_without_brackets(text: str, host: str) -> None:
    settings = [Settings(host=text), Settings.from_environment({PREFIX + "HOST": text})]
    if text.startswith("["):
        settings += [Settings.from_url(f"mysql://root@{text}:3307/"), Settings.from_url(f"mysql://?host={text}")]
        settings += [Settings.from_url(f"mysql://?host={quoted(text)}")]
    assert {one.host.lower() for one in settings} == {host}


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("h1,h2,h3", [("h1", 3306), ("h2", 3306), ("h3", 3306)]),
        ("h1:3307,10.0.0.2", [("h1", 3307), ("10.0.0.2", 3306)]),
        ("[::1]:3307,[fe80::1%25eth0],fe80::2", [("::1", 3307), ("fe80::1%eth0", 3306), ("fe80::2", 3306)]),
    ],
)
def test_several_hosts_are_addresses_each_with_its_port(text: str, addresses: list[tuple[str, int]]) -> None:
    for settings in (
        Settings(host=text),
        Settings.from_environment({f"{PREFIX}HOST": text}),
        Settings.from_url(f"mysql://eve:s%2Cecret@{text}/other?target=any"),
        Settings.from_url(f"mariadb://{text}"),
    ):
        assert settings.are_several
        assert settings.addresses == addresses
    assert Settings.from_url(f"mysql://eve:s%2Cecret@{text}/other").password == "s,ecret"


def test_several_hosts_want_a_primary_for_a_minute() -> None:
    assert (Settings(host="a,b").wanted, Settings(host="a,b").away_timeout) == ("primary", 60.0)
    assert (Settings(host="a").wanted, Settings(host="a").away_timeout) == ("any", 0.0)
    assert Settings(host="a,b", failover_timeout=0).away_timeout == 0.0
    assert not Settings(host="a,b", socket_path="/run/socket").are_several


@pytest.mark.parametrize("control", ["\t", "\r", "\n", "\x1b", "\0"])
def test_from_url_control_character_as_it_is_raises(control: str) -> None:
    for url in (f"mysql://root:s3{control}cret@h/d", f"mysql://root:s3cret@h/d{control}"):
        with pytest.raises(errors.InvalidValueError, match="url: must hold no control character") as caught:
            Settings.from_url(url)
        assert "cret" not in str(caught.value)


@pytest.mark.parametrize("control", ["\t", "\r", "\n", "\x1b", "\0"])
def test_from_url_control_character_percent_encoded_arrives_in_the_password(control: str) -> None:
    password = f"a{control}b{control}"
    assert Settings.from_url(f"mysql://root:{quoted(password)}@h/d").password == password


@pytest.mark.parametrize("part", ["u%FF:p@h/d", "u:p%FF@h/d", "u:p@h/%FF", "u@h/d?password=%FF"])
def test_from_url_percent_encoded_bytes_that_are_no_text_raise(part: str) -> None:
    with pytest.raises(errors.InvalidValueError, match="url: must be of the form"):
        Settings.from_url(f"mysql://{part}")


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "mysql+pymysql", "http", "sqlite"])
def test_from_url_other_scheme_is_named(scheme: str) -> None:
    with pytest.raises(errors.InvalidValueError) as caught:
        Settings.from_url(f"{scheme}://root:s3cret@h/d")
    assert caught.value.message == f"url: must have the scheme mysql or mariadb, not {scheme}"


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


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("PASSWD", "PASS"), ("PASSWORD", "PASS"), ("DATABASE", "DB"), ("USERNAME", "USER"), ("HOTS", "HOST"),
        ("PROT", "PORT"), ("CONECTION_LIMIT", "CONNECTION_LIMIT"), ("SSLMODE", "SSL_MODE"),
    ],
)  # fmt: skip
def test_from_environment_near_miss_is_named_with_a_suggestion(name: str, meant: str) -> None:
    with pytest.raises(errors.InvalidValueError) as caught:
        Settings.from_environment({PREFIX + name: "s3cret"})
    assert caught.value.message == f"{PREFIX}{name}: unknown setting, did you mean {PREFIX}{meant}?"


@pytest.mark.parametrize(("name", "value"), [*dict.fromkeys(NODE, MARK).items(), *LINKS.items(), ("A\nB", MARK)])
def test_from_environment_variable_of_others_is_passed_over(
    name: str, value: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert Settings.from_environment({PREFIX + name: value, PREFIX + "HOST": "db"}) == Settings(host="db")
    (record,) = caplog.records
    assert repr(PREFIX + name)[1:-1] in record.getMessage()
    assert len(record.getMessage().splitlines()) == 1
    assert value == "tcp" or value not in record.getMessage().replace(PREFIX + name, "")


def test_from_environment_variables_of_others_are_logged_in_one_line(caplog: pytest.LogCaptureFixture) -> None:
    Settings.from_environment(dict.fromkeys((PREFIX + name for name in NODE), MARK))
    (record,) = caplog.records
    assert all(PREFIX + name in record.getMessage() for name in NODE)


def test_from_environment_service_link_for_the_port_is_told_by_name() -> None:
    with pytest.raises(errors.InvalidValueError) as caught:
        Settings.from_environment({PREFIX + "PORT": "tcp://10.0.0.1:3306"})
    assert caught.value.message.startswith("EVENTFLOW_MYSQL_PORT: is Kubernetes' service link")
    assert "enableServiceLinks: false" in caught.value.message
    assert "10.0.0.1" not in caught.value.message


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("name", FIELDS)
def test_from_environment_text_of_a_file_is_named_by_its_newline(name: str, end: str) -> None:
    variable, _, text, _ = FIELDS[name]
    values = {PREFIX + FIELDS[key][0]: value for key, value in with_partner(name, {}).items()}
    with pytest.raises(errors.InvalidValueError) as caught:
        Settings.from_environment(values | {PREFIX + variable: text + end})
    assert caught.value.message.startswith(f"{PREFIX}{variable}: ends in a newline")
    assert text not in caught.value.message.replace(PREFIX + variable, "") or len(text) == 1


def test_from_environment_key_without_its_certificate_names_the_variables() -> None:
    with pytest.raises(errors.InvalidValueError) as caught:
        Settings.from_environment({PREFIX + "SSL_KEY": "/key.pem"})
    assert caught.value.message == "EVENTFLOW_MYSQL_SSL_KEY: needs EVENTFLOW_MYSQL_SSL_CERT"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (spelled, value)
        for word, value in {"true": True, "1": True, "yes": True, "on": True}.items()
        | {"false": False, "0": False, "no": False, "off": False}.items()
        for spelled in {word, word.upper(), word.capitalize()}
    ],
)
def test_statement_tags_takes_every_usual_word(text: str, value: bool) -> None:
    assert Settings.from_environment({PREFIX + "STATEMENT_TAGS": text}).statement_tags is value
    assert Settings.from_url(f"mysql://?statement_tags={text}").statement_tags is value


# Hostile texts, from each source


def check_refusal(error: errors.InvalidValueError, *names: str) -> None:
    """It names the setting, and nothing that it holds has the text."""
    assert any(error.message.startswith(f"{name}: ") for name in names)
    link: BaseException | None = error
    while link is not None:
        assert MARK not in f"{link!r} {vars(link)}"
        link = link.__cause__ or link.__context__


def check_taken(settings: Settings, name: str, text: str) -> None:
    """It is exactly what was given, and what goes over the wire up to a NUL holds none."""
    bare = re.fullmatch(r"\[(.*)\]", text, re.DOTALL) if name == "host" else None
    assert getattr(settings, name) == (bare[1].replace("%25", "%") if bare else text)
    assert name == "password" or not re.search(r"[\x00-\x1f\x7f]", text)


@pytest.mark.parametrize("name", FIELDS)
@given(text=hostile)
def test_from_environment_hostile_text_arrives_or_is_named_without_it(name: str, text: str) -> None:
    variable = PREFIX + FIELDS[name][0]
    try:
        settings = Settings.from_environment({PREFIX + "SSL_CERT": "/cert.pem", variable: text})
    except errors.InvalidValueError as error:
        check_refusal(error, variable)
    else:
        check_taken(settings, name, text)
        assert text[-1] not in "\r\n"


@pytest.mark.parametrize("name", FIELDS)
@given(text=hostile)
def test_from_url_hostile_text_arrives_or_is_named_without_it(name: str, text: str) -> None:
    encoded = "".join(f"%{byte:02X}" for byte in text.encode(errors="surrogatepass"))
    partner = "ssl_cert=/cert.pem&" if name == "ssl_key" else ""
    try:
        settings = Settings.from_url(f"mysql://?{partner}{name}={encoded}")
    except errors.InvalidValueError as error:
        check_refusal(error, name, "url")
    else:
        check_taken(settings, name, text)


@pytest.mark.parametrize("name", FIELDS)
@given(text=hostile)
def test_settings_hostile_text_arrives_or_is_named_without_it(name: str, text: str) -> None:
    try:
        settings = Settings(**with_partner(name, {name: text}))  # type: ignore[arg-type]
    except errors.InvalidValueError as error:
        check_refusal(error, name)
    else:
        check_taken(settings, name, text)


@given(text=hostile)
def test_from_url_hostile_password_as_it_is_arrives_or_is_refused_without_it(text: str) -> None:
    try:
        settings = Settings.from_url(f"mysql://root:{text}@db/eventflow")
    except errors.InvalidValueError as error:
        check_refusal(error, "url", *FIELDS)
    else:
        assert settings.password == unquote(text)


@pytest.mark.parametrize(
    ("name", "meant"), [("read_timout", "read_timeout"), ("passwd", "password"), ("idle_timeout", "idle_check")]
)
def test_from_url_unknown_is_named_with_a_suggestion(name: str, meant: str) -> None:
    with pytest.raises(errors.InvalidValueError) as caught:
        Settings.from_url(f"mysql://?{name}=s3cret")
    assert caught.value.message == f"{name}: unknown setting, did you mean {meant}?"


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
        "mysql:s3cret", "mysql:/s3cret",
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
