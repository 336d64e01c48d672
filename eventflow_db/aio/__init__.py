"""The database object, its sessions and transactions."""

from .database import AsyncEventflowDB, locate_async
from .operations import AsyncSession
from .transaction import AsyncTransaction

__all__ = ["AsyncEventflowDB", "AsyncSession", "AsyncTransaction", "locate_async"]
