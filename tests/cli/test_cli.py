"""The command line end to end, with tiny untrained networks: options, files, stages, and the last line."""

import argparse
import gc
import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest
import torch
from safetensors.torch import save_file

from emotivetalk_core.cli import main
from emotivetalk_core.cli.main import build_parser
from emotivetalk_core.cli.performance import profiled, uncollected
from emotivetalk_core.direction.take import Take
from emotivetalk_core.types import ExpressionLatents
from emotivetalk_core.video.reader import read_video_facts
from emotivetalk_core.weight_files.manifest import write_manifest


@pytest.fixture
def talk(portrait_file, recording_file, tiny_weights):
    """The arguments of a good call; more can be added."""
    return [
        "talk",
        *("--portrait", str(portrait_file)),
        *("--audio", str(recording_file)),
        *("--weights", str(tiny_weights)),
        *("--device", "cpu"),
    ]


def test_talk_writes_the_whole_picture_as_long_as_the_speech(talk, tmp_path, capsys):
    assert main([*talk, "--emotion", "happy", "--out", str(tmp_path / "talk.mp4")]) == 0
    facts = read_video_facts(tmp_path / "talk.mp4")
    assert (facts.width, facts.height, facts.frames, facts.frames_per_second) == (256, 256, 20, 25)
    assert [file.name for file in tmp_path.iterdir()] == ["talk.mp4"]
    printed = capsys.readouterr()
    assert printed.out.splitlines()[-1].endswith(str(tmp_path / "talk.mp4"))
    stages = ("reading", "audio features", "expression", "portrait", "video, 3 windows × 2 steps", "decoding")
    for stage in stages:
        assert stage in printed.err
    foretold = re.search("About [0-9.]+ s to decode the 20 frames", printed.err)
    assert foretold is not None and foretold.start() < printed.err.index(stages[4]), "before it is sampled"


def test_crop_size_and_sampling_options_are_heeded(talk, tmp_path, capsys):
    options = ["--crop", "--steps", "1", "--window", "20", "--overlap", "0", "--grid", "ays", "--seed", "3"]
    assert main([*talk, *options, "--out", str(tmp_path / "crop.mkv")]) == 0
    assert read_video_facts(tmp_path / "crop.mkv").width == 64
    assert "1 window × 1 step" in capsys.readouterr().err
    assert main([*talk, "--size", "100", "--quiet", "--out", str(tmp_path / "small.mp4")]) == 0
    assert read_video_facts(tmp_path / "small.mp4").width == 100
    assert capsys.readouterr().err == ""


def test_a_face_box_chooses_the_face(talk, tmp_path):
    box = ["--face-box", "-10", "20", "60.5", "120"]
    assert main([*talk, *box, "--steps", "1", "--quiet", "--out", str(tmp_path / "talk.mp4")]) == 0


def test_info_names_every_network(tiny_weights, capsys):
    assert main(["info", "--weights", str(tiny_weights), "--device", "cpu"]) == 0
    printed = capsys.readouterr().out
    for name in ("speech_encoder", "lip_projector", "motion_encoder", "dicte", "ethd", "vae", "emotion_codebook"):
        assert name in printed


def test_info_says_whether_the_files_are_those_of_the_manifest(tiny_weights, tmp_path, capsys):
    folder = tmp_path / "weights"
    shutil.copytree(tiny_weights, folder)

    def checksums():
        assert main(["info", "--weights", str(folder), "--device", "cpu"]) == 0
        return next(line for line in capsys.readouterr().out.splitlines() if line.startswith("checksums: "))

    (folder / "manifest.json").unlink(missing_ok=True)
    assert "there is no manifest.json" in checksums()
    write_manifest(folder)
    assert checksums() == "checksums: all files that manifest.json lists are unaltered"
    content = bytearray((folder / "vae.safetensors").read_bytes())
    content[-1] ^= 1
    (folder / "vae.safetensors").write_bytes(content)
    assert "vae.safetensors is not the file that the manifest names" in checksums()


def test_info_says_what_else_lies_in_the_folder_and_loads_no_network(tiny_weights, tmp_path, capsys):
    folder = tmp_path / "weights"
    folder.mkdir()
    for name in ("ethd", "vae", "emotion_codebook"):  # no whole model
        shutil.copy(tiny_weights / f"{name}.safetensors", folder)
    Take(ExpressionLatents(torch.zeros(3, 2))).save(folder / "smile.safetensors")
    shutil.copy(tiny_weights / "emotion_codebook.safetensors", folder / "my_moods.safetensors")
    save_file({"a": torch.zeros(1)}, folder / "lora.safetensors")
    (folder / "half.safetensors").write_bytes((folder / "vae.safetensors").read_bytes()[:-10])
    save_file({"a": torch.zeros(1)}, folder / "odd.safetensors", {"format": "emotivetalk-1", "network": "odd"})
    assert main(["info", "--weights", str(folder), "--device", "cpu"]) == 0
    said = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if " MB " in line}
    assert len(said) == 8 and "Apache-2.0  steps 0" in said["ethd"]
    assert "take: not part" in said["smile"] and "emotion_codebook: not part" in said["my_moods"]
    assert "another program" in said["lora"] and "cannot be read" in said["half"] and "cannot be read" in said["odd"]
    (folder / "ethd.safetensors").unlink()
    assert main(["info", "--weights", str(folder), "--device", "cpu"]) == 2
    assert "ethd.safetensors does not exist" in capsys.readouterr().err


