"""Takes: kept and read strictly, edited in closed form, and played by another face than they were sampled for."""

import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file

from emotivetalk_core.direction.take import Take, TakeRecord, is_take
from emotivetalk_core.direction.take_edits import cut, fitted, join, scale, shift, smooth
from emotivetalk_core.errors import InputError, OutputError, SettingsError, WeightsError
from emotivetalk_core.face.portrait import read_portrait
from emotivetalk_core.face.regions import face_regions
from emotivetalk_core.models.model_set import load_model_set
from emotivetalk_core.pipeline import TalkSettings, prepare_conditions, render
from emotivetalk_core.sampling.video import VideoSamplingSettings
from emotivetalk_core.types import ExpressionLatents, HeadPose, LipLatents, Speech
from emotivetalk_core.weight_files.checkpoint import save_checkpoint


def ramp(frames: int = 50, width: int = 3) -> torch.Tensor:
    """Frame i of channel c is i + 100 c: every value says where it came from."""
    return torch.arange(frames, dtype=torch.float32)[:, None] + 100.0 * torch.arange(width)


def whole_take(frames: int = 50) -> Take:
    return Take(
        ExpressionLatents(ramp(frames)),
        LipLatents(ramp(frames, 5)),
        HeadPose(ramp(frames, 6)),
        TakeRecord(emotion="happy", seed=7, weights="demo", note="the third try, the brows are right"),
    )


def test_a_take_comes_back_from_its_file(tmp_path):
    take = whole_take()
    take.save(tmp_path / "take.safetensors")
    loaded = Take.load(tmp_path / "take.safetensors")
    assert loaded.record == take.record and loaded.record.frames_per_second == 25
    assert loaded.courses().keys() == {"expression", "lip", "head_pose"}
    assert all(torch.equal(values, take.courses()[name]) for name, values in loaded.courses().items())
    assert is_take(tmp_path / "take.safetensors") and not is_take(tmp_path / "none.safetensors")
    (tmp_path / "text.safetensors").write_text("no take")
    assert not is_take(tmp_path / "text.safetensors")


def test_a_take_of_expression_alone_has_no_lips(tmp_path):
    Take(ExpressionLatents(ramp().half())).save(tmp_path / "take.safetensors")
    loaded = Take.load(tmp_path / "take.safetensors")
    assert loaded.lips is None and loaded.head_pose is None and loaded.record.seed is None
    assert loaded.expression.values.dtype == torch.float32


def test_a_take_says_in_one_line_what_it_is():
    assert whole_take().describe() == (
        "50 frames, 2.00 s, expression + lip + head_pose, happy, seed 7, demo, the third try, the brows are right"
    )


def write(path, tensors, kind="take", record=None):
    save_checkpoint(path, kind, tensors, {}, record or {})


@pytest.mark.parametrize(
    ("spoil", "error", "words"),
    [
        (lambda path: None, InputError, "does not exist"),
        (lambda path: path.mkdir(), InputError, "is a folder"),
        (lambda path: path.write_bytes(b""), WeightsError, "is empty"),
        (lambda path: path.write_bytes(b"\x80\x04" + bytes(100)), WeightsError, "pickle"),
        (lambda path: path.write_text("emotion: happy, for ever"), WeightsError, "not a safetensors file"),
        (lambda path: save_file({"expression": ramp()}, path), InputError, "not a take"),
        (lambda path: path.write_bytes(b"\x13" + bytes(7) + b'{"__metadata__":[]}'), InputError, "not a take"),
        (lambda path: write(path, {"latents": ramp()}, "emotion_codebook"), InputError, "emotion_codebook"),
        (lambda path: write(path, {"lip": ramp()}), InputError, "holds no expression"),
        (lambda path: write(path, {"expression": ramp(), "gaze": ramp()}), InputError, "'gaze'"),
        (lambda path: write(path, {"expression": ramp()[0]}), InputError, "shape"),
        (lambda path: write(path, {"expression": ramp()[:0]}), InputError, "shape"),
        (lambda path: write(path, {"expression": ramp() / 0}), InputError, "finite"),
        (lambda path: write(path, {"expression": ramp(), "lip": ramp(49)}), InputError, "49 of lip"),
        (lambda path: write(path, {"expression": ramp(), "head_pose": ramp()}), InputError, "3 wide"),
        (lambda path: write(path, {"expression": ramp()}, record={"mood": "new"}), InputError, "mood"),
        (lambda path: write(path, {"expression": ramp()}, record={"seed": "7"}), InputError, "seed"),
        (lambda path: write(path, {"expression": ramp()}, record={"frames_per_second": 30}), InputError, "30 frames"),
        (lambda path: write(path, {"expression": ramp()}, record={"note": "a" * 20_000}), InputError, "20000 letters"),
    ],
)
def test_whatever_is_no_whole_take_is_refused_in_one_sentence(tmp_path, spoil, error, words):
    path = tmp_path / "take.safetensors"
    spoil(path)
    with pytest.raises(error) as refused:
        Take.load(path)
    message = str(refused.value)
    assert words in message and str(path) in message and "\n" not in message and message.endswith(".")


