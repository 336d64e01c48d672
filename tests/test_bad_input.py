"""Bad input: refused with the operation's code and every bad key, before anything is sent.

Nothing can be sent here, for no server listens: what passed the checks would be an UnavailableError.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import pytest

from eventflow_db import Certificate, EventflowDB, Hub, PublishedEvent, ScheduledEvent, errors
from eventflow_db.records import columns

from .operations import OPERATIONS, call, fails
from .support import NOON

MAPPINGS = [name for name, operation in OPERATIONS.items() if operation.takes_mapping]
OPTIONAL = {"persist_event": {"id", "timestamp", "rid", "data"}, "persist_log": {"error"}}


def refusal(db: EventflowDB, name: str, values: Any) -> str:
    with fails(errors.InvalidValueError, OPERATIONS[name].codes[0]) as caught:
        call(db, name, values)
    assert caught.value.errno is None
    assert caught.value.__cause__ is None
    return caught.value.message


def keys(message: str) -> list[str]:
    return sorted(problem.partition(":")[0] for problem in message.split("; "))


@pytest.mark.parametrize("name", MAPPINGS)
def test_persist_unknown_keys_are_all_named(nowhere: EventflowDB, name: str) -> None:
    message = refusal(nowhere, name, {**OPERATIONS[name].values, "more": 1, "Domain": 2})
    assert message == "more: unknown key; Domain: unknown key"


@pytest.mark.parametrize("name", MAPPINGS)
def test_persist_missing_keys_are_all_named(nowhere: EventflowDB, name: str) -> None:
    required = OPERATIONS[name].values.keys() - OPTIONAL.get(name, set())
    message = refusal(nowhere, name, {})
    assert sorted(message.split("; ")) == sorted(f"{key}: missing" for key in required)


@pytest.mark.parametrize("name", MAPPINGS)
def test_persist_keys_of_every_kind_of_mistake_are_all_named(nowhere: EventflowDB, name: str) -> None:
    values = dict.fromkeys(OPERATIONS[name].values, object()) | {"more": 1}
    assert keys(refusal(nowhere, name, values)) == sorted(values)


RECORDS = {
    "persist_event_published": PublishedEvent(
        "id", NOON, "publisher", "c", "h", NOON, NOON, NOON, NOON, NOON, "domain", "pid", "name", NOON, 1, {}
    ),
    "persist_event_scheduled": ScheduledEvent("id", NOON, NOON, NOON, NOON, NOON, "domain", "pid", "name"),
    "persist_hub": Hub("id", NOON, "::1", 1, "::1", 1, NOON),
    "persist_certificate": Certificate(NOON, NOON, 1, "id", "c", b"", b"", b"", b"", b"", b"", b"", b"", NOON, NOON),
}
"""Records that hold more than is written."""


@pytest.mark.parametrize("name", RECORDS)
def test_persist_record_that_holds_what_is_not_written_raises_each_name(nowhere: EventflowDB, name: str) -> None:
    record = RECORDS[name]
    lost = [
        column.name for column in columns(type(record))
        if column.nullable and column.name not in OPERATIONS[name].values
    ]  # fmt: skip
    assert keys(refusal(nowhere, name, record)) == sorted(lost) != []


@pytest.mark.parametrize("name", RECORDS)
def test_persist_record_of_another_table_raises(nowhere: EventflowDB, name: str) -> None:
    other = next(record for known, record in RECORDS.items() if known != name)
    assert refusal(nowhere, name, other) == "must be a mapping, or a record of its table"


@pytest.mark.parametrize("name", MAPPINGS)
@pytest.mark.parametrize("given", [None, 1, "text", [("domain", "domain")], object()])
def test_persist_other_than_a_mapping_raises(nowhere: EventflowDB, name: str, given: Any) -> None:
    assert refusal(nowhere, name, given) == "must be a mapping, or a record of its table"


def test_persist_keys_other_than_text_raise(nowhere: EventflowDB) -> None:
    values: Mapping[Any, Any] = {**OPERATIONS["persist_event"].values, 1: "a", None: "b"}
    assert keys(refusal(nowhere, "persist_event", values)) == ["1", "None"]


@pytest.mark.parametrize("names", ["name", b"name", None, {"name": 1}, 1])
def test_read_events_by_names_other_than_a_list_raises(nowhere: EventflowDB, names: Any) -> None:
    values = {**OPERATIONS["read_events_by_domain_and_pid_and_names"].values, "names": names}
    message = refusal(nowhere, "read_events_by_domain_and_pid_and_names", values)
    assert message.startswith("names: must be a list of identifiers")


LIMITED = [
    name for name in OPERATIONS
    if name.startswith("read_") and "limit" in inspect.signature(getattr(EventflowDB, name)).parameters
    and name != "read_logs"
]  # fmt: skip


@pytest.mark.parametrize("name", LIMITED)
def test_read_limit_other_than_a_whole_number_from_0_raises(nowhere: EventflowDB, name: str) -> None:
    for limit in (-1, 1.5, "1", True, b"1", [1], 2**63):
        message = refusal(nowhere, name, {**OPERATIONS[name].values, "limit": limit})
        assert message == "limit: must be a whole number from 0 up, or None for no limit"


BINARY = {"key": 65_535, "pass": 65_535} | dict.fromkeys(
    ("key_iv", "key_salt", "key_tag", "pass_iv", "pass_salt", "pass_tag"), 16
)


@pytest.mark.parametrize("key", BINARY)
def test_persist_certificate_other_than_bytes_or_too_many_raises(nowhere: EventflowDB, key: str) -> None:
    most = BINARY[key]
    for bad in ("text", "YmFzZTY0", None, 1, [1], b"x" * (most + 1)):
        message = refusal(nowhere, "persist_certificate", {**OPERATIONS["persist_certificate"].values, key: bad})
        assert message == f"{key}: must be bytes, at most {most:,}"


def test_persist_certificate_empty_id_raises(nowhere: EventflowDB) -> None:
    message = refusal(nowhere, "persist_certificate", {**OPERATIONS["persist_certificate"].values, "id": ""})
    assert keys(message) == ["id"]


@pytest.mark.parametrize(("name", "key"), [("persist_certificate", "cert"), ("persist_log", "message")])
def test_persist_text_that_its_column_cannot_hold_raises(nowhere: EventflowDB, name: str, key: str) -> None:
    good = OPERATIONS[name].values
    assert refusal(nowhere, name, {**good, key: b"x"}) == f"{key}: must be text"
    assert refusal(nowhere, name, {**good, key: None}) == f"{key}: must be text"
    if name == "persist_log":
        # what else is wrong with a message is mended
        return
    assert refusal(nowhere, name, {**good, key: "\ud800"}) == f"{key}: must hold no lone surrogate"
    assert refusal(nowhere, name, {**good, key: "é" * 32_768}) == f"{key}: must have at most 65,535 bytes as UTF-8"


@pytest.mark.parametrize("key", ["external_port", "internal_port"])
def test_persist_hub_port_outside_0_to_65535_raises(nowhere: EventflowDB, key: str) -> None:
    for bad in (-1, 65_536, 1.5, 80.0, "80", None, True, 2**70):
        message = refusal(nowhere, "persist_hub", {**OPERATIONS["persist_hub"].values, key: bad})
        assert message == f"{key}: must be a whole number from 0 to 65535"


@pytest.mark.parametrize("key", ["external_ip", "internal_ip"])
def test_persist_hub_address_that_its_column_cannot_hold_raises(nowhere: EventflowDB, key: str) -> None:
    for bad in ("x" * 46, "é", "", " 1.2.3.4", "1.2.3.4 ", None, 1, b"127.0.0.1", "1\0"):
        message = refusal(nowhere, "persist_hub", {**OPERATIONS["persist_hub"].values, key: bad})
        assert message.startswith(f"{key}: must be 1 to 45 printable ASCII characters")


@pytest.mark.parametrize("timeout", [-1, 0.5, "1", None, True, 10**9])
def test_lock_timeout_other_than_whole_seconds_raises(nowhere: EventflowDB, timeout: Any) -> None:
    message = refusal(nowhere, "lock", {"reference": "reference", "timeout": timeout})
    assert message == "timeout: must be whole seconds from 0 to 31536000"


@pytest.mark.parametrize("events", [None, 1, [None], ["text"], [1]])
def test_persist_events_other_than_events_raises(nowhere: EventflowDB, events: Any) -> None:
    refusal(nowhere, "persist_events", {"events": events})


SECRET = "s3cr3t-value"


@pytest.mark.parametrize("name", MAPPINGS)
def test_invalid_value_error_holds_no_value(nowhere: EventflowDB, name: str) -> None:
    for key in OPERATIONS[name].values:
        for bad in ([{SECRET}], {SECRET: {SECRET}}, f"{SECRET}\ud800", f" {SECRET}".encode() * 9000, {SECRET: 2**64}):
            if bad_for(key, bad):
                with pytest.raises(errors.InvalidValueError) as caught:
                    call(nowhere, name, {**OPERATIONS[name].values, key: bad})
                error = caught.value
                assert SECRET not in f"{error!r} {error} {error.__cause__} {error.__context__}"


def bad_for(key: str, value: Any) -> bool:
    """Whether a key refuses a value; key material takes any bytes that fit, and a log line any text."""
    if key == "message":
        return not isinstance(value, str)
    return not (key in BINARY and isinstance(value, bytes) and len(value) <= BINARY[key])
