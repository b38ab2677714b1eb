"""The stage `retouch`: what its samples are, and that a network comes to see what the portrait still holds."""

import contextlib
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from emotivetalk_core.errors import InputError, SettingsError
from emotivetalk_core.face.detail import DetailTransfer
from emotivetalk_core.face.resizing import resized
from emotivetalk_core.face.retouch import warped
from emotivetalk_core.models.motion_encoder import MotionEncoder
from emotivetalk_core.models.retoucher import Retoucher, RetoucherConfig
from emotivetalk_core.recipes.tiny import TINY
from emotivetalk_core.training.loop import LoopSettings
from emotivetalk_core.training.patch_judge import PatchJudge
from emotivetalk_core.training.retouching import (
    Retouching,
    RetouchingSettings,
    RetouchSamples,
    blended,
    lightness_off,
    moved,
    tinted,
)
from emotivetalk_core.training.samples import keyed_generator
from emotivetalk_core.training.source import Clip, Source
from emotivetalk_core.training.source_writer import SourceWriter, WrittenClip, write_shard
from emotivetalk_core.training.vae_anew import places_that_count

ROWS, SEEN, SIDE = 3, 16, 32
CONFIG = RetoucherConfig(channels=(8, 8), norm_groups=4)
SETTINGS = RetouchingSettings(LoopSettings(steps=4, batch=2), CONFIG, soft=0.0, moved=0.0, blended=0.0, tinted=0.0)
KINDS = SETTINGS.kinds
BOXES = {
    "face_box": torch.tensor([3.0, 4.0, 10.0, 12.0]),
    "lip_box": torch.tensor([4.0, 9.0, 8.0, 11.0]),
    "eyes_mouth": torch.tensor([[4.0, 6.0], [8.0, 6.0], [6.0, 10.0]]),
}


def shown(number: int, rows: int, side: int) -> torch.Tensor:
    """Smooth pictures uint8 [n, s, s, 3], of each number others."""
    values = torch.rand(rows, 3, 8, 8, generator=keyed_generator(number))
    return (255 * F.interpolate(values, size=(side, side), mode="bilinear")).round().byte().movedim(1, -1).contiguous()


def folder_of(folder, *, frames: int = SIDE, true: int = SIDE, kinds: tuple[str, ...] = KINDS) -> Source:
    """A film of each kind."""
    clips = []
    for number, kind in enumerate(kinds):
        fields = {
            "made": shown(4 * number, ROWS, frames),
            "fine": shown(4 * number + 1, ROWS, true),
            "portrait_fine": shown(4 * number + 2, 1, true),
            "portrait_pictures": shown(4 * number + 3, 1, SEEN),
            **{name: value.expand(ROWS, *value.shape).contiguous() for name, value in BOXES.items()},
        }
        clips.append(WrittenClip(Clip(f"{kind}/0", f"person {number}", kind, ROWS), fields))
    SourceWriter(folder).add(write_shard(folder, "all.safetensors", clips))
    return Source.open(folder)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    return folder_of(tmp_path_factory.mktemp("films"))


def drawn(source: Source, number: int, **changes: float) -> dict[str, torch.Tensor]:
    samples = RetouchSamples(source, replace(SETTINGS, **changes), held_out=False)
    return samples.draw(number, number, keyed_generator(3, number))


def picture(source: Source, kind: str, name: str, row: int) -> torch.Tensor:
    return source.read(source.named(f"{kind}/0"), name, row, row + 1).movedim(-1, 1) / 255


def turned(shown: torch.Tensor, mirrored: bool) -> torch.Tensor:
    return shown.flip(-1) if mirrored else shown


def test_samples_are_the_same_again_and_have_their_shapes(source: Source):
    shares = {"soft": 0.5, "moved": 0.5, "blended": 0.5, "tinted": 0.5}
    for number in range(6):
        sample, again = (drawn(source, number, **shares) for _ in range(2))
        assert all(torch.equal(value, again[name]) for name, value in sample.items())
        assert {name: tuple(value.shape) for name, value in sample.items()} == {
            **dict.fromkeys(("frame", "picture", "base", "target"), (1, 3, SIDE, SIDE)),
            **dict.fromkeys(("believed", "weight", "mouth"), (1, 1, SIDE, SIDE)),
        }


