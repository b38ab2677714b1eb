"""Voices built from recordings of people, by two programs that may be installed: flite and festival. Text in, samples
and timed phonemes out, through the same door as espeak-ng's (`espeak.Speaker`).

Only voices whose licence lets anybody use them for anything, without a condition on what is made with them: Debian's
flite, festvox-kdlpc16k and festvox-ru. Neither program is needed for anything else.
"""

import re
import shutil
import subprocess
import tempfile
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import InputError, SettingsError
from .espeak import RawUtterance

_USUAL_RATE = 170
"""Words a minute that these voices speak at when nobody asks for another rate."""
_USUAL_SPREAD = 0.13
"""Of the pitch's mean: how far it spreads in a lively delivery."""


@dataclass(frozen=True)
class RecordedVoice:
    """program: flite or festival · name: its own for the voice · language: of the sentences · package: Debian's ·
    pitch: Hz of the mean, 0 where the program cannot change it.
    """

    program: str
    name: str
    language: str
    package: str
    pitch: float


RECORDED_VOICES = {
    "slt": RecordedVoice("flite", "slt", "en", "flite", 172),
    "awb": RecordedVoice("flite", "awb", "en", "flite", 128),
    "kal": RecordedVoice("flite", "kal16", "en", "flite", 100),
    "rms": RecordedVoice("flite", "rms", "en", "flite", 0),
    "ked": RecordedVoice("festival", "ked_diphone", "en", "festvox-kdlpc16k", 105),
    "nsh": RecordedVoice("festival", "msu_ru_nsh_clunits", "ru", "festvox-ru", 0),
}
RECORDED_TRAIN, RECORDED_TEST = ("slt", "awb", "kal", "ked", "nsh"), ("rms",)
"""Who teaches and who tests; of the one woman, more voices are made by her throat's length (`speech.speak`)."""

# Both programs' English symbols (the Carnegie Mellon radio set), and the Russian ones of Zaharov's phone set, as IPA.
# What cp1252 lacks stands here by its number in Unicode, as in phonemes.py. A vowel that is not reduced carries the
# mark of a secondary stress: the programs do not say which are stressed.
_STRESS = "\u02cc"
_ENGLISH = {
    "pau": "", "ssil": "", "aa": f"{_STRESS}\u0251", "ae": f"{_STRESS}æ", "ah": f"{_STRESS}\u028c",
    "ao": f"{_STRESS}\u0254", "aw": f"{_STRESS}a\u028a", "ax": "\u0259", "axr": "\u025a", "ay": f"{_STRESS}a\u026a",
    "b": "b", "ch": "t\u0283", "d": "d", "dh": "ð", "dx": "\u027e", "eh": f"{_STRESS}\u025b", "el": "\u0259l",
    "em": "m", "en": "n", "er": f"{_STRESS}\u025d", "ey": f"{_STRESS}e\u026a", "f": "f", "g": "g", "hh": "h",
    "hv": "h", "ih": "\u026a", "iy": f"{_STRESS}i", "jh": "d\u0292", "k": "k", "l": "l", "m": "m", "n": "n",
    "nx": "\u027e", "ng": "\u014b", "ow": f"{_STRESS}o\u028a", "oy": f"{_STRESS}\u0254\u026a", "p": "p", "r": "\u0279",
    "s": "s", "sh": "\u0283", "t": "t", "th": "\u03b8", "uh": f"{_STRESS}\u028a", "uw": f"{_STRESS}u", "v": "v",
    "w": "w", "y": "j", "z": "z", "zh": "\u0292",
}  # fmt: skip
_RUSSIAN = {
    "pau": "", "ii": f"{_STRESS}i", "yy": f"{_STRESS}\u0268", "uu": f"{_STRESS}u", "ee": f"{_STRESS}e",
    "oo": f"{_STRESS}o", "aa": f"{_STRESS}a", "a": "\u0250", "e": "\u026a", "i": "\u026a", "y": "\u0268", "u": "u",
    "ae": "\u0259", "ay": "\u0259", "ur": "\u028a", "c": "ts", "ch": "t\u0283", "sh": "\u0283", "sch": "\u0283",
    "zh": "\u0292", "h": "x", "hh": "x", "j": "j",
    **{symbol * times: symbol for symbol in "pbtdkgfvszmnlr" for times in (1, 2)},
}  # fmt: skip
_SYMBOLS = {"en": _ENGLISH, "ru": _RUSSIAN}


