"""JSON: what is accepted comes back equal, what would be lost or changed is refused, and Node reads the rest."""

from __future__ import annotations

import enum
import json
import math
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as bounds
from hypothesis import strategies as st

from eventflow_db import EventflowDB, Map, RemoteError, errors
from eventflow_db.query import codec

from .operations import fails
from .support import EVENT, Admin


def new(data: Any) -> Any:
    return {**EVENT, "data": data}


def through(db: EventflowDB, data: Any) -> Any:
    return db.read_event(db.persist_event(new(data))).data


def nested(levels: int, kind: type = list) -> Any:
    value: Any = "core"
    for _ in range(levels):
        value = [value] if kind is list else {"a": value}
    return value


def same(left: Any, right: Any) -> bool:
    """Equal, and of the same types: True is not 1, and 1 is not 1.0."""
    return bool(left == right) and json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)


# --- what comes back equal


@pytest.mark.parametrize(
    "data",
    [
        {}, [], "", "text", 0, True, False, None, {"key": None}, [[]], [{}], {"a": [1, "2", True, None]},
        "é ü ß 漢字", "🎉🏳️‍🌈", {"🎉": "ключ"}, "quote ' \" backslash \\ \\' percent % %s %% colon :id", "line\r\n\ttab",
        "\x00\x01\x1f\x7f", {"": "empty key"}, {"$type": "Date"}, "</script>", "-- comment /* */ #",
        2**63 - 1, -(2**63), 2**63, 2**64 - 1, 2**53 + 1, -(2**53) - 1,
        0.1, -0.5, 1.5e300, 1e-300, 1.7976931348623157e308, 2.2250738585072014e-308, 1e16, 1.0, 123456789.123456789,
    ],
)  # fmt: skip
def test_json_comes_back_equal(db: EventflowDB, data: Any) -> None:
    assert same(through(db, data), data)


@pytest.mark.parametrize("kind", [list, dict])
def test_json_nested_31_levels_comes_back_equal(db: EventflowDB, kind: type) -> None:
    assert through(db, nested(31, kind)) == nested(31, kind)


def test_json_with_the_longest_key_comes_back_equal(db: EventflowDB) -> None:
    key = "é" * 32_767 + "x"
    assert through(db, {key: 1}) == {key: 1}


def test_json_with_many_keys_in_any_order_comes_back_equal(db: EventflowDB) -> None:
    data = {"zz": 1, "a": {"long key": 1, "b": 2}, "Z": 3, "é": 4}
    assert through(db, data) == data


def test_json_larger_than_64_kib_comes_back_equal(db: EventflowDB) -> None:
    data = {"text": "🎉" * 100_000}
    assert through(db, data) == data


def test_json_tuples_are_arrays(db: EventflowDB) -> None:
    assert through(db, {"pair": (1, (2,))}) == {"pair": [1, [2]]}


def test_json_mappings_of_the_standard_library_are_objects(db: EventflowDB) -> None:
    assert through(db, OrderedDict(a=1)) == {"a": 1}


def test_json_absent_data_is_an_empty_object(db: EventflowDB) -> None:
    assert db.read_event(db.persist_event({"domain": "domain", "pid": "pid", "name": "name"})).data == {}


