"""What goes wrong, in one sentence."""

from ..errors import EmotiveTalkError, is_out_of_memory

FAULT = 2
"""The exit status for anything that the user can mend."""


def sentence(error: BaseException) -> str | None:
    """What somebody can do about it; None for what is no fault of theirs."""
    if isinstance(error, EmotiveTalkError):
        return " ".join(str(error).split())
    if isinstance(error, (MemoryError, RuntimeError)) and is_out_of_memory(error):
        return "There is not enough memory; close other programs, or give a shorter --window or a shorter recording."
    return None
