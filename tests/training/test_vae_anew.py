"""The stage `pictures`: what its samples are, what its latents are held to, and where pictures count."""

import contextlib
from dataclasses import replace

import pytest
import torch
from torch.nn import functional

from emotivetalk_core.models.vae import finer_vae
from emotivetalk_core.models.vae_network import VAEConfig, build_vae
from emotivetalk_core.models.wider import wider_vae
from emotivetalk_core.training.decoder import CLIP, picture_differences
from emotivetalk_core.training.loop import LoopSettings
from emotivetalk_core.training.patch_judge import PatchJudge
from emotivetalk_core.training.samples import keyed_generator
from emotivetalk_core.training.source import Clip, Source
from emotivetalk_core.training.source_writer import SourceWriter, WrittenClip, write_shard
from emotivetalk_core.training.vae_anew import AnewSettings, AutoencodingAnew, FinePictures, places_that_count

SIDE, FINER = 16, 2
TINY = VAEConfig(block_channels=(8, 8), layers_per_block=1, norm_groups=2, finer=FINER)
SETTINGS = AnewSettings(LoopSettings(steps=8, batch=2), judged=0.0, face=2.0, eyes=7.0, lips=4.0)
FACE, LIPS = [4.0, 4.0, 12.0, 12.0], [7.0, 10.0, 9.0, 11.0]
SPOTS = [[6.0, 6.0], [10.0, 6.0], [8.0, 10.5]]


