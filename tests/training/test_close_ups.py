"""The stage `close_up`: what its samples are, and that a network comes to show what it is told."""

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import TINY
from torch.nn import functional as F

from emotivetalk_core.errors import InputError, SettingsError
from emotivetalk_core.face.close_up import EYES_MOUTH, HIGH, WIDE, CloseUp, from_close_by, place_of, shown
from emotivetalk_core.face.crops import pictures
from emotivetalk_core.models.close_up import CloseUpConfig, CloseUpNetwork
from emotivetalk_core.models.motion_encoder import MotionEncoder
from emotivetalk_core.models.presets import DEMO
from emotivetalk_core.training import close_ups, portrait_rows
from emotivetalk_core.training.close_ups import (
    CloseUpLearning,
    CloseUpSamples,
    CloseUpSettings,
    close_up_step,
    of_preset,
)
from emotivetalk_core.training.loop import LoopSettings
from emotivetalk_core.training.patch_judge import PatchJudge
from emotivetalk_core.training.samples import collate, keyed_generator
from emotivetalk_core.training.source import Clip, Source
from emotivetalk_core.training.source_writer import SourceWriter, WrittenClip, write_shard
from emotivetalk_core.training.step_cost import count_step

SIDE, SEEN, ROWS = 200, 32, 3
SHIFT = (6, -4)
"""Of the truth against the portrait, in pixels: from so far to the right and below each place came."""
BITING = slice(90, 130), slice(60, 120)
"""Of the pictures, where teeth are seen."""
EYES = torch.tensor(EYES_MOUTH) * 0.8 + 30
PLAIN = CloseUpSettings(
    LoopSettings(steps=4, batch=2),
    CloseUpConfig(channels=(8, 8), norm_groups=4, motion_width=8, teeth=True),
    soft=0.0,
    glasses=0.0,
    tinted=0.0,
    relit=0.0,
    blinking=0.0,
    hidden=0.0,
    whence=0.0,
)
KIND = PLAIN.kinds[0]


def smooth(number: int, rows: int, side: int) -> torch.Tensor:
    """Smooth pictures uint8 [n, s, s, 3], of each number others."""
    values = torch.rand(rows, 3, 12, 12, generator=keyed_generator(number))
    return (255 * F.interpolate(values, size=(side, side), mode="bilinear")).round().byte().movedim(1, -1).contiguous()


def biting() -> torch.Tensor:
    """A square of teeth, whose place in their picture is the pixel's own, in levels of 255."""
    teeth = torch.zeros(ROWS, 3, SIDE, SIDE, dtype=torch.uint8)
    rows, columns = (torch.arange(each.start, each.stop).byte() for each in BITING)
    inside = teeth[(..., *BITING)]
    inside[:, 0], inside[:, 1], inside[:, 2] = columns, rows[:, None], 255
    return teeth


