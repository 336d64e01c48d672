"""What belongs to one process: a forked child begins anew, and nothing of it is pickled."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any


def after_fork(work: Callable[[], object]) -> None:
    """Have every forked child do this first; nothing on systems that do not fork.

    Another thread of the parent may have held a lock, which would stay locked.
    """
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=work)


class ProcessBound:
    """What has a connection, or is about to, and so is of no use to another process."""

    def __getstate__(self) -> Any:
        raise TypeError(
            f"cannot pickle or copy a {type(self).__name__}, which belongs to its process: "
            "send the database object or its settings, and begin there"
        )
