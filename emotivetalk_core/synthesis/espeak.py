"""One small door to the espeak-ng library: text in, samples and phoneme events out. Knows no emotions, frames or faces.

The library keeps global state (current voice, phase of the glottal wave, random numbers) that none of its calls resets,
so the same text would sound slightly different the second time. We therefore open it afresh for every utterance, which
takes under a millisecond and makes every utterance a function of its arguments alone.
"""

import ctypes
import shutil
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from ..errors import SettingsError

# Values of espeak-ng's speak_lib.h.
_SYNCHRONOUS = 2
_PHONEME_EVENTS, _PHONEMES_IN_IPA, _DO_NOT_EXIT = 0x0001, 0x0002, 0x8000
_TEXT_UTF8, _END_PAUSE = 0x0001, 0x1000
_EVENT_LIST_ENDS, _EVENT_PHONEME = 0, 7
_PARAMETER_RATE, _PARAMETER_PITCH, _PARAMETER_RANGE, _PARAMETER_WORD_GAP = 1, 3, 4, 7


class _EventName(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventName),
    ]


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


@dataclass(frozen=True)
class RawUtterance:
    """What was said: int16 `samples` [t] at `rate` Hz.

    `marks`: each phoneme's IPA symbol, or "" for a pause, with its first sample.
    """

    samples: np.ndarray
    rate: int
    marks: tuple[tuple[str, int], ...]


class Speaker(Protocol):
    """Whatever turns text into samples and timed phonemes, as `Espeak.say` does."""

    def say(
        self, text: str, voice: str, *, rate: int, pitch: int, pitch_range: int, word_gap: int = 0, seed: int = 1
    ) -> RawUtterance: ...


class Espeak:
    """The library behind a lock, because its state is global to the process."""

    _lock = threading.Lock()

    def __init__(self) -> None:
        import espeakng_loader

        self._library_path = espeakng_loader.get_library_path()
        self._data = Path(espeakng_loader.get_data_path())
        self._copy: tempfile.TemporaryDirectory[str] | None = None

    def set_variant(self, name: str, description: str) -> None:
        """Gives it a voice of our own, or another one under a name that it was given before.

        description: the text of a variant's file. The library reads voices from its own folder alone, and no more than
        350 of them: so a copy of the folder is made, which is gone when this object is.
        """
        if self._copy is None:
            self._copy = tempfile.TemporaryDirectory()
            self._data = shutil.copytree(self._data, Path(self._copy.name) / "espeak-ng-data")
        (self._data / "voices" / "!v" / name).write_text(description, encoding="utf-8")

    def say(
        self, text: str, voice: str, *, rate: int, pitch: int, pitch_range: int, word_gap: int = 0, seed: int = 1
    ) -> RawUtterance:
        """`voice` is espeak-ng's name such as "en-us+f1"; rate in words a minute, pitch and range 0…99, gap in 10 ms.

        Raises SettingsError for a voice that it does not have.
        """
        # An unknown variant would be passed over in silence by the library, an unknown language would not.
        variant = voice.partition("+")[2]
        if variant and not (self._data / "voices" / "!v" / variant).is_file():
            raise _unknown_voice(voice)
        with self._lock:
            library = ctypes.CDLL(self._library_path)
            try:
                return self._say(library, text, voice, (rate, pitch, pitch_range, word_gap), seed)
            finally:
                library.espeak_Terminate()
                _close(library)

    def _say(
        self, library: ctypes.CDLL, text: str, voice: str, parameters: tuple[int, int, int, int], seed: int
    ) -> RawUtterance:
        sample_rate = library.espeak_Initialize(
            _SYNCHRONOUS, 0, str(self._data).encode(), _PHONEME_EVENTS | _PHONEMES_IN_IPA | _DO_NOT_EXIT
        )
        if sample_rate <= 0:
            raise SettingsError(f"The espeak-ng voices at {self._data} could not be opened; reinstall espeakng-loader.")
        chunks: list[np.ndarray] = []
        marks: list[tuple[str, int]] = []

        @_Callback
        def collect(wave, count, events) -> int:
            if wave and count > 0:
                chunks.append(np.ctypeslib.as_array(wave, (count,)).copy())
            index = 0
            while events[index].type != _EVENT_LIST_ENDS:
                event = events[index]
                if event.type == _EVENT_PHONEME:
                    # The field is 8 bytes and may cut a long symbol inside a character.
                    marks.append((event.id.string.decode("utf-8", errors="ignore"), event.sample))
                index += 1
            return 0

        library.espeak_SetSynthCallback(collect)
        library.espeak_ng_SetRandSeed(ctypes.c_long(seed))
        if library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise _unknown_voice(voice)
        names = (_PARAMETER_RATE, _PARAMETER_PITCH, _PARAMETER_RANGE, _PARAMETER_WORD_GAP)
        for name, value in zip(names, parameters, strict=True):
            library.espeak_SetParameter(name, int(value), 0)
        encoded = text.encode("utf-8")
        library.espeak_Synth(encoded, ctypes.c_size_t(len(encoded) + 1), 0, 0, 0, _TEXT_UTF8 | _END_PAUSE, None, None)
        samples = np.concatenate(chunks) if chunks else np.zeros(0, np.int16)
        return RawUtterance(samples, sample_rate, tuple(marks))


def _unknown_voice(voice: str) -> SettingsError:
    return SettingsError(f"The voice {voice!r} is not one that espeak-ng has; use for example 'en-us+f1' or 'de+m3'.")


def _close(library: ctypes.CDLL) -> None:
    import _ctypes

    if hasattr(_ctypes, "dlclose"):
        _ctypes.dlclose(library._handle)
    else:  # Windows
        _ctypes.FreeLibrary(library._handle)  # pyright: ignore[reportAttributeAccessIssue]
