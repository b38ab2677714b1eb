"""`train voices` at the tiny size, by the command that users give, with espeak-ng alone: what hears learns anew from
weights that are there, and what sees stays.
"""

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

pytest.importorskip("espeakng_loader")

from emotivetalk_core.cli.main import main
from emotivetalk_core.errors import SettingsError
from emotivetalk_core.models.lip_projector import LipProjector, LipProjectorConfig
from emotivetalk_core.recipes import voices
from emotivetalk_core.recipes.heard_voices import VoicesSettings, prepare_voices
from emotivetalk_core.training.source import Source
from emotivetalk_core.weight_files.checkpoint import load_network

STEPS = 2
LOOP = {"steps": STEPS, "batch": 2, "warmup": 1, "average": 0.0, "validation_samples": 2}
DRAWN = {
    "still_identities": 2, "stills_each": 1, "clips": 1, "clip_frames": 40, "references": 1, "held_out_stills": 1,
    "held_out_clips": 1, "picture": 64, "workers": 0,
}  # fmt: skip
HEARD = {"clips": 3, "held_out": 1, "frames": 40, "recorded": 0.0, "unspoken": 0.4}


def said(rate: float) -> dict:
    return {
        "from": "voices",
        "preset": "tiny",
        "drawn": {"drawn": DRAWN, "heard": HEARD},
        "stages": {
            "speech_encoder": {"loop": {**LOOP, "learning_rate": rate}, "seconds": 0.5},
            "undrawn": {"loop": LOOP},
            "v_aid": {"loop": {**LOOP, "learning_rate": rate}, "lip_frames": 12, "club_width": 16},
            "lips": {"loop": {**LOOP, "learning_rate": rate}, "lip_frames": 12},
            "expression": {"loop": {**LOOP, "learning_rate": rate}},
        },
    }


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, tiny_trained: Path) -> Path:
    folder = tmp_path_factory.mktemp("voices")
    (folder / "few.json").write_text(json.dumps(said(1e-9)))
    command = ["train", str(folder / "few.json"), "--start", str(tiny_trained), "--out", str(folder / "out")]
    assert main([*command, "--precision", "float32"]) == 0
    return folder / "out"


def test_what_hears_begins_with_the_weights_that_are_there(trained: Path, tiny_trained: Path):
    """By so small a rate that it has not gone anywhere yet; lids are measured anew."""
    for name in ("speech_encoder", "lip_projector", "dicte"):
        now, before = load_file(trained / f"{name}.safetensors"), load_file(tiny_trained / f"{name}.safetensors")
        assert now.keys() == before.keys()
        for key, value in now.items():
            assert key == "lids" or torch.allclose(value, before[key], atol=1e-4), (name, key)
        assert any(not torch.equal(value, before[key]) for key, value in now.items()), name


def test_the_halves_go_on_alone(trained: Path):
    for name, written in (("lips", "lip_projector"), ("expression", "dicte")):
        (log,) = (trained / "training").glob(f"{name}.log.jsonl")
        assert json.loads(log.read_text().splitlines()[-1])["step"] == STEPS
        alone, placed = (
            load_file(trained / f"training/{name}.safetensors"),
            load_file(trained / f"{written}.safetensors"),
        )
        assert alone.keys() == placed.keys() and all(torch.equal(alone[key], placed[key]) for key in alone)


def test_what_sees_stays_as_it_came(trained: Path, tiny_trained: Path):
    for name in voices.RECIPE.stages["given"].settings.names:
        assert (trained / f"{name}.safetensors").read_bytes() == (tiny_trained / f"{name}.safetensors").read_bytes()
    projector = load_network(trained / "lip_projector.safetensors", "lip_projector", LipProjector, LipProjectorConfig)
    assert not projector.training


def test_each_clip_is_heard_as_it_is_and_in_other_surroundings(trained: Path):
    source = Source.open(trained / "training" / "data", trained / "training" / "features")
    clips = source.clips("speech", "speech", "speech_1", "lip", "expression")
    assert len(clips) == 3 and source.clips("clips", "speech", "speech_1")
    for clip in clips:
        assert not torch.equal(source.read(clip, "speech"), source.read(clip, "speech_1"))
    unspoken = [clip for clip in clips if not source.read(clip, "samples").any()]
    assert 0 < len(unspoken) < 3
    for clip in unspoken:
        assert not source.read(clip, "mouth")[:, 0].any() and not source.read(clip, "phonemes").any()


def test_voices_from_recordings_are_asked_for_before_anything_is_made(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SettingsError, match="apt-get install"):
        prepare_voices(tmp_path / "data", 3, VoicesSettings(clips=1, held_out=0, frames=20), None)
    assert not list((tmp_path / "data").glob("*.safetensors"))
    few = dataclasses.replace(VoicesSettings(clips=1, held_out=0, frames=20), recorded=0.0)
    prepare_voices(tmp_path / "data", 3, few, None)
    assert list((tmp_path / "data").glob("*.safetensors"))
