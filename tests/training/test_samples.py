"""What is drawn for a step: frames of many clips, and how strong the noise is."""

import dataclasses

import torch

from emotivetalk_core.recipes import demo
from emotivetalk_core.training.denoising import NoiseLaw
from emotivetalk_core.training.source import Clip, Source
from emotivetalk_core.training.source_writer import SourceWriter, WrittenClip, write_shard
from emotivetalk_core.training.undrawn import Frames


def test_frames_of_one_step_are_of_many_clips(tmp_path):
    """Those of few clips teach the stand-in of undrawn clips less: its loss stayed a third higher."""
    widths = {"mouth": 5, "action_units": 2, "pose": 6, "eye": 3, "lip": 4, "expression": 2}
    clips = [
        WrittenClip(Clip(f"c{i}", f"p{i}", "clips", 20), {name: torch.full((20, d), i) for name, d in widths.items()})
        for i in range(12)
    ]
    SourceWriter(tmp_path).add(write_shard(tmp_path, "c.safetensors", clips))
    settings = dataclasses.replace(demo.RECIPE.stages["undrawn"].settings, frames=64)
    sample = Frames(Source.open(tmp_path), settings, held_out=False).draw(0, 0, torch.Generator().manual_seed(2))
    assert sample["truth"].shape == (64, 16) and sample["latents"].shape == (64, 6)
    assert torch.equal(sample["truth"][:, :6], sample["latents"].float())  # of the same frame
    assert len(sample["truth"][:, 0].unique()) > 8


def test_a_third_of_the_noise_levels_is_strong():
    levels = NoiseLaw().draw(4000, torch.Generator().manual_seed(0))
    # a third lies evenly in ln sigma between 5 and 700, 0.64 of it above 30; of the rest, ln N(0.7, 1.6²), 0.046 does
    assert 0.20 < float((levels > 30).float().mean()) < 0.32
