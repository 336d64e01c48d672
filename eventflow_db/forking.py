"""What a forked child does first: another thread of the parent may have held a lock, which would stay locked."""

from __future__ import annotations

import os
from collections.abc import Callable


def after_fork(work: Callable[[], object]) -> None:
    """Have every forked child do this first; nothing on systems that do not fork."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=work)
