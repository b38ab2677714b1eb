"""Sources and direction measured: known readings give 1 and 0, bad ones fail, tiny networks fill the whole report."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from emotivetalk_core.direction.retime import PING_PONG, retime
from emotivetalk_core.evaluation import direction, sources
from emotivetalk_core.evaluation.direction import (
    Mixture,
    blend_figures,
    change_frame,
    intensity_figures,
    motion_figures,
    pose_figures,
    spearman,
    strength,
    timeline_figures,
)
from emotivetalk_core.evaluation.plan import FULL, SMALL, SuitePlan
from emotivetalk_core.evaluation.readings import Readings
from emotivetalk_core.evaluation.report import TARGETS, compare, plain
from emotivetalk_core.evaluation.sources import SENTENCES, SETTLED, Cast, driver_of, leak_figures, source_row, taken_for
from emotivetalk_core.evaluation.studio import Scene, Studio
from emotivetalk_core.evaluation.unseen import portrait_of, unseen_clips
from emotivetalk_core.face.head_motion import head_motion
from emotivetalk_core.models.face_probe import FaceProbe, FaceProbeConfig, load_probe
from emotivetalk_core.models.model_set import load_model_set
from emotivetalk_core.models.speech_emotion import HeardEmotion
from emotivetalk_core.pipeline import TalkSettings
from emotivetalk_core.synthesis.action_units import ACTION_UNITS, emotion_action_units
from emotivetalk_core.types import EMOTIONS, Emotion, ExpressionLatents, HeadPose
from emotivetalk_core.weight_files.checkpoint import save_checkpoint

PLAN = SuitePlan(
    lineup=4,
    emotions=("happy", "sad"),
    emotion_frames=6,
    more_portraits=1,
    driver_frames=4,
    voices=2,
    voice_frames=10,
    voiced=3,
    directed_frames=3,
    knobs=(0.0, 1.0, 2.0),
    directed=("happy", "sad"),
    blends=(("happy", "sad"),),
    turns=(("happy", "sad"), ("sad", "neutral")),
    turn_frames=10,
    amounts=(0.0, 60.0, 150.0),
)


def readings_of(
    n: int,
    *,
    emotion: str = "neutral",
    person: int = 0,
    opening: np.ndarray | None = None,
    units: np.ndarray | None = None,
) -> Readings:
    """A film of n frames that shows one thing plainly."""
    emotions = np.zeros((n, len(EMOTIONS)))
    emotions[:, EMOTIONS.index(emotion)] = 1
    return Readings(
        opening=np.zeros(n) if opening is None else opening,
        action_units=np.tile(np.zeros(len(ACTION_UNITS)) if units is None else units, (n, 1)),
        emotion=emotions,
        identity=np.tile(np.eye(6)[person], (n, 1)),
        background=np.zeros((n, 3)),
        heat=np.tile([0.1, 0.2, 0.3], (n, 1)),
    )


@pytest.fixture(scope="module")
def studio(tiny_weights, tmp_path_factory):
    """Tiny untrained networks; the probe, too."""
    folder = tmp_path_factory.mktemp("studio")
    torch.manual_seed(0)
    probe = FaceProbe(FaceProbeConfig(channels=(8, 8, 8, 8, 8), embedding=6))
    save_checkpoint(folder / "probe.safetensors", "face_probe", probe, probe.config, {})
    return Studio(
        tiny_weights, load_model_set(tiny_weights), load_probe(folder / "probe.safetensors"), folder / "films"
    )


# Intensity


def test_strength_is_nought_at_rest_and_one_at_the_emotions_height():
    for name in EMOTIONS[:-1]:
        units = emotion_action_units(name)
        assert strength(readings_of(3), name) == 0
        assert strength(readings_of(3, units=units), name) == pytest.approx(1)
        assert strength(readings_of(3, units=1.5 * units), name) == pytest.approx(1.5)


def test_a_knob_that_works_has_rank_correlation_one_and_a_dead_or_reversed_one_does_not():
    knobs = (0.0, 0.5, 1.0, 2.0)
    figures = intensity_figures(knobs, {"happy": [0, 0.1, 0.9, 0.95], "sad": [0, 1, 2, 3]})
    assert figures["spearman"] == figures["worst"] == pytest.approx(1)
    figures = intensity_figures(knobs, {"happy": [3, 2, 1, 0], "sad": [1, 1, 1, 1]})
    assert figures["emotions"] == {"happy": pytest.approx(-1), "sad": 0}
    assert figures["spearman"] == pytest.approx(-0.5)


def test_rank_correlation_is_scipys():
    from scipy.stats import spearmanr

    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 5, 30), rng.random(30)
    assert spearman(a.tolist(), b.tolist()) == pytest.approx(spearmanr(a, b).statistic)


# Blends


def test_a_true_mixture_lies_between_its_parents_and_at_its_weight():
    happy, sad = emotion_action_units("happy"), emotion_action_units("sad")
    mixtures = [Mixture(happy, sad, share * happy + (1 - share) * sad, share) for share in (0.5, 0.25)]
    figures = blend_figures(mixtures)
    assert figures["between"] == 1
    assert figures["place"] == {"0.5": pytest.approx(0.5), "0.25": pytest.approx(0.25)}
    assert figures["units"] == 2 * int((np.abs(happy - sad) >= direction.APART).sum())


def test_a_blend_that_shows_something_else_lies_outside():
    happy, sad = emotion_action_units("happy"), emotion_action_units("sad")
    assert blend_figures([Mixture(happy, sad, np.maximum(happy, sad) + 0.2, 0.5)])["between"] == 0
    assert np.isnan(blend_figures([Mixture(happy, happy, sad, 0.5)])["between"])


# Timelines


def turning(n: int, at: int, before: str, after: str, wrong: tuple[int, ...] = ()) -> Readings:
    film = readings_of(n)
    film.emotion[:] = 0.01
    for frame in range(n):
        shown = after if (frame >= at) != (frame in wrong) else before
        film.emotion[frame, EMOTIONS.index(shown)] = 0.9
    return film


@pytest.mark.parametrize("at", [0, 1, 20, 39, 40])
def test_a_change_is_found_at_its_frame(at):
    assert change_frame(turning(40, at, "happy", "angry"), "happy", "angry") == at


def test_single_frames_read_wrongly_do_not_move_the_change():
    assert change_frame(turning(40, 20, "happy", "angry", wrong=(5, 30)), "happy", "angry") == 20


def test_a_gradual_change_is_found_halfway():
    film = readings_of(40)
    film.emotion[:] = 0
    share = np.clip((np.arange(40) - 10) / 20, 0, 1)
    film.emotion[:, EMOTIONS.index("sad")], film.emotion[:, EMOTIONS.index("fear")] = 1 - share, share
    assert change_frame(film, "sad", "fear") in (20, 21)


def test_what_is_due_is_asked_away_from_the_key():
    film = turning(40, 22, "happy", "angry")
    assert direction.as_due(film, "happy", "angry", 20) == 1
    assert direction.as_due(film, "sad", "worried", 20) == 0
    assert direction.as_due(turning(40, 0, "happy", "angry"), "happy", "angry", 20) == 0.5
    assert np.isnan(direction.as_due(film.cut(slice(0, 4)), "happy", "angry", 2))


def test_lateness_is_counted_in_frames_from_the_keys():
    assert timeline_figures([20, 25], [20, 25])["worst"] == 0
    figures = timeline_figures([20, 25, 30], [22, 24, 40])
    assert (figures["median"], figures["worst"], figures["lag"]) == (2, 10, 2)
    assert figures["within"] == pytest.approx(2 / 3) and figures["each"] == [2, -1, 10]


# The head


def test_head_motion_read_as_asked_correlates_fully_and_a_still_head_not_at_all():
    amounts = (0.0, 50.0, 100.0)
    poses = [direction.sway(50, amount, seed=0).values.numpy() for amount in amounts]
    figures = motion_figures(amounts, poses)
    assert figures["correlation"] > 0.99 and figures["measured"][0] == 0
    assert motion_figures(amounts, [poses[0]] * 3)["correlation"] == 0
    assert motion_figures(amounts, poses[::-1])["correlation"] < -0.99


def test_a_track_that_is_followed_has_no_error_wherever_its_zero_lies():
    track = head_motion(np.random.default_rng(0), 50, 1.0)
    figures = pose_figures(track, track + np.arange(6))
    assert all(value == pytest.approx(0, abs=1e-4) for value in figures["error"].values())
    assert all(value == pytest.approx(1) for value in figures["correlation"].values())
    still = pose_figures(track, np.zeros_like(track))
    assert still["error"]["yaw"] == pytest.approx(np.degrees(np.abs(track[:, 0] - track[:, 0].mean()).mean()))
    assert set(still["correlation"].values()) == {0.0}


# Sources


def cast_of_two(n: int = 40) -> Cast:
    """Two portraits, two emotions."""
    clips = unseen_clips(2, n, offset=100, emotion="neutral")
    portraits = [portrait_of(clip.identity, 64) for clip in clips]
    owners, asked = (0, 0, 1, 1), ("happy", "sad") * 2
    scenes = tuple(Scene("emotion", clips[o], portraits[o], name) for o, name in zip(owners, asked, strict=True))
    return Cast(scenes, asked, owners, tuple(Scene("plain", *pair) for pair in zip(clips, portraits, strict=True)))


def film_of(cast: Cast, index: int, **shown) -> Readings:
    opening = cast.clips[index].mouth[:, 0]
    given = {"emotion": cast.asked[index], "person": cast.owners[index], "opening": opening, **shown}
    return readings_of(len(opening), **given)


def test_a_perfect_source_gets_perfect_figures_and_a_bad_one_fails():
    cast = cast_of_two()
    plain_films = [readings_of(40, person=i, opening=scene.clip.mouth[:, 0]) for i, scene in enumerate(cast.plain)]
    lineup = np.eye(6)
    row = source_row([film_of(cast, i) for i in range(4)], cast, plain_films, lineup)
    assert row["accuracy"] == row["votes"] == row["identity_accuracy"] == 1
    assert row["sync"] == pytest.approx(1) and row["sync_fall"] == pytest.approx(0)
    wrong = [film_of(cast, i, emotion="fear", person=5, opening=np.zeros(40)) for i in range(4)]
    row = source_row(wrong, cast, plain_films, lineup)
    assert row["accuracy"] == row["votes"] == row["identity_accuracy"] == row["sync"] == 0
    assert row["sync_fall"] == pytest.approx(1)


def test_a_driver_that_comes_through_is_seen_to():
    cast, lineup = cast_of_two(), np.eye(6)
    rng = np.random.default_rng(0)
    lips = [rng.random(40) for _ in range(4)]
    clean = [film_of(cast, i) for i in range(4)]
    figures = leak_figures(clean, clean, lips, cast, lineup)
    assert figures["identity_fall"] == figures["taken_for_driver"] == 0
    assert figures["likeness"] == {"with": 1, "without": 1} and abs(figures["lips"]) < 0.3
    leaking = [film_of(cast, i, person=2 + i, opening=lips[i]) for i in range(4)]
    figures = leak_figures(leaking, clean, lips, cast, lineup)
    assert figures["identity_fall"] == figures["taken_for_driver"] == 1
    assert figures["likeness"]["with"] == 0 and figures["lips"] == pytest.approx(1)
    assert figures["around"] == {"with": pytest.approx(0.3), "without": pytest.approx(0.3)}
    assert taken_for(leaking, [2, 3, 4, 0], lineup) == 0.75


def test_a_driver_is_someone_else_at_the_height_of_the_emotion():
    cast = cast_of_two()
    driver = driver_of(0, "angry", 5, 64)
    assert driver.frames.shape == (5, 3, 64, 64) and driver.opening.shape == (5,)
    assert driver.clip.frames == SETTLED + 5 and driver.clip.emotion == "angry"
    assert driver.clip.identity.seed not in {clip.identity.seed for clip in cast.clips}


def heard(name: str) -> HeardEmotion:
    return HeardEmotion(torch.eye(len(EMOTIONS))[EMOTIONS.index(name)])


def test_recognition_counts_recordings_and_a_wrong_keyword_shows_another_film():
    given = {"happy": [heard("happy"), heard("sad")], "sad": [heard("sad"), heard("sad")]}
    figures = sources.recognition_figures(given)
    assert figures["accuracy"] == 0.75 and figures["recordings"] == 4
    assert figures["confusion"]["happy"][EMOTIONS.index("sad")] == 0.5
    cast = cast_of_two(10)
    films = [film_of(cast, i) for i in range(4)]
    assert sources.keyword_accuracy(given, films, cast) == 0.75
    assert sources.keyword_accuracy({"happy": [heard("fear")]}, films, cast) == 0


def test_every_emotion_has_three_sentences():
    assert tuple(SENTENCES) == EMOTIONS and {len(said) for said in SENTENCES.values()} == {3}


def test_an_emotion_of_the_codebook_is_the_same_film_as_its_name(studio):
    cast, codebook = cast_of_two(10), studio.models.codebook
    known = Emotion(codebook.lookup("fear"), "from a sentence")
    other = Emotion(codebook.lookup("fear", 0.5))
    told = cast.directed_scenes([known, other, known, other], codebook)
    assert [scene.emotion for scene in told] == ["fear", other, "fear", other]


def test_films_are_told_apart_by_what_drives_them_and_only_by_that():
    scene = cast_of_two(10).scenes[0]
    latents = torch.randn(10, 6, generator=torch.Generator().manual_seed(0))
    ways = [
        scene,
        replace(scene, emotion=None),
        replace(scene, emotion=Emotion(latents[0])),
        replace(scene, emotion=Emotion(latents[1])),
        replace(scene, emotion=Emotion(latents)),
        replace(scene, emotion=None, expression=ExpressionLatents(latents)),
        replace(scene, emotion=None, head_pose=HeadPose(latents + 1)),
    ]
    assert len({way.direction for way in ways}) == len(ways)
    assert ways[2].direction == replace(scene, emotion=Emotion(latents[0] + 1e-7, "another name")).direction
    settings = ways[5].settings(TalkSettings(emotion="sad", lip_strength=0.5))
    assert settings.expression is ways[5].expression and settings.emotion is None and settings.lip_strength == 0.5


# The whole, with tiny networks


def numbers(value) -> list[float]:
    if isinstance(value, dict):
        return [number for item in value.values() for number in numbers(item)]
    if isinstance(value, list):
        return [number for item in value for number in numbers(item)]
    return [value] if isinstance(value, float | int) and not isinstance(value, bool) else []


def finder_free_pose(frames: torch.Tensor) -> np.ndarray:
    """A stand-in for a reader of head poses: how bright the frames are."""
    return np.tile(frames.mean((1, 2, 3)).numpy()[:, None], (1, 6))


def test_the_report_of_the_sources_is_whole_and_a_second_run_films_nothing(studio):
    first = plain(sources.measure_sources(studio, PLAN))["sources"]
    films = {path: path.stat().st_mtime_ns for path in studio.archive.glob("*.npz")}
    assert plain(sources.measure_sources(studio, PLAN))["sources"] == first
    assert {path: path.stat().st_mtime_ns for path in studio.archive.glob("*.npz")} == films
    for name in ("codebook", "video", "image", "text", "portrait"):
        assert {"accuracy", "votes", "confusion", "sync", "sync_fall", "identity_accuracy"} <= set(first[name])
    assert {"identity_fall", "taken_for_driver", "likeness", "lips", "around", "of_driver"} <= set(first["video"])
    assert first["speech"] is None and "speech_emotion.safetensors" in first["missing"]["speech"]
    assert all(np.isfinite(numbers(first))) and len(numbers(first)) > 60
    names = [target.name for target in TARGETS if target.name.startswith("sources.") and "speech" not in target.name]
    assert set(names) == set(compare({"sources": first}))


def test_a_cast_that_plays_again_takes_its_people_in_turn():
    cast, again = cast_of_two(), cast_of_two().again(3)
    assert [(scene.name, scene.emotion) for scene in again.scenes] == [
        ("emotion", name) for name in ("happy", "sad") * 3
    ]
    assert again.owners == (0, 0, 1, 1, 0, 0) and again.asked == ("happy", "sad") * 3
    assert [clip.seed for clip in again.clips] == [cast.clips[i].seed for i in (0, 1, 2, 3, 0, 1)]


def test_with_a_recogniser_the_speech_is_a_source_too(studio):
    from emotivetalk_core.models.speech_emotion import SpeechEmotionConfig, SpeechEmotionRecogniser

    torch.manual_seed(1)
    ears = {"conv_dim": (8, 8), "conv_kernel": (64, 4), "conv_stride": (32, 4), "hidden_size": 16}
    layers = {"num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16, "classifier_proj_size": 8}
    config = SpeechEmotionConfig(**ears, **layers, num_conv_pos_embeddings=4, num_conv_pos_embedding_groups=2)
    hearing = replace(studio.models, speech_emotion=SpeechEmotionRecogniser(config).eval)
    with_ears = Studio(studio.weights, hearing, studio.probe, studio.archive)
    figures = plain(sources.measure_sources(with_ears, PLAN))["sources"]
    assert figures["missing"] == {} and figures["speech"]["recognition"]["recordings"] == 6
    assert np.isfinite(numbers(figures["speech"])).all()
    assert "sources.speech.accuracy" in compare({"sources": figures})


def test_what_drives_the_video_source_is_the_drivers_expression_retimed(studio):
    cast = sources.cast_of(studio, PLAN)
    drivers = [driver_of(i, name, 4, studio.size) for i, name in enumerate(cast.asked)]
    scene = sources.video_scenes(studio, cast, drivers)[1]
    with torch.no_grad():
        read = studio.models.motion_encoder.expression(drivers[1].frames)
    assert scene.expression is not None and scene.emotion is None and scene.portrait is cast.scenes[1].portrait
    assert torch.allclose(scene.expression.values, retime(read, 6, PING_PONG))


def test_the_report_of_the_direction_is_whole_and_a_second_run_films_nothing(studio):
    first = plain(direction.measure_direction(studio, PLAN, finder_free_pose))["direction"]
    made = {path: path.stat().st_mtime_ns for path in studio.archive.iterdir()}
    assert plain(direction.measure_direction(studio, PLAN, finder_free_pose))["direction"] == first
    assert {path: path.stat().st_mtime_ns for path in studio.archive.iterdir()} == made
    assert not [path for path in made if ".part" in path.name]
    assert set(first["intensity"]["emotions"]) == {"happy", "sad"} and len(first["intensity"]["strengths"]["sad"]) == 3
    assert len(first["timeline"]["each"]) == 2 and set(first["silence"]["emotions"]) == {"happy", "sad"}
    assert first["motion"]["amounts"] == [0.0, 60.0, 150.0] and set(first["pose"]["error"]) == set(direction.POSE_PARTS)
    assert first["missing"] == {} and json.dumps(first)


def test_knob_zero_is_one_film_for_all_emotions(studio):
    films = direction.DirectedFilms(studio, PLAN)
    directions = [films.scene(source, 3).direction for source in ("happy 0", "sad 0", "neutral")]
    assert directions == directions[:1] * 3
    assert films.scene("happy", 3).direction != films.scene("happy 0.5", 3).direction


def test_without_a_reader_of_heads_their_figures_are_null_with_a_reason(studio):
    figures = direction.measure_direction(studio, PLAN)["direction"]
    assert figures["motion"] is figures["pose"] is None and set(figures["missing"]) == {"motion", "pose"}


def test_the_speaker_rests_within_the_films_of_the_full_plan():
    clip = direction.speaker(FULL.turn_frames)
    silent = direction.silent_frames(clip.mouth[:, 0])
    assert clip.frames == FULL.turn_frames and silent.sum() >= 8 and (clip.mouth[:, 0] > 0).sum() >= 20


def test_the_plans_name_only_emotions_and_the_small_one_makes_none_of_these_films():
    assert {name for pair in FULL.blends + FULL.turns for name in pair} | set(FULL.directed) <= set(EMOTIONS)
    assert "neutral" not in FULL.directed and len(FULL.directed) == 7
    assert not {"sources", "direction"} & set(SMALL.sections)
