"""Which version this is. It lies at the very bottom: files record it, and must not climb to the front door for it."""

__version__ = "0.1.0"