def test_a_note_that_could_not_be_read_again_is_refused_before_anything_is_written():
    assert TakeRecord(note="a" * 10_000).note
    with pytest.raises(InputError, match="10001 letters.*10000 at most; shorten it"):
        TakeRecord(note="a" * 10_001)
    with pytest.raises(InputError, match="10001 letters"):
        replace(whole_take().record, note="a" * 10_001)


def test_a_take_that_is_cut_short_is_refused(tmp_path):
    path = tmp_path / "take.safetensors"
    whole_take().save(path)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(WeightsError, match="cut short"):
        Take.load(path)


def test_a_record_that_is_no_json_is_refused(tmp_path):
    path = tmp_path / "take.safetensors"
    save_file({"expression": ramp()}, path, {"format": "emotivetalk-1", "network": "take", "record": json.dumps([1])})
    with pytest.raises(InputError, match="record"):
        Take.load(path)


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "take.safetensors").mkdir()
    with pytest.raises(OutputError, match=r"The take cannot be written to .*take\.safetensors \(.+\); choose another"):
        whole_take().save(tmp_path / "take.safetensors")
    assert [path.name for path in tmp_path.iterdir()] == ["take.safetensors"]


def test_cutting_keeps_the_frames_between_the_times():
    piece = cut(whole_take(), 0.4, 1.2)
    assert all(torch.equal(values[:, 0], torch.arange(10.0, 30.0)) for values in piece.courses().values())
    assert torch.equal(cut(ExpressionLatents(ramp()), 1.0).values, ramp()[25:])
    assert torch.equal(cut(ExpressionLatents(ramp()), end=99.0).values, ramp())


@pytest.mark.parametrize(("start", "end"), [(2.0, None), (1.0, 1.0), (1.0, 0.5), (-0.5, 1.0), (float("nan"), 1.0)])
def test_a_cut_that_leaves_nothing_is_refused(start, end):
    with pytest.raises(SettingsError):
        cut(whole_take(), start, end)


def test_joining_without_a_fade_is_one_after_the_other():
    first, second = cut(whole_take(), 0, 0.8), cut(whole_take(), 0.8)
    joined = join(first, second)
    assert all(torch.equal(values, whole_take().courses()[name]) for name, values in joined.courses().items())


def test_a_fade_goes_from_one_to_the_other_in_even_steps():
    first, second = ExpressionLatents(torch.zeros(10, 2)), ExpressionLatents(torch.ones(20, 2))
    values = join(first, second, fade=0.16).values[:, 0]
    assert len(values) == 26
    torch.testing.assert_close(values[6:10], torch.tensor([0.2, 0.4, 0.6, 0.8]))
    assert not values[:6].any() and bool((values[10:] == 1).all())


def test_joined_takes_keep_what_both_hold():
    bare = replace(whole_take(), lips=None)
    assert join(whole_take(), bare).courses().keys() == {"expression", "head_pose"}
    assert join(bare, whole_take()).record == bare.record


def test_takes_that_do_not_meet_are_refused():
    with pytest.raises(SettingsError, match=r"0 to 2 s"):
        join(whole_take(50), whole_take(80), fade=2.1)
    with pytest.raises(InputError, match="3 and 4 wide"):
        join(ExpressionLatents(ramp(width=3)), ExpressionLatents(ramp(width=4)))


def test_scaling_goes_along_the_line_through_the_centre():
    take, neutral = whole_take(), torch.tensor([1.0, 2.0, 3.0])
    torch.testing.assert_close(scale(take, 2.0, neutral).expression.values, 2 * ramp() - neutral)
    torch.testing.assert_close(scale(take, 0.0, neutral).expression.values, neutral.expand(50, 3))
    still = scale(take, 0.0).expression.values
    torch.testing.assert_close(still, ramp().mean(0).expand(50, 3))
    torch.testing.assert_close(scale(take, 3.0).expression.values.mean(0), ramp().mean(0))
    assert torch.equal(scale(take, 1.0).expression.values, ramp())
    assert torch.equal(scale(take, 0.0).lips.values, ramp(50, 5))  # the mouth has a strength of its own


@pytest.mark.parametrize("amount", [-0.1, float("nan"), float("inf")])
def test_an_impossible_strength_is_refused(amount):
    with pytest.raises(SettingsError, match="strength"):
        scale(whole_take(), amount)


def test_a_neutral_of_another_width_is_refused():
    with pytest.raises(InputError, match="3 wide"):
        scale(whole_take(), 1.0, torch.zeros(4))


