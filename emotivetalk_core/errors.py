"""The one family of errors that a user can cause; each message is one sentence: what was given, what was expected,
the way out.
"""


class EmotiveTalkError(Exception):
    """Base of every fault that the user can mend. The command line prints it as one line and exits with status 2."""


class InputError(EmotiveTalkError):
    """A file or value given as input is missing, empty, damaged or not of the expected kind."""


class FaceError(EmotiveTalkError):
    """No usable face was found in a picture, or the given box or mask does not lie in it."""


class SettingsError(EmotiveTalkError):
    """A setting, or a combination of settings, cannot work."""


class WeightsError(EmotiveTalkError):
    """A weights file is missing, damaged, of another network, or not the one its manifest names."""


class OutputError(EmotiveTalkError):
    """The result cannot be written where it was asked for."""


def excerpt(text: str, longest: int = 60) -> str:
    """What of a user's text a sentence quotes: one line of it, and not too long."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if len(line) <= longest else f"{line[: longest - 3]}..."


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out. torch has a class of its own for that on NVIDIA's cards only; elsewhere it says so."""
    from torch.cuda import OutOfMemoryError  # asked of an error only: this file's classes do without torch

    words = str(error).lower()
    told = "out of memory" in words or "can't allocate memory" in words
    return told or isinstance(error, (MemoryError, OutOfMemoryError))


class ProcessError(EmotiveTalkError):
    """Processes that work together cannot go on, for one of them is gone."""


class NumericalError(EmotiveTalkError):
    """A network produced a value that is not finite."""