FLOATS = st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False).map(lambda x: x + 0.0)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | FLOATS | TEXTS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXTS, inner, max_size=5),
    max_leaves=15,
)
BOUNDS = bounds(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@BOUNDS
@given(data=JSON)
def test_json_of_any_shape_comes_back_equal(db: EventflowDB, data: Any) -> None:
    assert through(db, data) == data


# --- what is refused


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (math.nan, "it holds a NaN or an infinity"),
        (math.inf, "it holds a NaN or an infinity"),
        (-math.inf, "it holds a NaN or an infinity"),
        (2**64, "it holds an integer outside 64 bits"),
        (-(2**63) - 1, "it holds an integer outside 64 bits"),
        (10**400, "it holds an integer outside 64 bits"),
        ("\ud800", "it holds a lone surrogate"),
        ("a\udfff", "it holds a lone surrogate"),
        ({"\ud800": 1}, "it holds a lone surrogate"),
        ({1: "a"}, "it holds a key that is not a string"),
        ({None: "a"}, "it holds a key that is not a string"),
        ({True: "a"}, "it holds a key that is not a string"),
        ({"x" * 65_536: 1}, "it holds a key of more than 65,535 bytes"),
        ({"é" * 32_768: 1}, "it holds a key of more than 65,535 bytes"),
        (nested(32), "it is nested deeper than 31 levels"),
        (nested(32, dict), "it is nested deeper than 31 levels"),
        (nested(50_000), "it is nested deeper than 31 levels"),
        ({1, 2}, "it holds a set"),
        (object(), "it holds a object"),
        (b"bytes", "it holds a bytes"),
        (datetime(2030, 1, 2, tzinfo=UTC), "it holds a datetime"),
        (Decimal("1.5"), "it holds a Decimal"),
        (1j, "it holds a complex"),
        (ValueError("secret"), "it holds a ValueError"),
        (iter([1]), "it holds a list_iterator"),
    ],
)
@pytest.mark.parametrize("inside", [lambda data: data, lambda data: {"a": [1, data]}], ids=["top", "inside"])
def test_json_value_that_would_be_lost_or_changed_raises(
    nowhere: EventflowDB, data: Any, found: str, inside: Any
) -> None:
    with fails(errors.InvalidValueError, "EVENT_PERSIST") as caught:
        nowhere.persist_event(new(inside(data)))
    assert caught.value.message == f"data: must be JSON: {found}"


def test_json_value_that_holds_itself_raises(nowhere: EventflowDB) -> None:
    data: list[Any] = []
    data.append(data)
    with fails(errors.InvalidValueError, "EVENT_PERSIST"):
        nowhere.persist_event(new(data))


# --- richer values, shared with Node