def test_synthesize_writes_videos_with_their_truth(tmp_path, capsys):
    pytest.importorskip("espeakng_loader")
    assert main(["synthesize", "--clips", "1", "--seed", "4", "--out", str(tmp_path / "clips")]) == 0
    names = sorted(file.name for file in (tmp_path / "clips").iterdir())
    assert names == ["clip_00.json", "clip_00.mp4"]
    truth = json.loads((tmp_path / "clips" / "clip_00.json").read_text(encoding="utf-8"))
    assert len(truth["frames"]) == read_video_facts(tmp_path / "clips" / "clip_00.mp4").frames


def parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """It, and those of its verbs and of their actions."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for chosen in action.choices.values():
                yield from parsers(chosen)


@pytest.mark.parametrize("parser", list(parsers(build_parser())), ids=lambda parser: parser.prog)
def test_every_verb_explains_itself_in_groups_that_are_read_at_a_glance(parser, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    with pytest.raises(SystemExit) as stop:
        main([*parser.prog.split()[3:], "--help"])
    assert stop.value.code == 0
    usage, *said = capsys.readouterr().out.split("\n\n")
    assert usage.startswith(f"usage: {parser.prog}") and usage.count("\n") < 6 and said[0].strip()
    for group in parser._action_groups:
        options = [action for action in group._group_actions if not isinstance(action, argparse._SubParsersAction)]
        assert len(options) <= 9, group.title
        assert all(action.help for action in options)
        named = [action for action in options if action.option_strings and action.nargs != 0]
        assert [action.dest for action in named if action.metavar is None and not action.choices] in ([], ["device"])


def test_the_command_line_starts_without_heavy_imports():
    program = "import sys, emotivetalk_core.cli; print({'torch', 'av', 'diffusers'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_a_console_without_the_letters_of_a_name_is_no_end(tmp_path, monkeypatch):
    """Windows consoles of western Europe have 256 letters, and Japanese names have others."""
    portrait = tmp_path / "\u9854.png"
    portrait.write_bytes(b"no picture")
    console = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
    monkeypatch.setattr(sys, "stdout", console)
    assert main(["codebook", "sheet", "--chart", "--out", str(portrait)]) == 0
    console.flush()
    assert b"\\u9854.png" in console.buffer.getvalue()


@pytest.mark.parametrize(("policy", "told"), [(None, "1000"), ("ACTIVE", "None")])
def test_waiting_threads_are_told_to_rest_before_torch_is_read(policy, told, tmp_path):
    """And left alone where the environment says how they wait. The program ends where it first asks for torch."""
    program = (
        "import os, sys\n"
        "class Ask:\n"
        "    def find_spec(name, *_):\n"
        "        if name == 'torch':\n"
        "            os.write(1, str(os.environ.get('GOMP_SPINCOUNT')).encode())\n"
        "            os._exit(0)\n"
        "sys.meta_path.insert(0, Ask)\n"
        "from emotivetalk_core.cli.main import main\n"
        f"main(['talk', '--portrait', {str(tmp_path / 'no.png')!r}, '--audio', {str(tmp_path / 'no.wav')!r}])"
    )
    environment = {key: value for key, value in os.environ.items() if key not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")}
    environment |= {} if policy is None else {"OMP_WAIT_POLICY": policy}
    run = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert run.stdout == told, run.stderr


def test_a_profile_is_a_table_of_where_the_time_went(capsys):
    for wanted in (True, False):
        with profiled(wanted):
            assert float((torch.ones(8, 8) @ torch.ones(8, 8)).sum()) == 512
        assert ("aten::mm" in capsys.readouterr().err) is wanted


def test_no_garbage_is_looked_for_while_libraries_are_read(monkeypatch):
    """Nor later among what was read; in a process that has torch already all stays as it is."""
    frozen = gc.get_freeze_count()
    with uncollected():
        assert gc.isenabled()
    assert gc.get_freeze_count() == frozen
    monkeypatch.delitem(sys.modules, "torch")
    try:
        with uncollected():
            assert not gc.isenabled()
        assert gc.isenabled() and gc.get_freeze_count() > frozen
    finally:
        gc.unfreeze()
