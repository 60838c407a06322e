"""``python -m dltricks`` is the command line."""

from dltricks.cli.main import main

main()
