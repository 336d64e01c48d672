"""The data layer of Eventflow on MySQL and MariaDB: EventflowDB, and AsyncEventflowDB for asyncio."""

from __future__ import annotations

import inspect
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from . import errors
from .driver.setup import connection_arguments
from .identifiers import generate_event_id
from .inputs import NewCertificate, NewEvent, NewHub, NewLog, NewPublishedEvent, NewScheduledEvent
from .query.tagged import Map, RemoteError
from .records import Certificate, ClaimedEvent, Event, Hub, Log, PublishedEvent, ScheduledEvent, Status
from .settings import Settings
from .sync import EventflowDB, Session, Transaction, locate

if TYPE_CHECKING:
    from .aio import AsyncEventflowDB, AsyncSession, AsyncTransaction, locate_async

__all__ = [
    "AsyncEventflowDB", "AsyncSession", "AsyncTransaction", "Certificate", "ClaimedEvent", "Event", "EventflowDB",
    "Hub", "Log", "Map", "NewCertificate", "NewEvent", "NewHub", "NewLog", "NewPublishedEvent", "NewScheduledEvent",
    "PublishedEvent", "RemoteError", "ScheduledEvent", "Session", "Settings", "Status", "Transaction",
    "connection_arguments", "errors", "generate_event_id", "locate", "locate_async",
]  # fmt: skip


_ASYNC = ("AsyncEventflowDB", "AsyncSession", "AsyncTransaction", "locate_async")


def __getattr__(name: str) -> Any:
    """The asyncio API is imported on first use: it needs aiomysql, which sync users may leave out."""
    if name not in _ASYNC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    try:
        return getattr(import_module(f"{__name__}.aio"), name)
    except ModuleNotFoundError as error:
        if error.name and error.name.partition(".")[0] == "aiomysql":
            hint = f"{name} needs aiomysql: pip install 'eventflow-db[async]'"
            # `from eventflow_db import …` asks as hasattr does, and forgets what an AttributeError has said
            frame = inspect.currentframe()
            caller = frame and frame.f_back and frame.f_back.f_code.co_name
            raise (ImportError if caller == "_handle_fromlist" else AttributeError)(hint) from error
        raise


try:
    _has_driver = find_spec("aiomysql") is not None
except ValueError:
    # it was taken out of sys.modules on purpose
    _has_driver = False
if not _has_driver:
    __all__ = [name for name in __all__ if name not in _ASYNC]
