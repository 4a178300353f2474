"""`python -m hoopaddon` is the program `hoopaddon`."""

import sys

from hoopaddon.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
