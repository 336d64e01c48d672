# Generated from eventflow_db/aio/__init__.py by scripts/generate; do not edit.
"""The database object, its sessions and transactions."""

from .database import EventflowDB, locate
from .operations import Session
from .transaction import Transaction

__all__ = ["EventflowDB", "Session", "Transaction", "locate"]
