# Generated from eventflow_db/aio/__init__.py by scripts/generate; do not edit.
"""The asyncio API."""