def folder_of(folder: Path, *, changed: tuple[int, ...] = (0, 1, 2), known: bool = True) -> Source:
    """A person; changed: the rows whose truth is the portrait shifted, and not the portrait · known: whether it is
    known from where places came.
    """
    portrait = smooth(0, 1, SIDE)
    truth = portrait.repeat(ROWS, 1, 1, 1)
    truth[list(changed)] = portrait.roll((-SHIFT[1], -SHIFT[0]), (1, 2))
    seen = torch.full((ROWS, SIDE, SIDE), 255, dtype=torch.uint8)
    seen[:, :, : SIDE // 2] = 0
    places = torch.tensor(SHIFT)[:, None, None].expand(ROWS, 2, SIDE // 2, SIDE // 2) / SIDE
    fields = {
        "fine": truth,
        "portrait_fine": portrait,
        "portrait_pictures": smooth(0, 1, SIDE // 2),
        "portrait_eyes_mouth": EYES[None] / 2,
        "driving": smooth(10, 2 * ROWS, SEEN),
        "offset": places.half().contiguous(),
        "visible": seen if known else torch.zeros_like(seen),
        "known": torch.full_like(seen, 255 if known else 0),
        "teeth": biting(),
    }
    clip = WrittenClip(Clip(f"{KIND}/0", "person", KIND, ROWS), fields)
    SourceWriter(folder).add(write_shard(folder, "all.safetensors", [clip]))
    return Source.open(folder)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    return folder_of(tmp_path_factory.mktemp("people"))


@pytest.fixture(scope="module")
def encoder() -> MotionEncoder:
    torch.manual_seed(0)
    return MotionEncoder(TINY.motion_encoder).eval()


def samples(source: Source, encoder: MotionEncoder, **changes: float) -> CloseUpSamples:
    return CloseUpSamples(source, encoder, replace(PLAIN, **changes), held_out=False)


def in_place(source: Source, name: str, row: int = 0) -> torch.Tensor:
    picture = pictures(source.read(source.by_id[f"{KIND}/0"], name)[row : row + 1].numpy(), torch.device("cpu"))
    return from_close_by(picture, place_of(EYES))


@pytest.fixture
def nobody_astray(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eyes and mouth are where they are, faces as they are, and not mirrored."""
    monkeypatch.setattr(close_ups, "_ASTRAY", 0.0)
    monkeypatch.setattr(close_ups, "_ASLANT", 0.0)
    for module in (close_ups, portrait_rows):
        monkeypatch.setattr(module, "chance", lambda share, generator: share >= 1)


def test_a_sample_is_the_portrait_and_the_truth_in_one_place(source, encoder, nobody_astray):
    sample = samples(source, encoder).draw(0, 0, keyed_generator(1))
    assert torch.allclose(sample["face"], in_place(source, "portrait_fine"), atol=1e-5)
    assert torch.allclose(sample["target"], in_place(source, "fine"), atol=1e-5)
    assert sample["weight"].amin() == pytest.approx(0.1) and sample["weight"].amax() == 1
    for x, y in EYES_MOUTH:
        assert sample["spots"][0, 0, int(y), int(x)] == 1


def test_from_where_places_came_is_told_in_the_close_ups_own_measure(source, encoder, nobody_astray):
    """What came from there, taken from there, is the truth; half of the picture was not seen."""
    sample = samples(source, encoder).draw(0, 0, keyed_generator(1))
    nothing = torch.zeros(1, 3, HIGH, WIDE)
    ones = torch.ones(1, 1, HIGH, WIDE)
    moved = shown(CloseUp(sample["offset"], ones, nothing, 0 * ones, 0 * sample["offset"]), sample["face"])
    wrong, still = ((each - sample["target"])[..., 20:-20, 20:-20].abs().mean() for each in (moved, sample["face"]))
    assert wrong < still / 8
    assert sample["visible"][..., : WIDE // 4].max() == 0 and sample["visible"][..., -WIDE // 4 :].min() > 0.999
    assert sample["known"].min() > 0.999


def test_teeth_are_told_with_their_place(source, encoder, nobody_astray):
    """The place is the pixel's own here, so it is that of the close-up's in the picture, right to the teeth's rim."""
    sample = samples(source, encoder).draw(0, 0, keyed_generator(1))
    teeth, tooth = sample["teeth"], sample["tooth"]
    columns, rows = 0.8 * (torch.arange(WIDE) + 0.5) + 30, 0.8 * (torch.arange(HIGH)[:, None] + 0.5) + 30
    (top, bottom), (left, right) = ((each.start, each.stop) for each in BITING)
    inside = (columns > left + 1) & (columns < right - 1) & (rows > top + 1) & (rows < bottom - 1)
    assert teeth[0, 0][inside].min() > 0.999
    assert teeth.sum() == pytest.approx((right - left) * (bottom - top) / 0.64, rel=0.02)
    wanted = torch.stack(torch.broadcast_tensors(columns, rows)) - 0.5
    assert torch.allclose(255 * tooth[0][:, inside], wanted[:, inside], atol=0.01)
    rim = (teeth[0, 0] > 0.1) & ~inside
    assert (255 * tooth[0] - wanted)[:, rim].abs().max() < 1


def test_what_nothing_is_known_of_and_has_not_moved_came_from_where_it_is(encoder, nobody_astray, tmp_path):
    """Of a person whose truth is the portrait; where it is another, nothing is known still."""
    for changed in ((), (0, 1, 2)):
        source = folder_of(tmp_path / str(len(changed)), changed=changed, known=False)
        sample = samples(source, encoder).draw(0, 0, keyed_generator(1))
        unmoved = sample["known"] > 0.5
        assert not sample["offset"][unmoved.expand(-1, 2, -1, -1)].any()
        assert torch.equal(sample["known"], sample["visible"])
        assert unmoved.float().mean() < 0.2 if changed else unmoved.all()


def test_glasses_that_are_worn_stay_where_they_are(source, encoder, nobody_astray):
    sample = samples(source, encoder, glasses=1.0).draw(0, 0, keyed_generator(1))
    plain = samples(source, encoder).draw(0, 0, keyed_generator(1))
    frame = (sample["face"] - plain["face"]).abs().amax(1, keepdim=True) > 0.3
    assert 100 < frame.sum() and not sample["offset"][frame.expand(-1, 2, -1, -1)].any()
    assert sample["visible"][frame].min() > 0.5
    assert torch.equal(sample["offset"][..., 90:, :], plain["offset"][..., 90:, :])


def test_what_the_portrait_did_not_show_counts_more(source, encoder, nobody_astray):
    plain, more = (samples(source, encoder, hidden=hidden).draw(0, 0, keyed_generator(1)) for hidden in (0.0, 2.0))
    assert torch.allclose(more["weight"], plain["weight"] * (3 - 2 * plain["visible"]), atol=1e-5)


def test_a_mirrored_face_says_so_and_is_one_in_all_that_belongs_to_it(source, encoder, nobody_astray, monkeypatch):
    plain = samples(source, encoder).draw(0, 0, keyed_generator(1))
    monkeypatch.setattr(close_ups, "chance", lambda share, generator: share >= 0.5)
    monkeypatch.setattr(close_ups, "UNSURE", 0.0)
    mirrored = samples(source, encoder).draw(0, 0, keyed_generator(1))
    for name in ("face", "target", "weight", "visible", "known", "spots", "teeth"):
        assert torch.equal(mirrored[name], plain[name].flip(-1)), name
    assert torch.equal(mirrored["offset"], plain["offset"].flip(-1) * torch.tensor([-1.0, 1.0])[:, None, None])
    across, down = plain["tooth"].flip(-1).split(1, 1)
    assert torch.equal(mirrored["tooth"], torch.cat((1 - across, down), 1))
    assert plain["motion"][0, -1] == 0 and mirrored["motion"][0, -1] == 1
    assert torch.equal(plain["motion"][0, :-1], mirrored["motion"][0, :-1])


def test_the_motion_is_read_off_the_frame_that_is_shown(source, encoder, nobody_astray, monkeypatch):
    """Of every second one, for of the drivers there are twice as many as of the frames that are kept."""
    monkeypatch.setattr(close_ups, "random_below", lambda limit, generator: limit - 1)
    drawn = samples(source, encoder).draw(0, 0, keyed_generator(1))
    driving = pictures(source.read(source.by_id[f"{KIND}/0"], "driving").numpy(), torch.device("cpu"))
    with torch.no_grad():
        read = encoder(driving[4:5])
    wanted = torch.cat((read.lip, read.expression), -1)
    assert torch.allclose(drawn["motion"][:, :-1], wanted, atol=1e-4)


def test_frames_whose_eyes_look_otherwise_are_drawn_more_often(encoder, tmp_path):
    source = folder_of(tmp_path, changed=(1,))
    drawn = samples(source, encoder, blinking=1.0)
    rows = [drawn._rows.draw(source.by_id[f"{KIND}/0"], keyed_generator(2, number)) for number in range(40)]
    assert rows.count(1) >= 25


@pytest.mark.parametrize("change", ["soft", "glasses", "tinted", "relit"])
def test_pictures_are_altered_together(source, encoder, monkeypatch, change):
    plain, other = (samples(source, encoder, **{change: share}).draw(0, 0, keyed_generator(7)) for share in (0.0, 1.0))
    assert not torch.allclose(plain["face"], other["face"], atol=1e-2)
    # where both were alike they still are
    same = samples(folder_like(source), encoder, **{change: 1.0}).draw(0, 0, keyed_generator(7))
    assert torch.allclose(same["face"], same["target"], atol=1e-5)


def folder_like(source: Source) -> Source:
    """The same people, whose truth is their portrait."""
    clip = source.by_id[f"{KIND}/0"]
    folder = clip.field("fine").shard.parent / "alike"
    return Source.open(folder) if folder.is_dir() else folder_of(folder, changed=())


def learnt(batch: dict[str, torch.Tensor], steps: int, **changes: Any) -> list[dict[str, float]]:
    torch.manual_seed(0)
    settings = of_preset(replace(PLAIN, **changes), TINY)
    objective = CloseUpLearning(CloseUpNetwork(settings.config), settings, contextlib.nullcontext)
    optimiser, figures = torch.optim.Adam(objective.parameters(), lr=3e-3), []
    for _ in range(steps):
        outcome = objective(batch)
        optimiser.zero_grad()
        outcome.loss.backward()
        optimiser.step()
        figures.append({name: float(value.detach()) for name, value in outcome.figures.items()})
    return figures


@pytest.fixture
def batch(source, encoder, nobody_astray) -> dict[str, torch.Tensor]:
    drawn = samples(source, encoder)
    return collate([drawn.draw(0, index, keyed_generator(1, index)) for index in range(2)])


def test_it_comes_to_show_the_truth_and_knows_where_it_came_from(batch):
    figures = learnt(batch, 30)
    assert figures[0]["of_still"] == pytest.approx(1, abs=0.2)
    assert figures[-1]["of_still"] < 0.6 and figures[-1]["offset"] < 0.6 * figures[0]["offset"]
    assert figures[-1]["visible"] < 0.9 * figures[0]["visible"]
    assert figures[-1]["tooth"] < 0.7 * figures[0]["tooth"] and figures[-1]["teeth"] < 0.95 * figures[0]["teeth"]


def test_a_network_without_teeth_learns_the_rest(batch):
    """As one does that goes on from weights of before."""
    figures = learnt(batch, 2, config=replace(PLAIN.config, teeth=False))
    assert "offset" in figures[0] and not {"tooth", "teeth"} & figures[0].keys()


def test_before_whence_is_over_the_pictures_are_not_looked_at(batch):
    figures = learnt(batch, 4, whence=0.5)
    assert ["pixel" in each for each in figures] == [False, False, True, True]


def test_the_judge_is_shown_eyes_and_mouth_alone(batch):
    settings = of_preset(replace(PLAIN, judged_from=0.0), TINY)
    objective = CloseUpLearning(CloseUpNetwork(settings.config), settings, contextlib.nullcontext, PatchJudge())
    outcome = objective(batch)
    assert outcome.handed is not None
    made, true = outcome.handed["made"], outcome.handed["true"]
    away = (batch["spots"] == 0).expand_as(true)
    assert torch.equal(made[away], true[away]) and not torch.allclose(made, true, atol=1e-2)
    assert "doubt" in outcome.figures


def test_a_step_can_be_counted_without_data():
    cost = count_step(close_up_step(DEMO, replace(PLAIN, config=CloseUpConfig(teeth=True))), 1)
    assert cost.parameters == cost.learning > 1_000_000


def test_what_cannot_be_learnt_from_is_refused(source, encoder):
    with pytest.raises(SettingsError, match="kinds is empty"):
        replace(PLAIN, kinds=())
    with pytest.raises(InputError, match="no 'retouched_rendered' with fine"):
        CloseUpSamples(source, encoder, PLAIN, held_out=True)
