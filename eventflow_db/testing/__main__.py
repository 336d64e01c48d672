"""Prints which test server a choice comes to: `python -m eventflow_db.testing [CHOICE]`.

Exits with 4 when only a local server is missing, which a package manager can install, and with 3 when the
choice cannot be had.
"""

import sys

from eventflow_db.testing.choice import resolve_choice
from eventflow_db.testing.server import NoLocalServerError, ServerUnavailableError

try:
    print(resolve_choice(*sys.argv[1:2]))
except ServerUnavailableError as exc:
    print(exc, file=sys.stderr)
    sys.exit(4 if isinstance(exc, NoLocalServerError) else 3)
