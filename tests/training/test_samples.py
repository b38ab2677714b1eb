"""What is drawn for a step: frames of many clips, and how strong the noise is."""

import dataclasses
import pickle

import pytest
import torch

from emotivetalk_core.errors import InputError, SettingsError
from emotivetalk_core.recipes import demo
from emotivetalk_core.training.denoising import NoiseLaw, RegionWeights, eyes_of, latent_masks
from emotivetalk_core.training.loop import Engine
from emotivetalk_core.training.samples import Batches
from emotivetalk_core.training.source import Clip, Source
from emotivetalk_core.training.source_writer import SourceWriter, WrittenClip, write_shard
from emotivetalk_core.training.undrawn import Frames


@pytest.fixture
def frames(tmp_path) -> Frames:
    """Frames of twelve people, 64 to a sample; what each shows is the number of the person."""
    widths = {"mouth": 5, "action_units": 2, "pose": 6, "eye": 3, "lip": 4, "expression": 2}
    clips = [
        WrittenClip(Clip(f"c{i}", f"p{i}", "clips", 20), {name: torch.full((20, d), i) for name, d in widths.items()})
        for i in range(12)
    ]
    SourceWriter(tmp_path).add(write_shard(tmp_path, "c.safetensors", clips))
    settings = dataclasses.replace(demo.RECIPE.stages["undrawn"].settings, frames=64)
    return Frames(Source.open(tmp_path), settings, held_out=False)


def test_frames_of_one_step_are_of_many_clips(frames):
    """Those of few clips teach the stand-in of undrawn clips less: its loss stayed a third higher."""
    sample = frames.draw(0, 0, torch.Generator().manual_seed(2))
    assert sample["truth"].shape == (64, 16) and sample["latents"].shape == (64, 6)
    assert torch.equal(sample["truth"][:, :6], sample["latents"].float())  # of the same frame
    assert len(sample["truth"][:, 0].unique()) > 8


def test_a_third_of_the_noise_levels_is_strong():
    levels = NoiseLaw().draw(4000, torch.Generator().manual_seed(0))
    # a third lies evenly in ln sigma between 5 and 700, 0.64 of it above 30; of the rest, ln N(0.7, 1.6²), 0.046 does
    assert 0.20 < float((levels > 30).float().mean()) < 0.32


def test_eyes_count_where_the_portrait_has_them(tmp_path):
    """Eyes 20 pixels of 64 apart reach 9 to either side, 6 up and down: half as far in a picture half as large."""
    points = torch.tensor([[[22.0, 24.0], [42.0, 24.0], [32.0, 44.0]]])
    drawn = Clip("drawn", "p", "stills", 1), {"eyes_mouth": points, "pictures": torch.zeros(1, 64, 64, 3).byte()}
    unknown = Clip("unknown", "p", "stills", 1), {"pictures": torch.zeros(1, 64, 64, 3).byte()}
    written = [WrittenClip(clip, fields) for clip, fields in (drawn, unknown)]
    SourceWriter(tmp_path).add(write_shard(tmp_path, "c.safetensors", written))
    source = Source.open(tmp_path)

    expected = torch.zeros(1, 1, 32, 32)
    expected[..., 9:15, 6:25] = 1  # rows 12 ± 3, columns 11 ± 4.5 and 21 ± 4.5, by the pixels' centres
    expected[..., 15] = 0
    mask = eyes_of(source, source.by_id["drawn"], 0, 32)
    assert torch.equal(mask, expected)
    assert not eyes_of(source, source.by_id["unknown"], 0, 32).any()

    (small,) = latent_masks(8, mask)
    none = torch.zeros_like(small)
    weight = RegionWeights(face=2, lips=5, eyes=4).of(none, none, small)
    assert torch.equal(weight, 1 + 4 * small) and small[0, 0, 2:4, 1:7].all() and small.sum() == 12


@pytest.mark.parametrize("first", [0, 5])
def test_loaders_draw_the_very_batches_in_their_order(frames, first):
    """From the beginning, and from where a training is taken up, of one process's share in two parts."""
    batches = Batches(frames, 3, 8, 1, 2, 2)
    expected, found = (list(batches.ahead(first, 9, loaders)) for loaders in (0, 2))
    assert len(found) == len(expected) == 9 - first
    for step, (mine, other) in enumerate(zip(expected, found, strict=True), first):
        assert len(mine) == len(other) == 2
        for part, again, drawn in zip(mine, other, batches.of(step), strict=True):
            assert part.keys() == again.keys() and not torch.equal(mine[0]["truth"], mine[1]["truth"])
            assert all(torch.equal(part[name], again[name]) and torch.equal(part[name], drawn[name]) for name in part)
    assert list(batches.ahead(9, 9, 2)) == list(batches.ahead(9, 9)) == []


class Missing:
    """Samples that are not there from the fourth step on."""

    def draw(self, step: int, index: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
        if step == 3:
            raise InputError("The shard is cut off; copy it again.")
        return {"step": torch.tensor([step])}


@pytest.mark.parametrize("loaders", [0, 2])
def test_what_is_wrong_with_the_data_is_said_as_it_is_by_loaders_too(loaders):
    drawn = Batches(Missing(), 0, 1, 0, 1, 1).ahead(0, 6, loaders)
    assert [int(next(drawn)[0]["step"]) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(InputError) as told:
        next(drawn)
    assert str(told.value) == "The shard is cut off; copy it again."


def test_what_draws_can_be_handed_to_a_process_that_is_not_forked(frames):
    """As loaders are where nothing is forked: on Windows, on macOS, and by Python 3.14."""
    again = pickle.loads(pickle.dumps(Batches(frames, 3, 8, 0, 1, 1)))
    assert torch.equal(again.of(4)[0]["truth"], Batches(frames, 3, 8, 0, 1, 1).of(4)[0]["truth"])


def test_fewer_loaders_than_none_are_refused():
    with pytest.raises(SettingsError, match=r"^loaders is -1; give a number of at least 0[^\n]*$"):
        Engine(loaders=-1)
