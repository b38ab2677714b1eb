"""The stage `retouch`: what its samples are, and that a network comes to see what the portrait still holds."""

import contextlib
import copy
import math
from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from emotivetalk_core.errors import InputError, SettingsError
from emotivetalk_core.face.detail import DetailTransfer
from emotivetalk_core.face.resizing import resized
from emotivetalk_core.face.retouch import warped
from emotivetalk_core.models.presets import DEMO
from emotivetalk_core.models.retoucher import Retoucher, RetoucherConfig
from emotivetalk_core.training import retouching
from emotivetalk_core.training.loop import LoopSettings
from emotivetalk_core.training.patch_judge import PatchJudge
from emotivetalk_core.training.retouching import Retouching, RetouchingSettings, RetouchSamples, retouching_step
from emotivetalk_core.training.samples import keyed_generator
from emotivetalk_core.training.source import Clip, Source
from emotivetalk_core.training.source_writer import SourceWriter, WrittenClip, write_shard
from emotivetalk_core.training.vae_anew import places_that_count

ROWS, SEEN, SIDE = 3, 16, 32
CONFIG = RetoucherConfig(channels=(8, 8), norm_groups=4, motion=5, motion_width=8, offsets=2)
SETTINGS = RetouchingSettings(
    LoopSettings(steps=4, batch=2),
    CONFIG,
    soft=0.0,
    moved=0.0,
    reshaped=0.0,
    tinted=0.0,
    blinking=0.0,
    hidden=0.0,
    whence=0.0,
)
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


