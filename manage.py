#!/usr/bin/env python3
"""DiamondHub's one door: makes its own environment, starts what is missing, and then is an ordinary manage.py."""

import sys

from diamondhub.local import bootstrap


def main() -> None:
    """Prepare the environment, then run the command."""
    bootstrap.prepare(sys.argv)
    from diamondhub.local import commandline

    commandline.run(sys.argv)


if __name__ == "__main__":
    main()
