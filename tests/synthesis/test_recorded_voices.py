"""Voices built from recordings, through the door that espeak-ng's come through. A stand-in for flite tells what is made
of its answer; where the programs are installed, they speak too.
"""

import shutil
import stat
import sys
from pathlib import Path

import numpy as np
import pytest

from emotivetalk_core.errors import InputError, SettingsError
from emotivetalk_core.synthesis.clip import Delivery, make_clip
from emotivetalk_core.synthesis.phonemes import SILENCE, classes_of
from emotivetalk_core.synthesis.recorded_voices import (
    _SYMBOLS,
    RECORDED_TEST,
    RECORDED_TRAIN,
    RECORDED_VOICES,
    RecordedVoices,
    require_recorded,
)
from emotivetalk_core.synthesis.speech import speak

STAND_IN = f"""#!{sys.executable}
import sys, wave
arguments = sys.argv[1:]
slow = float(arguments[3].partition("=")[2])
with wave.open(arguments[-1], "wb") as file:
    file.setnchannels(1); file.setsampwidth(2); file.setframerate(16000)
    file.writeframes((b"\\0\\0" * 1600 + b"\\0\\20" * 6400)[: int(16000 * slow)])
print("pau:0.100 m:0.200 SOUND:0.400 pau:0.500 ")
"""


@pytest.fixture
def flite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program of that name that says one thing, which ends with the sound `ow`."""
    program = tmp_path / "flite"
    program.write_text(STAND_IN.replace("SOUND", "ow"), encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", str(tmp_path))
    return program


def test_marks_begin_where_the_sound_before_ends(flite: Path):
    said = RecordedVoices().say("mow", "en+slt", rate=170, pitch=50, pitch_range=50)
    assert said.rate == 16000 and len(said.samples) == 8000
    assert said.marks == (("", 0), ("m", 1600), ("\u02cco\u028a", 3200), ("", 6400))


def test_a_throat_changes_pitch_and_keeps_the_time_between_sounds(flite: Path):
    plain, short = (speak("mow", "slt", "en", speaker=RecordedVoices(), throat=throat) for throat in (1.0, 1.25))
    assert [event.symbol for event in short.phonemes] == [event.symbol for event in plain.phonemes]
    # the stand-in does not speak slower when it is asked to, so that all of it is shorter
    assert short.seconds == pytest.approx(plain.seconds / 1.25, abs=0.01)
    assert short.phonemes[2].start == pytest.approx(plain.phonemes[2].start / 1.25, abs=0.01)


def test_a_sound_that_is_not_known_is_refused(flite: Path):
    flite.write_text(STAND_IN.replace("SOUND", "qqq"), encoding="utf-8")
    with pytest.raises(InputError, match="flite could not say 'mow'.*'qqq'"):
        RecordedVoices().say("mow", "slt", rate=170, pitch=50, pitch_range=50)


@pytest.mark.parametrize("name", RECORDED_VOICES)
def test_without_the_program_a_voice_is_refused_in_a_sentence(name: str, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    voice = RECORDED_VOICES[name]
    with pytest.raises(SettingsError, match=f"{name!r} is spoken by {voice.program}.*apt-get install.*{voice.package}"):
        RecordedVoices().say("mow", name, rate=170, pitch=50, pitch_range=50)


def test_a_voice_that_there_is_not_is_refused():
    with pytest.raises(SettingsError, match="'nobody'.*slt, awb"):
        RecordedVoices().say("mow", "en+nobody", rate=170, pitch=50, pitch_range=50)


def test_who_tests_does_not_teach():
    assert not set(RECORDED_TRAIN) & set(RECORDED_TEST)
    assert set(RECORDED_TRAIN) | set(RECORDED_TEST) == set(RECORDED_VOICES)


@pytest.mark.parametrize("language", _SYMBOLS)
def test_every_sound_has_a_class_of_its_own(language: str):
    for symbol, said in _SYMBOLS[language].items():
        if said:  # "H" is what an unknown symbol gives
            assert classes_of(said) != ("H",) or symbol in ("hh", "hv"), symbol
    assert {classes_of(said)[0] for said in _SYMBOLS[language].values() if said} >= {"P", "M", "F", "S", "AA", "UW"}


def installed(name: str) -> bool:
    try:
        require_recorded((name,))
    except SettingsError:
        return False
    return True


@pytest.mark.parametrize("name", RECORDED_VOICES)
def test_what_is_installed_speaks_alike_each_time(name: str):
    if not installed(name):
        pytest.skip(f"{RECORDED_VOICES[name].program} with that voice is not installed")
    language = RECORDED_VOICES[name].language
    delivery = Delivery(language, language, name, 170, 50, 50, RecordedVoices())
    first, again = (make_clip(1_000_003, "test", 60, delivery=delivery) for _ in range(2))
    assert np.array_equal(first.samples, again.samples) and first.phonemes == again.phonemes
    loud = [
        np.abs(first.samples[int(16000 * event.start) : int(16000 * event.end)]).mean()
        for event in first.phonemes
        if event.end - event.start > 0.05
    ]
    spoken = [event.symbol != SILENCE for event in first.phonemes if event.end - event.start > 0.05]
    silent = [level for level, said in zip(loud, spoken) if not said]
    assert np.mean([level for level, said in zip(loud, spoken) if said]) > 5 * np.mean(silent)


def test_espeak_and_a_recorded_voice_share_the_clip_but_for_the_voice():
    if shutil.which("flite") is None:
        pytest.skip("flite is not installed")
    plain = make_clip(1_000_004, "test", 40)
    other = make_clip(1_000_004, "test", 40, delivery=Delivery("en", "en", "rms", 170, 50, 50, RecordedVoices()))
    assert other.identity == plain.identity and other.emotion == plain.emotion and other.voice == "rms"
