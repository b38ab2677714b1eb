"""The command line: one module per verb. It turns the core's errors into one line and an exit status, and nothing else."""

from .main import main

__all__ = ["main"]