MOMENT = datetime(2030, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
DATE = {"$type": "Date", "$value": "2030-01-02T03:04:05.678Z"}


def rich(db: EventflowDB, data: Any) -> Any:
    event_id = db.persist_event(new(data), serialize=True)
    return db.read_event(event_id, deserialize=True).data


def test_persist_event_serialize_writes_a_datetime_as_node_does(db: EventflowDB) -> None:
    event_id = db.persist_event(new({"at": MOMENT}), serialize=True)
    assert db.read_event(event_id).data == {"at": DATE}


def test_persist_event_serialize_converts_and_truncates_datetimes(db: EventflowDB) -> None:
    moment = MOMENT.replace(microsecond=678_999).astimezone(timezone(timedelta(hours=9)))
    assert rich(db, [moment]) == [MOMENT]


def test_persist_event_serialize_writes_a_set_as_node_does(db: EventflowDB) -> None:
    event_id = db.persist_event(new({"set": {1}}), serialize=True)
    assert db.read_event(event_id).data == {"set": {"$type": "Set", "$value": [1]}}


def test_persist_event_serialize_writes_a_dict_of_other_keys_as_nodes_map(db: EventflowDB) -> None:
    event_id = db.persist_event(new({"map": {1: "a", "b": MOMENT}}), serialize=True)
    assert db.read_event(event_id).data == {"map": {"$type": "Map", "$value": [[1, "a"], ["b", DATE]]}}


def test_persist_event_serialize_writes_an_exception_as_nodes_error(db: EventflowDB) -> None:
    event_id = db.persist_event(new({"error": KeyError("gone")}), serialize=True)
    assert db.read_event(event_id).data == {
        "error": {"$type": "Error", "$value": {"name": "KeyError", "message": "'gone'"}}
    }


def test_persist_event_serialize_writes_the_stack_of_a_raised_exception(db: EventflowDB) -> None:
    try:
        raise KeyError("gone")
    except KeyError as error:
        event_id = db.persist_event(new(error), serialize=True)
    assert "test_persist_event_serialize_writes_the_stack" in db.read_event(event_id).data["$value"]["stack"]


@pytest.mark.parametrize(
    "data",
    [
        {"at": MOMENT}, {1, "a", None}, {1: {2: {3}}}, [{"deep": [{"at": MOMENT, "set": {MOMENT}}]}],
        {"plain": [1, "text", None, True]}, set(), {None: MOMENT}, {True: 1, 2.5: 2},
    ],
)  # fmt: skip
def test_persist_event_serialize_comes_back_equal(db: EventflowDB, data: Any) -> None:
    assert rich(db, data) == data


def test_persist_event_serialize_error_comes_back_as_remote_error(db: EventflowDB) -> None:
    found = rich(db, {"error": RemoteError("TypeError", "x is undefined", "at main.js:1")})["error"]
    assert (type(found), found.name, found.message, found.stack) == (
        RemoteError, "TypeError", "x is undefined", "at main.js:1",
    )  # fmt: skip


@pytest.mark.parametrize("value", [{(1, 2): "a"}, {frozenset({1}): "a"}, {(1, 2)}, {frozenset({1})}])
def test_persist_event_serialize_value_that_could_not_be_hashed_again_raises(nowhere: EventflowDB, value: Any) -> None:
    with fails(errors.InvalidValueError, "EVENT_PERSIST") as caught:
        nowhere.persist_event(EVENT | {"data": {"value": value}}, serialize=True)
    assert "data: must hold only text, numbers, datetimes and None" in caught.value.message


@pytest.mark.parametrize(
    "stored",
    [
        {"$type": "Date", "$value": "9999-12-31T23:59:59-05:00"},
        {"$type": "Date", "$value": "2024-01-01T00:00:00"},
        {"$type": "Set", "$value": "abc"},
        {"$type": "Set", "$value": {"a": 1}},
        {"$type": "Set", "$value": [1, True]},
        {"$type": "Map", "$value": {"ab": 1}},
        {"$type": "Map", "$value": [[1, "a"], [True, "b"]]},
    ],
)
def test_read_event_deserialize_malformed_value_stays_as_it_is(db: EventflowDB, stored: Any) -> None:
    id = db.persist_event(EVENT | {"data": stored})
    assert db.read_event(id, deserialize=True).data == stored


AS_NODE_WRITES_THEM = [
    '{"$type":"Map","$value":[["a",1],["b",{"$type":"Map","$value":[]}]]}',
    '{"$type":"Map","$value":[[{"k":1},{"$type":"Date","$value":"2030-01-02T03:04:05.678Z"}],[null,1.5]]}',
    '{"$type":"Map","$value":[[1,"a"],[true,"b"]]}',
    '{"$type":"Set","$value":["z","a",3,1,"é",{"$type":"Date","$value":"2030-01-02T03:04:05.678Z"}]}',
    '{"$type":"Set","$value":[[1],{"k":{"$type":"Set","$value":[1]}},{"$type":"Map","$value":[]}]}',
    '{"$type":"Set","$value":[{"$type":"Error","$value":{"name":"Error","message":"inner"}}]}',
    '{"$type":"Date","$value":null}',
    '{"$type":"Date","$value":"0001-01-01T00:00:00.000Z"}',
    '{"$type":"Date","$value":"9999-12-31T23:59:59.999Z"}',
    '{"$type":"Date","$value":"+012345-01-01T00:00:00.000Z"}',
    '{"$type":"Date","$value":"-000001-01-01T00:00:00.000Z"}',
    '{"$type":"Error","$value":{"name":"Error","stack":"Error"}}',
    '{"$type":"Error","$value":{"name":"Error","stack":null,"message":"","code":7,"self":[],"_private":{"a":1}}}',
    '{"$type":"Error","$value":{"name":"E","message":"m","at":{"$type":"Date","$value":"2030-01-02T03:04:05.678Z"}}}',
    '{"$type":"Error","$value":{"name":"E","message":"m","cause":{"$type":"Error","$value":{"name":"I","message":""}}}}',
    '{"$type":"Error","$value":{"name":"AggregateError","message":"m","errors":['
    '{"$type":"Error","$value":{"name":"I","message":"1"}},{"$type":"Error","$value":{"name":"I","message":"2"}}]}}',
    '{"$type":"Error","$value":{"name":"E","message":"m","cause":"text"}}',
    '{"$type":"Error","$value":{"message":"no name"}}',
    '{"$type":"Date"}', '{"$type":"Unknown","$value":{"$type":"Set","$value":[1]}}', '{"$type":"mine","more":1}',
]  # fmt: skip


@pytest.mark.parametrize("text", AS_NODE_WRITES_THEM)
def test_what_node_wrote_and_deserialize_gave_is_written_again_unchanged(
    db: EventflowDB, admin: Admin, database: str, text: str
) -> None:
    written_by_node(admin, database, text)
    event_id = db.persist_event(new(db.read_event("node", deserialize=True).data), serialize=True)
    assert same(db.read_event(event_id).data, json.loads(text))


def test_read_event_deserialize_revives_what_is_inside_of_what_cannot_be_revived(
    db: EventflowDB, admin: Admin, database: str
) -> None:
    written_by_node(admin, database, json.dumps({"$type": "Set", "$value": [{"at": DATE}]}))
    assert db.read_event("node", deserialize=True).data == {"$type": "Set", "$value": [{"at": MOMENT}]}


def test_read_event_deserialize_error_has_nodes_properties_and_cause(
    db: EventflowDB, admin: Admin, database: str
) -> None:
    inner = {"$type": "Error", "$value": {"name": "RangeError", "message": "inner"}}
    error = {"name": "AggregateError", "message": "m", "code": "E_X", "cause": inner, "errors": [inner], "at": DATE}
    written_by_node(admin, database, json.dumps({"$type": "Error", "$value": error}))
    found = db.read_event("node", deserialize=True).data
    assert (found.code, found.at, str(found.cause), str(found.errors[0])) == (
        "E_X", MOMENT, "RangeError: inner", "RangeError: inner",
    )  # fmt: skip
    assert found.__cause__ is found.cause


def test_persist_event_serialize_exception_has_code_cause_properties_and_members(db: EventflowDB) -> None:
    error: Any = ExceptionGroup("group", [ValueError("member")])
    error.code, error.at, error.handle, error._hidden = "E_X", MOMENT, object(), 1
    error.__cause__ = KeyError("cause")
    assert db.read_event(db.persist_event(new(error), serialize=True)).data["$value"] == {
        "name": "ExceptionGroup", "message": "group (1 sub-exception)", "code": "E_X", "at": DATE,
        "cause": {"$type": "Error", "$value": {"name": "KeyError", "message": "'cause'"}},
        "errors": [{"$type": "Error", "$value": {"name": "ValueError", "message": "member"}}],
    }  # fmt: skip


def test_persist_event_serialize_exception_that_holds_itself_leaves_that_out(db: EventflowDB) -> None:
    error: Any = ValueError("outer")
    error.itself, error.again = error, [error]
    found = rich(db, error)
    assert (str(found), vars(found).keys()) == ("ValueError: outer", {"name", "message"})


def test_persist_event_serialize_writes_a_map_whose_keys_are_text(db: EventflowDB) -> None:
    event_id = db.persist_event(new(Map(a=1)), serialize=True)
    assert db.read_event(event_id).data == {"$type": "Map", "$value": [["a", 1]]}


def test_persist_event_without_serialize_richer_value_raises(nowhere: EventflowDB) -> None:
    with fails(errors.InvalidValueError, "EVENT_PERSIST"):
        nowhere.persist_event(new({"at": MOMENT}))


@pytest.mark.parametrize(
    "data",
    [
        datetime(2030, 1, 2), DATE, {"a": {"$type": "Map", "$value": []}},
        {"set": {math.nan}}, {1: 2**64}, nested(32), nested(50_000), object(),
        {1: nested(30)},
    ],
)  # fmt: skip
def test_persist_event_serialize_value_that_would_be_lost_or_changed_raises(nowhere: EventflowDB, data: Any) -> None:
    with fails(errors.InvalidValueError, "EVENT_PERSIST") as caught:
        nowhere.persist_event(new(data), serialize=True)
    assert caught.value.message.startswith("data: must ")


def test_persist_event_serialize_value_that_holds_itself_raises(nowhere: EventflowDB) -> None:
    data: list[Any] = []
    data.append({1: data})
    with fails(errors.InvalidValueError, "EVENT_PERSIST"):
        nowhere.persist_event(new(data), serialize=True)


NODE = {
    '{"$type":"Date","$value":"2030-01-02T03:04:05.678Z"}': MOMENT,
    '{"$type":"Set","$value":[1,"a",{"$type":"Date","$value":"2030-01-02T03:04:05.678Z"}]}': {1, "a", MOMENT},
    '{"$type":"Map","$value":[[1,{"$type":"Set","$value":[]}],["b",[true]]]}': {1: set(), "b": [True]},
    '{"list":[{"$type":"Map","$value":[]}],"n":1.5}': {"list": [{}], "n": 1.5},
    '{"$type":"Unknown","$value":1}': {"$type": "Unknown", "$value": 1},
    '{"$type":"Date","$value":"no date"}': {"$type": "Date", "$value": "no date"},
    '{"$type":"Date","$value":null}': {"$type": "Date", "$value": None},
    '{"$type":"Set","$value":[[1]]}': {"$type": "Set", "$value": [[1]]},
    '{"$type":"Map","$value":[[1]]}': {"$type": "Map", "$value": [[1]]},
    '{"$type":"Error","$value":"text"}': {"$type": "Error", "$value": "text"},
    '{"$type":"Date","$value":"2030-01-02T03:04:05.678Z","more":1}': {**DATE, "more": 1},
}


def written_by_node(admin: Admin, database: str, text: str) -> None:
    admin.execute(
        f"INSERT INTO `{database}`.event (id, domain, pid, name, data) VALUES ('node', 'domain', 'pid', 'name', %s)",
        text,
    )


@pytest.mark.parametrize("text", NODE)
def test_read_event_deserialize_revives_what_node_writes(
    db: EventflowDB, admin: Admin, database: str, text: str
) -> None:
    written_by_node(admin, database, text)
    assert db.read_event("node", deserialize=True).data == NODE[text]
    assert db.read_event("node").data == json.loads(text)


def test_read_event_deserialize_revives_nodes_error(db: EventflowDB, admin: Admin, database: str) -> None:
    written_by_node(
        admin, database, '{"$type":"Error","$value":{"name":"TypeError","message":"no","stack":"TypeError: no"}}'
    )
    error = db.read_event("node", deserialize=True).data
    assert (type(error), str(error), error.stack) == (RemoteError, "TypeError: no", "TypeError: no")


def test_read_events_deserialize_revives_in_lists_and_pages(db: EventflowDB, admin: Admin, database: str) -> None:
    written_by_node(admin, database, '{"$type":"Date","$value":"2030-01-02T03:04:05.678Z"}')
    read = db.read_events_by_domain_and_pid("domain", "pid", deserialize=True)
    iterated = list(db.iter_events_by_domain_and_pid("domain", "pid", deserialize=True))
    assert [event.data for event in (*read, *iterated)] == [MOMENT, MOMENT]


def test_persist_events_serialize(db: EventflowDB) -> None:
    (event_id,) = db.persist_events([new({1: MOMENT})], serialize=True)
    assert db.read_event(event_id, deserialize=True).data == {1: MOMENT}


# --- the quick way to encode, against the plain one


class Colour(enum.Enum):
    RED = "red"


class Number(enum.IntEnum):
    ONE = 1


oddities = st.sampled_from(
    ["\ud800", b"bytes", Colour.RED, Number.ONE, datetime(2030, 1, 2), Decimal("1.5"), UUID(int=7), msgspec.UNSET,
     msgspec.Raw(b"1"), 1e16, 1e22, -0.0, 2**63, 2**64, -(2**63), -(2**63) - 1, "9" * 19, "[" * 40, "k" * 70_000]
)  # fmt: skip
anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**66), 2**66) | st.floats() | st.text() | oddities,
    lambda more: (
        st.lists(more) | st.tuples(more, more) | st.sets(st.integers())
        | st.dictionaries(st.text() | st.integers() | st.none() | oddities.filter(lambda key: key.__hash__), more)
    ),
    max_leaves=12,
)  # fmt: skip


def outcome(encode: Callable[[Any], str | bytes], value: Any) -> str:
    """What comes back of a value, to the last digit and type, or why it is refused."""
    try:
        return repr(json.loads(encode(value)))
    except ValueError as error:
        return str(error)


def plainly(value: Any) -> str:
    """The standard library's strict encoding, behind the checks one by one."""
    codec._check_json(value, 0)
    return json.dumps(value, allow_nan=False, ensure_ascii=False)


@bounds(deadline=None, max_examples=500)
@given(value=anything)
def test_encode_json_gives_and_raises_what_the_standard_encoder_does(value: Any) -> None:
    assert outcome(codec.encode_json, value) == outcome(plainly, value)


@pytest.mark.parametrize("depth", [30, 31, 32, 40])
@pytest.mark.parametrize("wrap", [lambda value: [value], lambda value: {"key": value}])
def test_encode_json_depth_is_that_of_the_standard_encoder(depth: int, wrap: Callable[[Any], Any]) -> None:
    value: Any = 1
    for _ in range(depth):
        value = wrap(value)
    assert outcome(codec.encode_json, value) == outcome(plainly, value)