def test_all_of_a_sample_is_of_one_frame_and_mirrored_together(source: Source):
    doubled = 2 * BOXES["face_box"][None], 2 * BOXES["lip_box"][None]
    ones = torch.ones(1, SIDE, SIDE)
    weight = places_that_count(ones, doubled, 2 * BOXES["eyes_mouth"][None], face=2.0, lips=5.0, eyes=5.0)[None]
    found = set()
    for number in range(24):
        sample = drawn(source, number)
        ((kind, row, mirrored),) = (
            (kind, row, mirrored)
            for kind in KINDS
            for row in range(ROWS)
            for mirrored in (False, True)
            if torch.equal(turned(picture(source, kind, "made", row), mirrored), sample["frame"])
        )
        found.add((kind, row, mirrored))
        assert torch.equal(sample["target"], turned(picture(source, kind, "fine", row), mirrored))
        assert torch.equal(sample["picture"], turned(picture(source, kind, "portrait_fine", 0), mirrored))
        assert torch.equal(sample["weight"], turned(weight, mirrored))
        still = turned(picture(source, kind, "portrait_pictures", 0), mirrored)
        transfer = DetailTransfer(colours=False)
        base = transfer(sample["frame"], sample["picture"], resized(still, sample["frame"].shape[-2:]))
        torch.testing.assert_close(sample["base"], base)
        torch.testing.assert_close(sample["believed"], transfer.believed)
    assert len(found) > 6 and {kind for kind, _, _ in found} == set(KINDS)


def test_a_share_of_the_samples_is_of_the_first_kind(source: Source):
    for first, kind in ((1.0, KINDS[0]), (0.0, KINDS[1])):
        frame = drawn(source, 5, first=first)["frame"]
        rows = [picture(source, kind, "made", row) for row in range(ROWS)]
        assert any(torch.equal(frame, row) or torch.equal(frame, row.flip(-1)) for row in rows)


@pytest.mark.parametrize("moves", [0.0, 1.0])
def test_a_soft_portrait_is_what_the_networks_saw_and_what_has_moved_is_worked_out_anew(source: Source, moves):
    sample = drawn(source, 2, soft=1.0, moved=moves, first=1.0)
    still = resized(picture(source, KINDS[0], "portrait_pictures", 0), sample["frame"].shape[-2:])
    there = any(torch.equal(sample["picture"], each) for each in (still, still.flip(-1)))
    assert there != bool(moves)
    transfer = DetailTransfer(colours=False)
    torch.testing.assert_close(sample["base"], transfer(sample["frame"], sample["picture"], sample["picture"]))
    torch.testing.assert_close(sample["believed"], transfer.believed)


def test_a_head_moves_a_little_and_alike_in_all_pictures():
    rows, columns = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    spot = (-((rows - 40) ** 2 + (columns - 24) ** 2) / 18).exp().expand(1, 3, 64, 64)
    off = []
    for number in range(8):
        one, half = moved((spot, spot / 2), keyed_generator(7, number))
        torch.testing.assert_close(one / 2, half, atol=1e-4, rtol=0)
        place = [float((one[0, 0] * where).sum() / one[0, 0].sum()) for where in (rows, columns)]
        off.append(np.hypot(place[0] - 40, place[1] - 24))
    assert 0.1 < max(off) < 8 and len(set(off)) == 8


def test_a_tint_is_one_affine_map_of_the_colours_for_all_pictures():
    one, other = torch.rand(2, 1, 3, 8, 8, generator=keyed_generator(1))
    before, after, between = tinted((one, other, (one + other) / 2), keyed_generator(2))
    torch.testing.assert_close(between, (before + after) / 2)
    assert (before - one).abs().mean() > 0.02
    values = torch.cat([one.flatten(2)[0], torch.ones(1, 64)]).T
    assert (torch.linalg.lstsq(values, before.flatten(2)[0].T).residuals < 1e-6).all()
    elsewhere = tinted((one,), keyed_generator(3))[0]
    assert not torch.allclose(before, elsewhere, atol=1e-2)


def test_a_mouth_between_two_frames_is_hardly_asked_for_its_truth(source: Source):
    """All beyond it is the frame's own."""
    rows = [picture(source, KINDS[0], "made", row) for row in range(ROWS)]
    changed = []
    for number in range(12):
        sample = drawn(source, number, first=1.0, blended=1.0)
        top = (..., slice(0, 6), slice(None))  # above the mouth, and above what is blended softly around it
        (own,) = (
            shown
            for row in rows
            for shown in (row, row.flip(-1))
            if torch.allclose(shown[top], sample["frame"][top], atol=1e-5)
        )
        mouth = sample["mouth"] > 0
        assert sample["weight"][mouth].tolist() == pytest.approx([0.2 * 5] * int(mouth.sum()))
        assert sample["weight"].max() == 5
        changed.append(float((sample["frame"] - own).abs().amax()))
    assert max(changed) > 0.02 and min(changed) == 0  # the other frame may be the same


def test_a_mouth_is_blended_halfway():
    one, other = torch.rand(2, 1, 3, 64, 64, generator=keyed_generator(1))
    mouth = torch.zeros(1, 1, 64, 64)
    mouth[..., 24:56, 16:48] = 1
    between = blended(one, other, mouth)
    inside = (..., slice(32, 48), slice(24, 40))
    torch.testing.assert_close(between[inside], ((one + other) / 2)[inside])
    assert torch.equal(between[..., :16, :], one[..., :16, :])


