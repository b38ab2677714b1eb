"""Bad input of every kind through the command line: one sentence that names the file, status 2, nothing left behind."""

import os
import shutil
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from tiny import write_wav

from emotivetalk_core.cli import main
from emotivetalk_core.types import EMOTIONS

if sys.platform != "win32":
    from trainings import FORKS, as_program, command_line


@pytest.fixture
def files(tmp_path, portrait_file, recording_file, tiny_weights) -> dict[str, Path]:
    """Good inputs that each case spoils one of, and a folder for the result."""
    out = tmp_path / "out"
    out.mkdir()
    weights = tmp_path / "weights"
    shutil.copytree(tiny_weights, weights)
    return {
        "portrait": Path(shutil.copy(portrait_file, tmp_path)),
        "audio": Path(shutil.copy(recording_file, tmp_path)),
        "weights": weights,
        "out": out / "talk.mp4",
    }


def arguments(files: dict[str, Path], *more: str) -> list[str]:
    given = [text for name, path in files.items() for text in (f"--{name}", str(path))]
    return ["talk", *given, "--device", "cpu", *more]


def assert_refused(
    files: dict[str, Path], capsys: pytest.CaptureFixture[str], *words: str, more: tuple[str, ...] = ()
) -> None:
    folder = files["out"].parent
    before = sorted(folder.iterdir()) if folder.is_dir() else None
    assert main(arguments(files, *more)) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ") and said.count("\n") == 1 and said.endswith("\n"), said
    for word in words:
        assert word in said, said
    assert (sorted(folder.iterdir()) if folder.is_dir() else None) == before


