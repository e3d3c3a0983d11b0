"""``python -m relaxpy`` is the command ``relaxpy``."""

import sys

from relaxpy.cli import main

if __name__ == "__main__":
    sys.exit(main())
