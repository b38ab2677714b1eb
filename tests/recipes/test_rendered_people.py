"""Rendered people as training data: whole, the same from the same seed, and going on where it stopped."""

from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("numba")
pytest.importorskip("espeakng_loader")

from emotivetalk_core.recipes.rendered_people import RenderedSettings, _make_shard, prepare_rendered_people
from emotivetalk_core.synthesis.clip import IDENTITY_SEEDS
from emotivetalk_core.synthesis.people.person import sample_person
from emotivetalk_core.synthesis.people.truth import LANDMARKS
from emotivetalk_core.training.source import Source
from emotivetalk_core.training.source_writer import SourceWriter

TINY = RenderedSettings(
    stills=2,
    stills_each=2,
    clips=1,
    clip_frames=3,
    references=1,
    held_out_stills=1,
    held_out_clips=0,
    picture=32,
    workers=0,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("rendered")
    prepare_rendered_people(folder, 3, TINY)
    return folder


def test_every_kind_is_there_with_its_truth(folder: Path):
    source = Source.open(folder)
    assert {kind: len(source.clips(kind)) for kind in ("stills", "turned", "clips", "portraits")} == {
        "stills": 2, "turned": 2, "clips": 1, "portraits": 1,
    }  # fmt: skip
    (clip,) = source.clips("clips", "pictures", "samples", "landmarks", "face_units")
    assert source.read(clip, "pictures").shape == (3, 32, 32, 3)
    assert source.read(clip, "landmarks").shape == (3, len(LANDMARKS), 2)
    assert source.read(clip, "face_units").shape == (3, 52)
    assert clip.portraits == "portraits/00000" and len(source.clips("stills", held_out=True)) == 1


def test_people_held_out_are_of_the_test_split(folder: Path):
    source = Source.open(folder)
    for clip in source.clips("stills", held_out=None):
        low, high = IDENTITY_SEEDS["test" if clip.held_out else "train"]
        assert low <= int(clip.person.removeprefix("rendered-")) < high
        assert sample_person(int(clip.person.removeprefix("rendered-"))).seed == int(clip.person.split("-")[1])


def test_a_stopped_run_goes_on_and_makes_the_same(folder: Path, tmp_path: Path):
    there = SourceWriter(folder).shards()
    before = {name: (folder / name).stat().st_mtime_ns for name in there}
    prepare_rendered_people(folder, 3, TINY)
    assert {name: (folder / name).stat().st_mtime_ns for name in there} == before
    tmp_path.mkdir(exist_ok=True)
    SourceWriter(tmp_path).add(_make_shard("stills", tmp_path, "again.safetensors", [0], 3, TINY))
    first, again = Source.open(folder), Source.open(tmp_path)
    for name in ("pictures", "landmarks", "mouth"):
        clips = (source.by_id["stills/00000"] for source in (first, again))
        one, other = (source.read(clip, name) for source, clip in zip((first, again), clips, strict=True))
        assert torch.equal(one, other)
    assert np.ptp(first.read(first.by_id["stills/00000"], "pictures").numpy()) > 100
