"""`python -m emotivetalk_core`."""

import os
import sys

from .cli import main
from .cli.main import INTERRUPTED

if __name__ == "__main__":
    status = main()
    if status == INTERRUPTED:  # everything is cleaned up; taking the libraries down in order would cost seconds
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    sys.exit(status)
