"""python -m eventflow_db.cli: the command, where no script is installed."""

from . import main

main()