def test_light_is_compared_and_neither_colour_nor_edge():
    frame = torch.rand(2, 3, 32, 32, generator=keyed_generator(1))
    mouth = torch.zeros(2, 1, 32, 32)
    mouth[..., 8:24, 8:24] = 1
    assert float(lightness_off(frame + 0.1, frame, mouth)) == pytest.approx(0.1, abs=1e-5)
    redder = frame + torch.tensor([0.2, -0.1, -0.1])[:, None, None]
    assert float(lightness_off(redder, frame, mouth)) < 1e-5
    checks = 0.3 * (2 * ((torch.arange(32)[:, None] + torch.arange(32)) % 2) - 1)
    assert float(lightness_off(frame + checks, frame, mouth)) < 1e-5
    elsewhere = frame + (1 - mouth)
    assert float(lightness_off(elsewhere, frame, mouth)) == 0


def test_the_motion_encoder_and_the_judge_have_their_word():
    """A picture that is the truth is read as the truth; another is not, and that it counts is felt by the network."""
    torch.manual_seed(0)
    encoder, judge = MotionEncoder(TINY.motion_encoder).eval(), PatchJudge()
    shape = (2, 3, SIDE, SIDE)
    frame, target = torch.rand(shape), torch.rand(shape)
    one = torch.ones(2, 1, SIDE, SIDE)
    batch = {"frame": frame, "picture": target, "target": target, "weight": one, "mouth": 0 * one}
    settings = replace(SETTINGS, judged_from=0.0)
    objective = Retouching(Retoucher(CONFIG), settings, contextlib.nullcontext, judge, encoder, SIDE)
    same = objective({**batch, "base": target, "believed": 0 * one})
    other = objective({**batch, "base": frame, "believed": one})
    assert same.figures["latents"] < 1e-6 < other.figures["latents"]
    assert "doubt" in other.figures and not any(each.requires_grad for each in encoder.parameters())
    (felt,) = torch.autograd.grad(other.figures["latents"], objective.network.fine.weight)
    assert felt.abs().max() > 0


def test_a_truth_that_is_the_portrait_elsewhere_is_learnt():
    """Frames are soft, and the truth is the portrait moved by two pixels. Where no change is believed, nothing is."""
    torch.manual_seed(0)
    portrait = torch.rand(2, 3, SIDE, SIDE)
    target = warped(portrait, torch.tensor([2 / SIDE, 0.0])[None, :, None, None].expand(2, 2, 8, 8))
    frame = F.interpolate(F.avg_pool2d(target, 2), size=(SIDE, SIDE), mode="bilinear")
    one = torch.ones(2, 1, SIDE, SIDE)
    batch = {"frame": frame, "picture": portrait, "base": frame, "target": target, "believed": one, "weight": one}
    batch["mouth"] = torch.zeros_like(one)
    told = {}
    for believed in (1.0, 0.0):
        torch.manual_seed(1)
        objective = Retouching(Retoucher(CONFIG), SETTINGS, contextlib.nullcontext)
        optimiser = torch.optim.Adam(objective.parameters(), 1e-2)
        for _ in range(40):
            optimiser.zero_grad()
            outcome = objective({**batch, "believed": believed * one})
            outcome.loss.backward()
            optimiser.step()
            told.setdefault(believed, []).append(float(outcome.figures["of_base"].detach()))
    assert told[1.0][-1] < 0.7 and min(told[0.0]) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"soft": 1.5}, "soft is 1.5; give a number from 0 to 1"),
        ({"lips": 0.5}, "lips is 0.5; give a number of at least 1"),
        ({"kinds": ()}, "kinds is empty; name the kinds of clips"),
    ],
)
def test_numbers_that_cannot_be_are_refused(given, sentence):
    with pytest.raises(SettingsError, match=sentence):
        replace(SETTINGS, **given)


def test_films_that_cannot_be_learnt_from_are_refused(source: Source, tmp_path):
    with pytest.raises(SettingsError, match="32 pixels wide, and a retoucher of 5 levels takes multiples of 64"):
        RetouchSamples(source, replace(SETTINGS, config=RetoucherConfig(channels=(8,) * 5)), held_out=False)
    with pytest.raises(InputError, match="no 'retouched_rendered' with made, fine"):
        RetouchSamples(source, SETTINGS, held_out=True)
    other = folder_of(tmp_path, frames=32, true=48)
    with pytest.raises(InputError, match="are 48 pixels wide, which is no multiple of its frames' 32"):
        RetouchSamples(other, SETTINGS, held_out=False)


def test_one_kind_is_enough(tmp_path):
    alone = folder_of(tmp_path, kinds=KINDS[1:])
    assert drawn(alone, 0, first=1.0)["frame"].shape == (1, 3, SIDE, SIDE)