class RecordedVoices:
    """The programs, each looked for when a voice of it is first asked for."""

    def say(
        self, text: str, voice: str, *, rate: int, pitch: int, pitch_range: int, word_gap: int = 0, seed: int = 1
    ) -> RawUtterance:
        """As `Espeak.say`; the voice is a name of RECORDED_VOICES, after a language and "+" or alone.

        A pitch is moved by an octave over 100 steps, where the program can. Gaps between words and seeds are not known
        to these programs: the same text is always said alike. Raises SettingsError for a voice that there is not or
        whose program is not installed, and InputError where the program fails.
        """
        name = voice.rpartition("+")[2]
        if name not in RECORDED_VOICES:
            raise SettingsError(
                f"The voice {name!r} is not one of those built from recordings; choose one of "
                f"{', '.join(RECORDED_VOICES)}."
            )
        chosen = RECORDED_VOICES[name]
        require_recorded((name,))
        mean = chosen.pitch * 2 ** ((pitch - 50) / 100)
        delivery = _Delivery(_USUAL_RATE / rate, mean, mean * _USUAL_SPREAD * pitch_range / 50)
        with tempfile.TemporaryDirectory() as folder:
            sound = Path(folder) / "said.wav"
            speak = _flite if chosen.program == "flite" else _festival
            ends = speak(chosen, text, delivery, sound)
            try:
                with wave.open(str(sound)) as file:
                    samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
                    sample_rate = file.getframerate()
            except (OSError, EOFError, wave.Error) as error:
                raise _failed(chosen, text, str(error)) from error
        symbols, begin, marks = _SYMBOLS[chosen.language], 0.0, []
        for symbol, end in ends:
            if symbol not in symbols:
                raise _failed(chosen, text, f"it named a sound {symbol!r}, which is not known here")
            marks.append((symbols[symbol], round(begin * sample_rate)))
            begin = end
        return RawUtterance(samples, sample_rate, tuple(marks))


def require_recorded(names: tuple[str, ...]) -> None:
    """SettingsError, in one sentence, where the program of one of the voices, or the voice, is not installed."""
    for name in names:
        voice = RECORDED_VOICES[name]
        folders = Path("/usr/share/festival/voices").glob(f"*/{voice.name}")
        if shutil.which(voice.program) is None or (voice.program == "festival" and not any(folders)):
            packages = " ".join(dict.fromkeys((voice.program, voice.package)))
            raise SettingsError(
                f"The voice {name!r} is spoken by {voice.program}, which is not installed with that voice here; on "
                f"Debian and Ubuntu `apt-get install {packages}` brings it."
            )


@dataclass(frozen=True)
class _Delivery:
    """slowness: a factor on every length · pitch, spread: Hz."""

    slowness: float
    pitch: float
    spread: float


def _flite(voice: RecordedVoice, text: str, delivery: _Delivery, sound: Path) -> list[tuple[str, float]]:
    """Each sound's symbol, and where it ends in seconds."""
    command = ["flite", "-voice", voice.name, "--setf", f"duration_stretch={delivery.slowness:.3f}"]
    if voice.pitch:
        command += ["--setf", f"int_f0_target_mean={delivery.pitch:.1f}"]
        command += ["--setf", f"int_f0_target_stddev={delivery.spread:.1f}"]
    said = _run(voice, text, [*command, "-psdur", "-t", text, "-o", str(sound)])
    return [(symbol, float(end)) for symbol, end in re.findall(r"(\S+):([\d.]+)", said)]


def _festival(voice: RecordedVoice, text: str, delivery: _Delivery, sound: Path) -> list[tuple[str, float]]:
    labels, script = sound.with_suffix(".lab"), sound.with_suffix(".scm")
    quoted = text.replace("\\", " ").replace('"', " ")
    lines = [f"(voice_{voice.name})", f"(Parameter.set 'Duration_Stretch {delivery.slowness:.3f})"]
    if voice.pitch:
        asked = f"(target_f0_mean {delivery.pitch:.1f}) (target_f0_std {delivery.spread:.1f})"
        lines.append(f"(set! int_lr_params '({asked} (model_f0_mean 170) (model_f0_std 34)))")
    lines += [
        f'(set! said (utt.synth (Utterance Text "{quoted}")))',
        f'(utt.save.wave said "{sound}")',
        f'(utt.save.segs said "{labels}")',
    ]
    script.write_text("\n".join(lines), encoding="utf-8")
    _run(voice, text, ["festival", "-b", str(script)])
    try:
        rows = [line.split() for line in labels.read_text(encoding="utf-8").splitlines()]
    except OSError as error:
        raise _failed(voice, text, str(error)) from error
    return [(row[2], float(row[0])) for row in rows if len(row) == 3]


def _run(voice: RecordedVoice, text: str, command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _failed(voice, text, str(error)) from error
    if done.returncode:
        raise _failed(voice, text, done.stderr.strip() or f"it ended with {done.returncode}")
    return done.stdout


def _failed(voice: RecordedVoice, text: str, reason: str) -> InputError:
    return InputError(f"{voice.program} could not say {text!r} as {voice.name!r} ({reason}); say something else.")
