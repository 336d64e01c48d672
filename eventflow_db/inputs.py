# Generated from sql/ by scripts/generate; do not edit.
"""What new rows are made of: mappings with these keys.

An identifier is 1 to 64 printable ASCII characters, without a space around them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, NotRequired, TypedDict

NewCertificate = TypedDict(
    "NewCertificate",
    {
        "id": str,
        "validity": datetime,
        "cert": str,
        "key": bytes,
        "key_iv": bytes,
        "key_salt": bytes,
        "key_tag": bytes,
        "pass": bytes,
        "pass_iv": bytes,
        "pass_salt": bytes,
        "pass_tag": bytes,
    },
)
"""The keys of the active certificate of an id, version 0.

id: an identifier. validity: an aware datetime (cut to the second). cert: text. key, pass: bytes, at most
65,535. key_iv, key_salt, key_tag, pass_iv, pass_salt, pass_tag: bytes, at most 16.
"""


class NewEvent(TypedDict):
    """The keys of an event.

    id: an identifier (without one it is generated). timestamp: an aware datetime, or None (the server's clock
    where it is absent). domain, pid, name: an identifier. rid: an identifier, or None (the event that this one
    answers). data: JSON.
    """

    id: NotRequired[str | None]
    timestamp: NotRequired[datetime | None]
    domain: str
    rid: NotRequired[str | None]
    pid: str
    name: str
    data: NotRequired[Any]


class NewPublishedEvent(TypedDict):
    """What persist_event_published takes.

    event_id, publisher: an identifier.
    """

    event_id: str
    publisher: str


class NewScheduledEvent(TypedDict):
    """What persist_event_scheduled takes.

    event_id: an identifier. scheduled: an aware datetime (cut to the second).
    """

    event_id: str
    scheduled: datetime


class NewHub(TypedDict):
    """What persist_hub takes.

    id: an identifier. external_ip, internal_ip: 1 to 45 printable ASCII characters, without a space around
    them. external_port, internal_port: a whole number from 0 to 65535.
    """

    id: str
    external_ip: str
    external_port: int
    internal_ip: str
    internal_port: int


class NewLog(TypedDict):
    """The keys of a log line, at the server's clock.

    agent: an identifier. message: text. error: JSON (or an exception).
    """

    agent: str
    message: str
    error: NotRequired[Any]