def folder_of(
    folder,
    *,
    frames: int = SIDE,
    true: int = SIDE,
    kinds: tuple[str, ...] = KINDS,
    like_the_portrait: tuple[int, ...] = (),
) -> Source:
    """A film of each kind; like_the_portrait: the rows whose truth looks as the portrait does."""
    clips = []
    for number, kind in enumerate(kinds):
        fields = {
            "made": shown(4 * number, ROWS, frames),
            "fine": shown(4 * number + 1, ROWS, true),
            "portrait_fine": shown(4 * number + 2, 1, true),
            "portrait_pictures": shown(4 * number + 3, 1, SEEN),
            **{name: value.expand(ROWS, *value.shape).contiguous() for name, value in BOXES.items()},
            "lip": torch.arange(3.0 * ROWS).reshape(ROWS, 3) + 100 * number,
            "expression": 50 + torch.arange(2.0 * ROWS).reshape(ROWS, 2) + 100 * number,
        }
        fields["fine"][list(like_the_portrait)] = fields["portrait_fine"]
        if kind == "retouched_rendered":  # of drawn heads nobody knows
            masks = shown(9, ROWS, true)[..., 0], shown(10, ROWS, true)[..., 0]
            offset = torch.randn(ROWS, 2, true // 2, true // 2, generator=keyed_generator(11)).half()
            fields |= {"offset": offset, "visible": masks[0].contiguous(), "known": masks[1].contiguous()}
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
    shares = {"soft": 0.5, "moved": 0.5, "reshaped": 0.5, "tinted": 0.5}
    for number in range(6):
        sample, again = (drawn(source, number, **shares) for _ in range(2))
        assert all(torch.equal(value, again[name]) for name, value in sample.items())
        assert {name: tuple(value.shape) for name, value in sample.items()} == {
            **dict.fromkeys(("frame", "picture", "base", "target"), (1, 3, SIDE, SIDE)),
            **dict.fromkeys(("believed", "weight", "spots", "visible", "known"), (1, 1, SIDE, SIDE)),
            "offset": (1, 2, SIDE // 2, SIDE // 2),
            "motion": (1, 5),
        }


def test_all_of_a_sample_is_of_one_frame_and_mirrored_together(source: Source):
    doubled = 2 * BOXES["face_box"][None], 2 * BOXES["lip_box"][None]
    ones = torch.ones(1, SIDE, SIDE)
    weight = places_that_count(ones, doubled, 2 * BOXES["eyes_mouth"][None], face=2.0, lips=8.0, eyes=5.0)[None]
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
        assert torch.equal(sample["spots"], turned((weight >= 5).float(), mirrored))
        hidden = (weight >= 5) * turned(sample["known"] * (1 - sample["visible"]), mirrored)
        torch.testing.assert_close(
            drawn(source, number, hidden=2.0)["weight"], turned(weight * (1 + 2 * hidden), mirrored)
        )
        whence = (
            [source.read(source.named(f"{kind}/0"), name, row, row + 1) for name in ("visible", "known", "offset")]
            if kind == KINDS[0]
            else [torch.zeros(1, SIDE, SIDE)] * 2 + [torch.zeros(1, 2, SIDE // 2, SIDE // 2)]
        )
        for name, share in zip(("visible", "known"), whence):
            torch.testing.assert_close(sample[name], turned(share[:, None] / 255, mirrored))
        sideways = torch.tensor([-1.0 if mirrored else 1.0, 1.0])[:, None, None]
        torch.testing.assert_close(sample["offset"], turned(whence[2].float(), mirrored) * sideways)
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


def test_frames_whose_eyes_are_not_the_portraits_are_drawn_more_often(tmp_path):
    source = folder_of(tmp_path, like_the_portrait=(0, 2))
    rows = [picture(source, KINDS[0], "made", row) for row in range(ROWS)]
    counts = []
    for blinking in (0.0, 1.0):
        frames = [drawn(source, number, first=1.0, blinking=blinking)["frame"] for number in range(30)]
        found = [any(torch.equal(frame, shown) for shown in (rows[1], rows[1].flip(-1))) for frame in frames]
        counts.append(sum(found))
    assert 3 <= counts[0] <= 18 and counts[1] >= 25


def test_it_is_told_the_motion_but_for_every_eighth_step(source: Source):
    """Half of the time a little off, for lips that speech asks for are."""
    off = []
    for step in range(24):
        samples = RetouchSamples(source, SETTINGS, held_out=False)
        sample = samples.draw(step, 0, keyed_generator(5, step))
        assert bool(sample["motion"].isnan().all()) == (step % 8 == 7)
        if step % 8 != 7:
            first, last = (
                ([0, 3, 6], [50, 52, 54]) if sample["motion"][0, 0] < 90 else ([100, 103, 106], [150, 152, 154])
            )
            wanted = torch.tensor([[a, a + 1, a + 2, b, b + 1] for a, b in zip(first, last)], dtype=torch.float)
            off.append(float((sample["motion"] - wanted).abs().amax(1).min()))
    assert max(off) < 0.6 and 4 < sum(value == 0 for value in off) < 18


def test_where_it_is_told_the_motion_it_is_believed_at_the_lips(source: Source, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(retouching.DetailTransfer, "believed", torch.zeros(1, 1, SIDE, SIDE))
    for number in range(8):
        believed = drawn(source, number)["believed"]
        if number == 7:
            assert not believed.any()
            continue
        left, top, right, bottom = (2 * BOXES["lip_box"]).int().tolist()
        mirrored = believed[..., top:bottom, : SIDE // 2].sum() < believed[..., top:bottom, SIDE // 2 :].sum()
        inside = believed.flip(-1) if mirrored else believed
        assert (inside[..., top + 1 : bottom - 1, left + 1 : right - 1] == 1).all()
        assert not believed[..., : top - 2, :].any() and not believed[..., bottom + 2 :, :].any()


def batch_of_a_shift(pixels: float, **changes: torch.Tensor) -> dict[str, torch.Tensor]:
    """The truth is the portrait moved by so many pixels, and frames are soft."""
    torch.manual_seed(0)
    portrait, one = torch.rand(2, 3, SIDE, SIDE), torch.ones(2, 1, SIDE, SIDE)
    offset = torch.tensor([pixels / SIDE, 0.0])[None, :, None, None].expand(2, 2, SIDE // 2, SIDE // 2)
    target = warped(portrait, offset)
    frame = F.interpolate(F.avg_pool2d(target, 2), size=(SIDE, SIDE), mode="bilinear")
    batch = {"frame": frame, "picture": portrait, "base": frame, "target": target}
    batch |= {"believed": one, "weight": one, "spots": one}
    return batch | {"offset": offset, "visible": one, "known": one, "motion": torch.zeros(2, 5)} | changes


def learnt(
    batch: dict[str, torch.Tensor], steps: int, before: Retoucher | None = None, **changes: float | str
) -> list[dict[str, float]]:
    torch.manual_seed(1)
    settings = replace(SETTINGS, loop=LoopSettings(steps=steps, batch=2), **changes)
    objective = Retouching(Retoucher(CONFIG), settings, contextlib.nullcontext, before=before)
    optimiser = torch.optim.Adam(objective.parameters(), 1e-2)
    figures = []
    for _ in range(steps):
        optimiser.zero_grad()
        outcome = objective(batch)
        outcome.loss.backward()
        optimiser.step()
        figures.append({name: float(value.detach()) for name, value in outcome.figures.items()})
    return figures


def test_a_truth_that_is_the_portrait_elsewhere_is_learnt():
    """Where no change is believed, nothing is."""
    shift = batch_of_a_shift(2)
    assert learnt(shift, 40, offset=0.0, visible=0.0)[-1]["of_base"] < 0.7
    nowhere = {**shift, "believed": torch.zeros(2, 1, SIDE, SIDE)}
    assert min(each["of_base"] for each in learnt(nowhere, 10)) == pytest.approx(1.0)


def test_where_it_came_from_is_learnt_first_and_without_a_look_at_the_pictures():
    nothing = torch.full((2, 3, SIDE, SIDE), math.nan)
    figures = learnt(batch_of_a_shift(3, target=nothing, base=nothing), 30, whence=1.0)
    assert "of_base" not in figures[0] and figures[0]["offset"] == pytest.approx(3, abs=1e-4)
    assert figures[-1]["offset"] < 1 and figures[-1]["visible"] < 0.3 < figures[0]["visible"]
    then = learnt(batch_of_a_shift(3), 4, whence=0.5)
    assert ["of_base" in each for each in then] == [False, False, True, True]


@torch.no_grad()
def test_what_was_not_seen_and_what_is_not_known_says_nothing():
    left = torch.zeros(2, 1, SIDE, SIDE)
    left[..., : SIDE // 2] = 1
    objective = Retouching(Retoucher(CONFIG), SETTINGS, contextlib.nullcontext)
    shift = batch_of_a_shift(2)
    elsewhere = shift["offset"].clone()
    elsewhere[..., SIDE // 4 :] += 0.3
    seen = shift | {"visible": left, "offset": elsewhere}
    assert float(objective(seen).figures["offset"]) == pytest.approx(2, abs=1e-5)
    assert float(objective(seen | {"visible": 1 - left}).figures["offset"]) > 9
    wholly, partly = (objective(seen | {"known": known}).figures["visible"] for known in (torch.ones_like(left), left))
    assert float(wholly) < 0.6 * float(
        partly
    )  # a new network believes that little was seen, which is true on the right
    nothing = objective(shift | {"visible": 0 * left, "known": 0 * left}).figures
    assert float(nothing["offset"]) == float(nothing["visible"]) == 0


def test_motion_is_heeded_where_it_is_told():
    """Two frames alike, whose truths came from left and from right: the motion alone tells which."""
    batch = batch_of_a_shift(2)
    one = {
        name: value[:1].expand_as(value)
        for name, value in batch.items()
        if name in ("frame", "picture", "base", "target")
    }
    sides = torch.tensor([1.0, -1.0])
    told = batch | one | {"offset": batch["offset"] * sides[:, None, None, None], "motion": sides[:, None].expand(2, 5)}
    untold = told | {"motion": torch.full((2, 5), math.nan)}
    off = [learnt(each, 60, whence=1.0)[-1]["offset"] for each in (told, untold)]
    assert off[0] < 0.6 and off[1] > 1.5


def test_the_judge_has_its_word_on_eyes_and_mouth_alone():
    settings = replace(SETTINGS, judged_from=0.0)
    left = torch.zeros(2, 1, SIDE, SIDE)
    left[..., : SIDE // 2] = 1
    batch = batch_of_a_shift(2, spots=left)
    for judge in (None, PatchJudge()):
        outcome = Retouching(Retoucher(CONFIG), settings, contextlib.nullcontext, judge)(batch)
        assert ("doubt" in outcome.figures) == (judge is not None)
        assert outcome.handed is not None
        made, true = outcome.handed["made"], outcome.handed["true"]
        off = (made - true).abs().amax((0, 1, 2)) > 0
        assert off[: SIDE // 2].all() and not off[SIDE // 2 :].any()


def test_away_from_eyes_and_mouth_what_the_network_showed_before_is_kept():
    """Where all counts as eyes and mouth, nothing is; and what is kept does not learn itself."""
    torch.manual_seed(2)
    before = Retoucher(CONFIG)
    for tensor in before.parameters():
        torch.nn.init.normal_(tensor, std=0.1)
    kept = copy.deepcopy(before.state_dict())
    shift = batch_of_a_shift(2)
    of_the_face, of_the_rest = (
        [each["kept"] for each in learnt(shift | {"spots": spots}, steps, before, start="start/retoucher", kept=50.0)]
        for spots, steps in ((shift["spots"], 1), (0 * shift["spots"], 60))
    )
    assert of_the_face == [0] and of_the_rest[-1] < 0.4 * of_the_rest[0]
    assert all(torch.equal(value, kept[name]) for name, value in before.state_dict().items())


def test_what_a_step_takes_counts_the_network_that_is_kept():
    taken = []
    for changes in ({}, {"start": "start/retoucher", "kept": 1.0}):
        step = retouching_step(DEMO, replace(SETTINGS, config=RetoucherConfig(offsets=2), **changes))
        with FlopCounterMode(display=False) as counter:
            step.phase().objective(step.batch(1))
        taken.append(counter.get_total_flops())
    assert taken[1] == 2 * taken[0] > 0


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"soft": 1.5}, "soft is 1.5; give a number from 0 to 1"),
        ({"lips": 0.5}, "lips is 0.5; give a number of at least 1"),
        ({"kinds": ()}, "kinds is empty; name the kinds of clips"),
        ({"kept": 1.0}, "kept is 1 and start is empty, so there is nothing to keep"),
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
    with pytest.raises(InputError, match="are 48 pixels wide, which is not a multiple of its frames' 32"):
        RetouchSamples(other, SETTINGS, held_out=False)


def test_one_kind_is_enough(tmp_path):
    alone = folder_of(tmp_path, kinds=KINDS[1:])
    assert drawn(alone, 0, first=1.0)["frame"].shape == (1, 3, SIDE, SIDE)
