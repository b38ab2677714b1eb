"""`python -m emotivetalk_core`."""

import atexit
import os
import sys
from typing import NoReturn

from .cli import main


def end(status: int) -> NoReturn:
    """End the program with that status; what is to be done at its end is done, but no library is taken down in order,
    which takes torch half a second, and seconds after Ctrl-C.
    """
    atexit._run_exitfuncs()
    try:
        for screen in filter(None, (sys.stdout, sys.stderr)):
            screen.flush()
    except OSError:  # nobody reads it any more; Python has its own way to say that
        sys.exit(status)
    os._exit(status)


if __name__ == "__main__":
    end(main())
