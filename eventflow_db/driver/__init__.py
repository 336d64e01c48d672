"""The drivers: bytes and sockets, and what the two have in common."""