def spoil_recording(path: Path, how: str) -> None:
    whole = path.read_bytes()
    if how == "missing":
        path.unlink()
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "head only":
        path.write_bytes(whole[:40])
    elif how == "truncated":
        path.write_bytes(whole[: len(whole) // 3])
    elif how == "text":
        path.write_text("not a recording\n" * 100)
    elif how == "no samples":
        write_wav(path, np.zeros(0))
    elif how == "nan":
        floats = np.full(16_000, np.nan, "<f4").tobytes()
        shape = struct.pack("<IHHIIHH", 16, 3, 1, 16_000, 64_000, 4, 32)  # kind 3 is float
        header = b"RIFF" + struct.pack("<I", len(floats) + 36) + b"WAVEfmt " + shape
        path.write_bytes(header + b"data" + struct.pack("<I", len(floats)) + floats)


@pytest.mark.parametrize("how", ["missing", "empty", "head only", "truncated", "text", "no samples", "nan"])
def test_a_bad_recording(files, capsys, how):
    spoil_recording(files["audio"], how)
    assert_refused(files, capsys, "speech.wav")


def test_a_picture_is_no_recording(files, capsys):
    files["audio"] = files["portrait"]
    assert_refused(files, capsys, "face.png", "no sound")


def spoil_portrait(path: Path, how: str) -> None:
    whole = path.read_bytes()
    if how == "missing":
        path.unlink()
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "truncated":
        path.write_bytes(whole[: len(whole) // 2])
    elif how == "text":
        path.write_text("not a picture\n" * 100)
    elif how == "one pixel":
        cv2.imwrite(str(path), np.zeros((1, 1, 3), np.uint8))
    elif how == "huge":
        cv2.imwrite(str(path), np.zeros((20_000, 20_000), np.uint8))
    elif how == "no face":
        cv2.imwrite(str(path), np.full((256, 256, 3), 120, np.uint8))


@pytest.mark.parametrize("how", ["missing", "empty", "truncated", "text", "one pixel", "huge"])
def test_a_bad_portrait(files, capsys, how):
    spoil_portrait(files["portrait"], how)
    assert_refused(files, capsys, "face.png")


def test_no_face_says_how_to_give_a_box(files, capsys):
    spoil_portrait(files["portrait"], "no face")
    assert_refused(
        files,
        capsys,
        "face.png: No face was found",
        "say where it is with --face-box LEFT TOP RIGHT BOTTOM, in pixels.",
    )


def test_a_face_box_outside_the_picture(files, capsys):
    for box, words in ((("900", "900", "1000", "1000"), "outside"), (("90", "90", "50", "100"), "no area")):
        assert_refused(files, capsys, "face.png", words, "--face-box LEFT TOP RIGHT BOTTOM", more=("--face-box", *box))


def test_a_way_out_that_the_command_line_does_not_have_is_not_named(files, capsys):
    spoil_portrait(files["portrait"], "no face")
    assert main(arguments(files)) == 2
    said = capsys.readouterr().err
    assert "mask" not in said and said.count("--face-box") == 1


def test_of_two_faces_the_largest_speaks_and_a_note_says_so(files, capsys, photograph):
    small = cv2.resize(photograph, (224, 224), interpolation=cv2.INTER_AREA)
    both = np.concatenate([photograph, np.pad(small, ((16, 16), (0, 0), (0, 0)), mode="edge")], axis=1)
    cv2.imwrite(str(files["portrait"]), both[:, :, ::-1])
    assert main(arguments(files, "--quiet")) == 0
    said = capsys.readouterr().out.splitlines()[0]
    assert said.startswith("note: ") and "face.png" in said and "2 faces" in said and "--face-box" in said


def test_silence_and_a_single_sample_are_allowed(files):
    for samples in (np.zeros(8_000), np.zeros(1)):
        write_wav(files["audio"], samples)
        assert main(arguments(files, "--quiet")) == 0


@pytest.mark.parametrize(
    "more,words",
    [
        (("--window", "6", "--overlap", "6"), ("overlap", "window")),
        (("--overlap", "9"), ("overlap", "window")),
        (("--window", "0"), ("window",)),
        (("--window", "many"), ("window", "many")),
        (("--steps", "0"), ("steps",)),
        (("--seed", "-1"), ("seed",)),
        (("--intensity", "nan"), ("intensity",)),
        (("--device", "abacus"), ("abacus", "cpu")),
        (
            ("--emotion", "grumpy"),
            ("grumpy", *EMOTIONS),
        ),
        (("--unheard-of", "1"), ("--unheard-of", "--help")),
    ],
)
def test_bad_settings(files, capsys, more, words):
    assert_refused(files, capsys, *words, more=more)


def test_a_missing_option(capsys):
    assert main(["talk", "--audio", "speech.wav"]) == 2
    said = capsys.readouterr().err
    assert "--portrait" in said and said.count("\n") == 1


def spoil_weights(folder: Path, how: str) -> None:
    file = folder / "dicte.safetensors"
    if how == "no folder":
        shutil.rmtree(folder)
    elif how == "missing":
        file.unlink()
    elif how == "truncated":
        file.write_bytes(file.read_bytes()[:-100])
    elif how == "of another network":
        shutil.copy(folder / "vae.safetensors", file)
    elif how == "wrong checksum":
        whole = bytearray(file.read_bytes())
        whole[-1] ^= 1
        file.write_bytes(whole)
    elif how == "pickled":
        file.write_bytes(b"\x80\x04" + b"." * 100)
    elif how == "empty":
        file.write_bytes(b"")


@pytest.mark.parametrize(
    "how", ["no folder", "missing", "truncated", "of another network", "wrong checksum", "pickled", "empty"]
)
def test_bad_weights(files, capsys, how):
    spoil_weights(files["weights"], how)
    name = str(files["weights"]) if how == "no folder" else "dicte.safetensors"
    assert_refused(files, capsys, name)


def test_an_output_that_cannot_be_written(files, capsys):
    blocker = files["out"].with_name("file")
    blocker.touch()
    for out in (blocker / "talk.mp4", files["out"].parent / "no" / "talk.mp4", files["out"].with_suffix(".txt")):
        assert_refused({**files, "out": out}, capsys, str(out))


def test_the_inputs_are_never_replaced(files, capsys):
    recording = files["audio"].with_suffix(".mov")
    files["audio"].rename(recording)
    assert_refused({**files, "audio": recording, "out": recording}, capsys, "speech.mov")
    assert recording.exists()


def test_as_a_program_too(files):
    files["audio"].write_bytes(b"")
    command = [sys.executable, "-m", "emotivetalk_core", *arguments(files)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=250)
    assert run.returncode == 2
    assert run.stdout == ""
    assert run.stderr.count("\n") == 1 and "speech.wav" in run.stderr
    assert list(files["out"].parent.iterdir()) == []


def on_a_small_disk(given: list[str], said: Path) -> None:
    """The command where no file can grow beyond 5 kB. Python ignores the signal that comes with the limit, so writing
    fails as on a full disk.
    """
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, resource.RLIM_INFINITY))
    command_line(given, {}, said)


@pytest.mark.skipif(sys.platform == "win32", reason="the limit on file sizes that stands for a full disk is POSIX")
def test_a_full_disk(files, tmp_path):
    process = FORKS.Process(target=on_a_small_disk, args=(arguments(files, "--quiet"), tmp_path / "said"))
    process.start()
    process.join(250)
    said = (tmp_path / "said").read_text()
    assert process.exitcode == 2
    assert said.count("\n") == 1 and "talk.mp4" in said and "space" in said
    assert list(files["out"].parent.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="signals as Ctrl-C sends them are POSIX")
def test_ctrl_c_stops_at_once_and_leaves_no_half_file(files, tmp_path):
    given, said = arguments(files, "--steps", "100000", "--quiet"), tmp_path / "said"
    process = FORKS.Process(target=as_program, args=(given, said))
    process.start()
    try:
        while not any(files["out"].parent.glob(".*.part")) and process.is_alive():
            time.sleep(0.05)  # pytest's own time limit ends this
        time.sleep(0.5)  # well into sampling
        pressed = time.monotonic()
        os.kill(process.pid, signal.SIGINT)
        process.join(60)
        assert time.monotonic() - pressed < 1.0
    finally:
        process.kill()
    assert process.exitcode == 130, said.read_text()
    assert "stopped" in said.read_text() and "Traceback" not in said.read_text()
    assert list(files["out"].parent.iterdir()) == []