def _places(side: int) -> torch.Tensor:
    """A picture [s, s, 3] that shows row, column and nothing."""
    rows = torch.stack(torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij"), -1)
    return torch.cat([rows, torch.zeros(side, side, 1)], -1).to(torch.uint8)


@pytest.fixture
def source(tmp_path) -> Source:
    """A person's stills and film, and a drawn head that the backbone has filmed; pictures and latents show places."""
    fine, small = _places(FINER * SIDE), _places(SIDE)

    def each(row: torch.Tensor, count: int) -> torch.Tensor:
        return row.expand(count, *row.shape).contiguous()

    truth = {"face_box": torch.tensor(FACE), "lip_box": torch.tensor(LIPS), "eyes_mouth": torch.tensor(SPOTS)}
    written = [
        WrittenClip(
            Clip(f"{kind}/0", "anna", kind, 6),
            {"pictures": each(small, 6), "fine": each(fine, 6), **{k: each(v, 6) for k, v in truth.items()}, **more},
        )
        for kind, more in (("rendered_stills", {"twin": each(small, 6)}), ("rendered_clips", {}))
    ]
    filmed = fine[:: 2 * FINER, :: 2 * FINER].permute(2, 0, 1).half()
    written.append(
        WrittenClip(Clip("filmed/0", "ben", "filmed", 6), {"pictures": each(fine, 6), "filmed": each(filmed, 6)})
    )
    SourceWriter(tmp_path).add(write_shard(tmp_path, "all.safetensors", written))
    return Source.open(tmp_path)


@pytest.mark.parametrize(("step", "shape"), [(0, (CLIP, 1, 16)), (1, (1, CLIP, 16)), (6, (2, 1, 32)), (7, (1, 2, 32))])
def test_stills_and_films_take_turns_and_are_whole_in_the_end(source, step, shape):
    sample = FinePictures(source, SETTINGS, TINY, SIDE, held_out=False).draw(step, 0, keyed_generator(1, step))
    pieces, frames, side = shape
    assert sample["target"].shape == (pieces, frames, 3, side, side)
    assert sample["weight"].shape == (pieces, frames, 1, side, side)
    assert sample["twin"].shape == (1, 3, SIDE, SIDE) and not sample["drawn"].any()


def test_what_the_backbone_made_is_of_the_place_that_is_shown(source):
    films = FinePictures(source, replace(SETTINGS, made=1.0), TINY, SIDE, held_out=False)
    sample = films.draw(1, 1, keyed_generator(1, 4))
    assert sample["made"].all() and sample["drawn"].all()
    torch.testing.assert_close(sample["filmed"][0, 0, :2], sample["target"][0, 0, :2, :: 2 * FINER, :: 2 * FINER] * 255)


def test_eyes_lips_and_face_count_as_much_as_they_are_said_to(source):
    sample = FinePictures(source, SETTINGS, TINY, SIDE, held_out=False).draw(6, 0, keyed_generator(1, 6))
    weight = sample["weight"][0, 0, 0]  # the boxes are told in pixels of the small pictures
    at = {name: float(weight[FINER * y, FINER * x]) for name, (x, y) in {"rest": (2, 2), "face": (5, 11)}.items()}
    assert at == {"rest": 1.0, "face": 2.0}
    assert float(weight[2 * 6, 2 * 6]) == float(weight[2 * 6, 2 * 10]) == 7.0
    assert float(weight[2 * 10, 2 * 8]) == 4.0


def test_places_that_count_lie_where_they_are_said_to():
    """Two pictures: eyes 10 and 20 apart reach 4.5 and 3, and twice that, to all sides; they go over lips, lips over
    the face, and a box has its first row and not its last.
    """
    face = torch.tensor([[0.0, 0.0, 30.0, 32.0], [2.0, 3.0, 5.0, 7.0]])
    lips = torch.tensor([[10.0, 12.0, 20.0, 28.0], [20.0, 20.0, 22.0, 23.0]])
    spots = torch.tensor([[[8.0, 14.0], [18.0, 14.0], [13.0, 20.0]], [[6.0, 12.0], [26.0, 12.0], [16.0, 24.0]]])
    found = places_that_count(torch.ones(2, 32, 32), (face, lips), spots, face=2.0, lips=3.0, eyes=7.0)
    expected = torch.ones(2, 32, 32)
    expected[0, :, :30] = 2
    expected[0, 12:28, 10:20] = 3
    expected[0, 11:17, 4:13] = expected[0, 11:17, 14:23] = 7  # 8 - 4.5 = 3.5, 8 + 4.5 = 12.5
    expected[1, 3:7, 2:5] = 2
    expected[1, 20:23, 20:22] = 3
    expected[1, 6:18, :15] = expected[1, 6:18, 17:] = 7
    assert torch.equal(found, expected)


def test_pictures_finer_than_they_are_decoded_are_made_smaller(source):
    films = FinePictures(source, SETTINGS, replace(TINY, finer=1), SIDE, held_out=False)
    sample = films.draw(6, 0, keyed_generator(1, 6))
    assert sample["target"].shape[-1] == SIDE and sample["weight"].shape[-1] == SIDE
    # two rows 2 i and 2 i + 1 have the mean 2 i + 0.5, which is stored as a whole number
    torch.testing.assert_close(sample["target"][0, 0, 0, :, 0] * 255, 2.0 * torch.arange(SIDE) + 0.5, atol=0.51, rtol=0)
    assert float(sample["weight"][0, 0, 0, 6, 6]) == 7.0


def test_differences_are_those_of_the_places_that_count():
    target = torch.zeros(1, 3, 8, 8)
    decoded = target.clone()
    decoded[..., :4] = 0.5  # left half wrong
    right = torch.zeros(1, 1, 8, 8)
    right[..., 5:] = 1.0
    assert float(picture_differences(decoded, target)[1]["pixel"]) == pytest.approx(0.25)
    _, figures = picture_differences(decoded, target, right)
    assert float(figures["pixel"]) == 0 and float(figures["edges"]) == 0
    _, left = picture_differences(decoded, target, right.flip(-1))
    assert float(left["pixel"]) == pytest.approx(0.5)


def _objective(channels: int = 4, **said: float) -> AutoencodingAnew:
    torch.manual_seed(0)
    before = build_vae(replace(TINY, finer=1))
    vae = wider_vae(finer_vae(before, FINER), channels)
    settings = replace(SETTINGS, noise=0.0, **said)
    return AutoencodingAnew(vae, before, PatchJudge(4), settings, contextlib.nullcontext).train()


def _batch(source: Source, step: int, index: int = 0, made: float = 0.0, channels: int = 4) -> dict[str, torch.Tensor]:
    films = FinePictures(source, replace(SETTINGS, made=made), TINY, SIDE, held_out=False)
    # the batch's samples follow one another, as the loop has them
    sample = films.draw(step, index, keyed_generator(2, step, index))
    filmed = sample["filmed"]
    shown = min(filmed.shape[2], channels)
    latents = torch.zeros(*filmed.shape[:2], channels, *filmed.shape[3:])
    latents[:, :, :shown] = filmed[:, :, :shown]
    return {**sample, "filmed": latents, "noise": torch.zeros_like(latents)}


def test_pictures_come_to_look_right_and_latents_stay_as_far_as_they_are_held(source):
    moved = {}
    for held in ("neither", "kept", "near"):
        objective = _objective(
            **{"kept": 0.0, "near": 0.0, held: 30.0} if held != "neither" else {"kept": 0, "near": 0}
        )
        batch = {**_batch(source, 0), "twin": torch.rand(1, 3, SIDE, SIDE, generator=keyed_generator(4))}
        before = objective._teacher[0].encode(batch["twin"] * 2 - 1).mean.detach()
        optimiser = torch.optim.Adam(objective.vae.parameters(), 3e-3)
        first = _told(objective, batch)
        assert first["kept"] == first["near"] == 0
        for _ in range(16):
            optimiser.zero_grad()
            objective(batch).loss.backward()
            optimiser.step()
        moved[held] = last = _told(objective, batch)
        assert last["pixel"] < 0.6 * first["pixel"]
        assert torch.equal(objective._teacher[0].encode(batch["twin"] * 2 - 1).mean, before)
    assert moved["kept"]["kept"] < 0.2 * moved["neither"]["kept"]
    assert moved["near"]["near"] < 0.2 * moved["neither"]["near"]


def _told(objective: AutoencodingAnew, batch: dict[str, torch.Tensor]) -> dict[str, float]:
    return {name: float(value.detach()) for name, value in objective(batch).figures.items()}


def test_latents_that_the_backbone_made_teach_the_encoder_nothing(source):
    objective = _objective(kept=0.0, near=0.0)
    objective(_batch(source, 1, index=1, made=1.0)).loss.backward()
    assert all(
        parameter.grad is None or not parameter.grad.any()
        for name, parameter in objective.vae.named_parameters()
        if name.startswith(("encoder", "quant_conv"))
    )
    assert any(p.grad is not None and p.grad.any() for p in objective.vae.decoder.parameters())


def test_the_judge_is_heard_from_its_share_of_the_steps_on(source):
    objective = _objective(judged=0.5, judged_from=0.5)
    batch = _batch(source, 0)
    told = ["doubt" in objective(batch).figures for _ in range(6)]
    assert told == [False] * 4 + [True] * 2


def test_new_channels_are_held_at_the_level_of_the_others_and_those_before_where_they_were(source):
    batch, losses = _batch(source, 0, channels=6), {}
    for level in (0.0, 3.0):
        objective = _objective(channels=6, level=level)
        outcome = objective(batch)
        losses[level] = float(outcome.loss.detach())
        told = _told(objective, batch)
        assert told["near"] == pytest.approx(0, abs=1e-9) and told["kept"] == pytest.approx(0, abs=1e-9)
    with torch.no_grad():
        mode = objective.vae.encode(functional.avg_pool2d(batch["target"].flatten(0, 1), FINER) * 2 - 1).mean
    new = TINY.scaling_factor * mode[:, 4:]
    off = new.mean((0, 2, 3)).square() + (new.var((0, 2, 3)) - 1).square()  # a constant of 1 is no level of 1
    assert told["level"] == pytest.approx(float(off.mean()), rel=1e-4) and told["level"] > 0.1
    assert losses[3.0] - losses[0.0] == pytest.approx(3 * told["level"], rel=1e-4)
    outcome.loss.backward()
    assert bool(objective.vae.quant_conv.weight.grad[4:6].any())  # rows of the means of the new channels
    assert "level" not in _told(_objective(), _batch(source, 0))  # nothing is new, nothing is held
