"""The stage `decoder`: what its samples are, and that a judge's word counts when it should."""

import contextlib
from dataclasses import replace

import pytest
import torch

from emotivetalk_core.models.vae import decode_frames, finer_vae
from emotivetalk_core.models.vae_network import VAEConfig, build_vae
from emotivetalk_core.training.decoder import CLIP, DecoderFilms, DecoderSettings, Decoding, Judging
from emotivetalk_core.training.loop import LoopSettings
from emotivetalk_core.training.patch_judge import PatchJudge, judging_loss
from emotivetalk_core.training.samples import keyed_generator
from emotivetalk_core.training.source import Clip, Source
from emotivetalk_core.training.source_writer import SourceWriter, WrittenClip, write_shard

TINY = VAEConfig(block_channels=(8, 8), layers_per_block=1, norm_groups=2)
SETTINGS = DecoderSettings(LoopSettings(steps=10, batch=2), judged=0.5, judged_from=0.5)


def test_a_judge_that_is_sure_by_a_margin_of_one_learns_nothing_more():
    assert judging_loss(torch.tensor([1.0, 3.0]), torch.tensor([-1.0, -2.0])) == 0
    assert judging_loss(torch.tensor([0.5]), torch.tensor([-0.5])) == 0.5


@pytest.fixture
def films(tmp_path):
    """One clip whose pictures show their place, and whose latents, made or not, do as well."""
    side, scale = 8, 4
    places = torch.arange(side * scale)
    pictures = torch.stack(torch.meshgrid(places, places, indexing="ij"), -1)
    pictures = torch.cat([pictures, torch.zeros(side * scale, side * scale, 1)], -1).to(torch.uint8)
    rows = pictures[::scale, ::scale].permute(2, 0, 1).half()
    fields = {
        "pictures": pictures.expand(6, -1, -1, -1).contiguous(),
        "latents": rows.expand(6, -1, -1, -1).contiguous(),
        "filmed": (rows + 0.5).expand(6, -1, -1, -1).contiguous(),
    }
    writer = SourceWriter(tmp_path)
    clip = Clip("filmed/0", "anna", "filmed", 6)
    writer.add(write_shard(tmp_path, "filmed-0.safetensors", [WrittenClip(clip, fields)]))
    source = Source.open(tmp_path)
    return lambda made: DecoderFilms(source, replace(SETTINGS, made=made), replace(TINY, finer=2), held_out=False)


@pytest.mark.parametrize("made", [0.0, 1.0])
@pytest.mark.parametrize(("step", "frames", "cut"), [(0, CLIP, 4), (9, CLIP // 2, 8)])
def test_latents_and_pictures_are_of_one_place(films, made, step, frames, cut):
    sample = films(made).draw(step, 3, keyed_generator(1, step))
    latents, target = sample["latents"], sample["target"]
    assert latents.shape == (1, frames, 3, cut, cut) and target.shape == (1, frames, 3, 4 * cut, 4 * cut)
    torch.testing.assert_close(latents[0, 0] - made / 2, target[0, 0, :, ::4, ::4] * 255)


def test_the_judge_is_heard_from_its_share_of_the_steps_on():
    torch.manual_seed(0)
    vae = finer_vae(build_vae(TINY), 2)
    objective = Decoding(vae, PatchJudge(4), SETTINGS, contextlib.nullcontext)
    batch = {"latents": torch.randn(1, 2, 4, 8, 8), "target": torch.rand(1, 2, 3, 32, 32)}
    told = ["doubt" in objective(batch).figures for _ in range(7)]
    assert told == [False] * 5 + [True] * 2
    outcome = objective(batch)
    assert outcome.handed is not None and not outcome.handed["made"].requires_grad
    wanted = decode_frames(vae, batch["latents"][0] * TINY.scaling_factor).detach()
    torch.testing.assert_close(outcome.handed["made"], wanted, rtol=1e-4, atol=1e-4)
    assert {name.split(".")[0] for name, _ in objective.named_parameters()} == {"decoder"}
    assert Judging(objective._judge[0])(outcome.handed).loss.requires_grad
