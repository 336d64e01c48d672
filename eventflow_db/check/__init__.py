"""Proves queries and tables against a live server: prepared, explained, compared."""