def test_smoothing_is_the_weighted_mean_of_the_frames_around():
    values = torch.randn(30, 2, generator=torch.Generator().manual_seed(3))
    smoothed = smooth(ExpressionLatents(values), 0.24).values  # 3 frames to each side
    for frame in (0, 2, 15, 29):
        around = [index for index in range(frame - 3, frame + 4) if 0 <= index < 30]
        weights = torch.tensor([0.5 + 0.5 * torch.cos(torch.tensor(torch.pi * (i - frame) / 4)) for i in around])
        torch.testing.assert_close(smoothed[frame], (weights[:, None] * values[around]).sum(0) / weights.sum())


def test_smoothing_calms_and_leaves_what_is_even():
    noise = torch.randn(200, 4, generator=torch.Generator().manual_seed(0))
    wilder = [float(smooth(ExpressionLatents(noise), seconds).values.std()) for seconds in (0.0, 0.2, 0.6, 2.0)]
    assert wilder == sorted(wilder, reverse=True) and wilder[-1] < 0.3 * wilder[0]
    even = ExpressionLatents(torch.full((5, 2), 0.7))
    torch.testing.assert_close(smooth(even, 1e6).values, even.values)  # far wider than the take is long
    assert torch.equal(smooth(whole_take(), 0.0).expression.values, ramp())
    assert torch.equal(smooth(whole_take(), 1.0).lips.values, ramp(50, 5))


def test_shifting_holds_the_end_that_is_not_known():
    later = shift(whole_take(), 0.2)
    assert all(values[:, 0].tolist() == [0] * 5 + list(range(45)) for values in later.courses().values())
    assert shift(ExpressionLatents(ramp()), -0.2).values[:, 0].tolist() == [*range(5, 50)] + [49] * 5
    assert shift(ExpressionLatents(ramp()), 99.0).values[:, 0].tolist() == [0] * 50


@pytest.mark.parametrize("how", ["trim", "loop", "ping-pong", "stretch"])
@pytest.mark.parametrize("frames", [20, 50, 130])
def test_fitting_gives_everything_the_length_of_the_speech(how, frames):
    take = fitted(whole_take(), frames, how)
    assert {len(values) for values in take.courses().values()} == {frames}
    if frames == 50:
        torch.testing.assert_close(take.expression.values, ramp())


def test_edits_leave_the_take_they_were_given(tmp_path):
    take = whole_take()
    for edit in (lambda: cut(take, 0.5), lambda: scale(take, 2), lambda: smooth(take, 1), lambda: join(take, take, 1)):
        assert edit().record == take.record
    assert torch.equal(take.expression.values, ramp()) and torch.equal(take.lips.values, ramp(50, 5))


@pytest.fixture(scope="module")
def models(tiny_weights):
    """The tiny networks, with what is born zero made alive: else Di-CTE is still, and ETHD deaf to the expression."""
    models = load_model_set(tiny_weights, torch.device("cpu"), torch.float32)
    generator = torch.Generator().manual_seed(0)
    for parameter in (*models.dicte.parameters(), *models.ethd.parameters()):
        if not parameter.any():
            parameter.normal_(std=0.1, generator=generator)
    return models


def test_a_take_of_one_portrait_drives_another(models, portrait_file, photograph, tmp_path):
    """Sampled for one face, kept, edited and played by its mirror image, which is another face to the networks."""
    settings = TalkSettings(
        emotion="happy", expression_steps=2, video=VideoSamplingSettings(steps=2, window=8, overlap=2)
    )
    speech = Speech(0.1 * torch.randn(16_000, generator=torch.Generator().manual_seed(0)))
    portrait = read_portrait(portrait_file)
    one = face_regions(portrait, box=(80.0, 60.0, 170.0, 170.0), size=models.picture_size)
    mirrored = replace(portrait, pixels=portrait.pixels.flip(-1))
    other = face_regions(mirrored, box=(86.0, 60.0, 176.0, 170.0), size=models.picture_size)

    sampled = prepare_conditions(models, speech, one, settings)
    Take(ExpressionLatents(sampled.driving_expression), LipLatents(sampled.lip)).save(tmp_path / "take.safetensors")
    take = Take.load(tmp_path / "take.safetensors")

    played = prepare_conditions(models, speech, other, replace(settings, expression=take.expression))
    assert torch.equal(played.driving_expression, sampled.driving_expression)
    assert not torch.equal(played.reference_expression, sampled.reference_expression)
    anew = prepare_conditions(models, speech, other, settings)
    assert not torch.equal(anew.driving_expression, take.expression.values)  # without the take it moves otherwise

    livelier = prepare_conditions(models, speech, other, replace(settings, expression=scale(take, 1.5).expression))
    films = [torch.cat(list(render(models, conditions, settings))) for conditions in (played, livelier, anew)]
    assert films[0].shape == (25, 3, 64, 64) and all(torch.isfinite(film).all() for film in films)
    assert not torch.equal(films[0], films[1]) and not torch.equal(films[0], films[2])
