"""The command line, one module per verb. It turns the core's errors into one line and an exit status."""

from .main import main

__all__ = ["main"]
