"""The synthetic suite with tiny untrained networks: every figure is there and finite, stops lose little, true
drawings read as true."""

import copy
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny import TINY

from emotivetalk_core.errors import OutputError, WeightsError
from emotivetalk_core.evaluation.ablation import NO_EXPRESSION, NO_LIP
from emotivetalk_core.evaluation.holding import raw_audio
from emotivetalk_core.evaluation.metrics import finite_mean, slope, total_variation
from emotivetalk_core.evaluation.plan import FULL, SECTIONS, SMALL, SuitePlan
from emotivetalk_core.evaluation.probes import train_probes
from emotivetalk_core.evaluation.protocols import emotion_figures, identity_accuracy, silence, sync
from emotivetalk_core.evaluation.readings import HEAT_REGIONS, Readings, read_film
from emotivetalk_core.evaluation.report import TARGETS, Report, compare, digest_of, plain
from emotivetalk_core.evaluation.speed import time_one_film
from emotivetalk_core.evaluation.studio import Scene, Studio
from emotivetalk_core.evaluation.synthetic_suite import PROTOCOLS, run
from emotivetalk_core.evaluation.unseen import FIRST_SEED, beginning, drawn, portrait_of, speech_of, unseen_clips
from emotivetalk_core.models.ethd import ETHD
from emotivetalk_core.models.face_probe import load_probe
from emotivetalk_core.models.model_set import load_model_set
from emotivetalk_core.pipeline import TalkSettings, prepare_conditions
from emotivetalk_core.recipes.drawn_heads import DrawnSettings
from emotivetalk_core.synthesis.clip import IDENTITY_SEEDS
from emotivetalk_core.training.ablation import from_renderer, variants
from emotivetalk_core.training.job import Job
from emotivetalk_core.training.loop import Engine, LoopSettings
from emotivetalk_core.types import EMOTIONS
from emotivetalk_core.weight_files.checkpoint import save_checkpoint

PLAN = SuitePlan(
    # speed starts a process of its own; sources and direction are measured in test_evaluation_direction.py
    sections=tuple(section for section in SECTIONS if section not in ("speed", "sources", "direction")),
    lineup=4,
    clips=2,
    clip_frames=16,
    emotions=("happy", "sad"),
    emotion_frames=4,
    more_portraits=1,
    ablation_clips=2,
    ablation_frames=6,
    edi_portraits=1,
    edi_frames=3,
    dicte_clips=2,
    dicte_frames=8,
    seeds=2,
    lengths=(6, 12),
    drawn_clips=2,
    drawn_frames=16,
    round_trips=1,
)


@pytest.fixture(scope="module")
def suite(tiny_weights, probe_file, tmp_path_factory):
    """The report of the whole suite, where it lies, and the sections that reported."""
    out = tmp_path_factory.mktemp("suite") / "report.json"
    told: list[str] = []
    report = run(
        tiny_weights, out, plan=PLAN, probe=probe_file, device="cpu", on_step=lambda name, *_: told.append(name)
    )
    return report, out, told


@pytest.fixture(scope="module")
def models(tiny_weights):
    return load_model_set(tiny_weights)


def readings_of(clip, emotion: str | None = None, person: int = 0) -> Readings:
    """What a perfect probe would read from a clip's drawings."""
    n = clip.frames
    emotions = np.zeros((n, len(EMOTIONS)))
    emotions[:, EMOTIONS.index(emotion or clip.emotion)] = 1
    return Readings(
        opening=clip.mouth[:, 0],
        action_units=clip.action_units,
        emotion=emotions,
        identity=np.tile(np.eye(4)[person], (n, 1)),
        background=np.zeros((n, 3)),
        heat=np.zeros((n, 3)),
    )


def numbers(value) -> list[float]:
    if isinstance(value, dict):
        return [number for item in value.values() for number in numbers(item)]
    if isinstance(value, list):
        return [number for item in value for number in numbers(item)]
    return [value] if isinstance(value, float | int) and not isinstance(value, bool) else []


def test_the_report_has_every_figure(suite):
    report, out, _ = suite
    assert report == json.loads(out.read_text())
    for name in (
        "meta probes.real probes.through_vae sync.correlation sync.shuffled silence.opening_ratio "
        "identity.accuracy emotion.accuracy emotion.votes emotion.confusion emotion.portraits.accuracy "
        "decoupling.both.sync decoupling.lip_only.emotion_change decoupling.expression_only.sync "
        "decoupling.expression_only.emotion_accuracy decoupling.lip_only.heat.lips ablation.full "
        "ablation.no_lip.sync ablation.no_expression.expression_distance ablation.no_decoupling "
        "ablation.edi.angry ablation.edi.happy ablation.direct_injection ablation.no_edi "
        "ablation.missing.no_decoupling dicte.variance.with dicte.variance.without dicte.variance.true "
        "dicte.diversity dicte.shown.with long.6.sync long.12.colour_drift long.last long.largest_change targets "
        "face_finder"
    ).split():
        value = report
        for key in name.split("."):
            assert key in value, name
            value = value[key]
    figures = [value for key, value in report.items() if key != "meta"]
    assert all(np.isfinite(numbers(figures)))
    assert len(numbers(figures)) > 100


def test_what_does_not_exist_is_null_with_its_reason(suite):
    ablation = suite[0]["ablation"]
    for name in ("no_decoupling", "direct_injection", "no_edi", "edi_retrained"):
        assert ablation[name] is None
        assert f"ablation/{name}.safetensors" in ablation["missing"][name]
    assert suite[0]["face_finder"] is None


def test_dicte_varies_over_time_and_seeds_and_a_held_expression_does_not(models, tiny_weights, probe_file, tmp_path):
    network = copy.deepcopy(models.dicte)
    torch.nn.init.normal_(network.project_out.weight)  # an untrained network answers zero
    studio = Studio(tiny_weights, replace(models, dicte=network), load_probe(probe_file), tmp_path / "films")
    figures = PROTOCOLS["dicte"](studio, PLAN)["dicte"]
    assert figures["variance"]["without"] == pytest.approx(0, abs=1e-9)
    assert figures["variance"]["with"] > 0 and figures["variance"]["true"] > 0 and figures["diversity"] > 0


def test_a_second_run_makes_nothing_again(suite, tiny_weights, probe_file):
    report, out, told = suite
    assert set(told) >= {"probes", "sync", "emotion", "dicte", "ablation", "long"}
    again: list[str] = []
    assert (
        run(tiny_weights, out, plan=PLAN, probe=probe_file, device="cpu", on_step=lambda name, *_: again.append(name))
        == report
    )
    assert again == []


def test_a_stopped_run_keeps_its_sections_and_films(suite, tiny_weights, probe_file, tmp_path):
    out = tmp_path / "report.json"
    asked = {"plan": replace(PLAN, sections=("sync", "emotion")), "probe": probe_file, "device": "cpu"}

    def stop(section: str, done: int, total: int) -> None:
        if section == "emotion" and done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tiny_weights, out, **asked, on_step=stop)
    assert "sync" in json.loads(out.read_text())["sections"]
    films = list(out.parent.glob("report.films/*/*.npz"))
    assert len(films) == PLAN.clips + 1
    made = films[0].stat().st_mtime_ns
    told: list[str] = []
    report = run(tiny_weights, out, **asked, on_step=lambda name, *_: told.append(name))
    assert films[0].stat().st_mtime_ns == made and set(told) == {"emotion"}
    assert report["sync"] == suite[0]["sync"]
    assert report["emotion"] == suite[0]["emotion"]


def test_other_weights_are_measured_anew(tmp_path):
    report = Report(tmp_path / "report.json", {"plan": 1}, {"sync": "a", "emotion": "b"})
    report.add("sync", {"sync": {"correlation": 0.9}, "identity": {"accuracy": 1.0}})
    report.add("emotion", {"emotion": {"accuracy": float("nan")}})
    assert report.figures["targets"]["sync.correlation"] == {"value": 0.9, "wanted": ">= 0.8", "met": True}
    later = Report(tmp_path / "report.json", {"plan": 1}, {"sync": "other", "emotion": "b"})
    assert not later.has("sync") and "sync" not in later.figures and "identity" not in later.figures
    assert later.has("emotion") and later.figures["emotion"] == {"accuracy": None}


def test_a_report_that_cannot_be_written_is_refused_at_once(tiny_weights, probe_file, tmp_path):
    with pytest.raises(OutputError, match="report"):
        run(tiny_weights, tmp_path / "no folder" / "report.json", plan=PLAN, probe=probe_file, device="cpu")


def test_a_missing_probe_is_named(tiny_weights, tmp_path):
    with pytest.raises(WeightsError, match="nothing.safetensors"):
        run(tiny_weights, tmp_path / "r.json", plan=PLAN, probe=tmp_path / "nothing.safetensors", device="cpu")


def test_plans_and_protocols_agree():
    assert tuple(PROTOCOLS) == FULL.sections
    assert set(SMALL.sections) < set(FULL.sections)
    assert (FULL.clips, FULL.lineup, FULL.emotions, FULL.lengths) == (20, 20, EMOTIONS, (120, 250, 750, 1500))
    assert {target.name.split(".")[0] for target in TARGETS} >= {
        "sync",
        "silence",
        "emotion",
        "identity",
        "long",
        "speed",
    }


def test_the_clips_are_unseen_and_everyone_is_someone_else():
    clips = unseen_clips(3, 25)
    low, high = IDENTITY_SEEDS["test"]
    assert all(low <= clip.identity.seed < high and clip.seed >= FIRST_SEED for clip in clips)
    assert len({clip.identity.seed for clip in clips}) == 3
    assert len({clip.text for clip in clips}) > 1


def test_a_beginning_is_the_same_speech_cut():
    (clip,) = unseen_clips(1, 10)
    cut = beginning(clip, 4)
    assert cut.frames == 4 == speech_of(cut).frames
    assert np.array_equal(cut.samples, clip.samples[: 4 * 640]) and np.array_equal(cut.mouth, clip.mouth[:4])


def test_a_portrait_is_at_rest_with_its_masks():
    (clip,) = unseen_clips(1, 1)
    portrait = portrait_of(clip.identity, 64)
    assert portrait.crop.shape == (3, 64, 64) and 0 <= portrait.crop.min() and portrait.crop.max() <= 1
    assert portrait.face_mask.shape == portrait.lip_mask.shape == (1, 64, 64)
    assert 0 < portrait.lip_mask.sum() < portrait.face_mask.sum() < 64 * 64
    assert not torch.equal(portrait.crop, portrait_of(clip.identity, 64, "happy").crop)


def test_readings_of_true_drawings(probe_file, tmp_path):
    (clip,) = unseen_clips(1, 5)
    portrait = portrait_of(clip.identity, 64)
    readings = read_film(load_probe(probe_file), drawn(clip, 64).split(2), portrait)
    assert readings.opening.shape == (5,) and readings.emotion.shape == (5, 8) and readings.heat.shape == (5, 3)
    assert readings.emotion.sum(1) == pytest.approx(np.ones(5))
    assert np.linalg.norm(readings.person) == pytest.approx(1)
    readings.save(tmp_path / "films" / "one.npz")
    again = Readings.load(tmp_path / "films" / "one.npz")
    assert np.array_equal(again.identity, readings.identity)
    assert again.cut(slice(1, 3)).opening.tolist() == readings.opening[1:3].tolist()


def test_a_still_film_shows_no_heat_and_a_new_mouth_only_there(probe_file):
    (clip,) = unseen_clips(1, 1)
    portrait = portrait_of(clip.identity, 64)
    probe = load_probe(probe_file)
    assert not read_film(probe, [portrait.crop[None]], portrait).heat.any()
    moved = torch.where(portrait.lip_mask > 0, 1 - portrait.crop, portrait.crop)[None]
    heat = dict(zip(HEAT_REGIONS, read_film(probe, [moved], portrait).heat[0], strict=True))
    assert heat["lips"] > 0.05 and heat["face"] == heat["around"] == 0


def test_perfect_readings_get_perfect_figures():
    clips = unseen_clips(3, 60)
    readings = [readings_of(clip, person=i) for i, clip in enumerate(clips)]
    assert sync(readings, clips) == pytest.approx(1)
    assert sync(readings, clips[1:] + clips[:1]) < 0.5
    assert silence(readings, clips) == pytest.approx(0)
    assert identity_accuracy(readings, np.eye(4)) == 1
    assert identity_accuracy(readings, np.eye(4)[::-1]) == 0


def test_emotions_asked_and_read_make_the_confusion():
    (clip,) = unseen_clips(1, 4)
    figures = emotion_figures(
        [readings_of(clip, name) for name in ("happy", "angry", "angry")], ["happy", "angry", "sad"]
    )
    assert figures["accuracy"] == figures["votes"] == pytest.approx(2 / 3)
    assert figures["confusion"]["sad"][EMOTIONS.index("angry")] == 1
    assert set(figures["confusion"]) == {"happy", "angry", "sad"}


def test_the_ablations_leave_out_what_they_say(models):
    (clip,) = unseen_clips(1, 6)
    scene = Scene("test", clip, portrait_of(clip.identity, models.picture_size), "happy")
    settings = TalkSettings(emotion="happy", expression_steps=2)
    whole = prepare_conditions(models, speech_of(clip), scene.portrait, settings)
    assert not NO_LIP.change(models, scene, whole).lip.any()
    held = NO_EXPRESSION.change(models, scene, whole)
    assert torch.equal(held.driving_expression[3], whole.reference_expression) and torch.equal(held.lip, whole.lip)
    assert raw_audio(models, speech_of(clip), whole).lip.shape == (6, 10 * TINY.lip_projector.audio_dim)


def test_trained_variants_are_measured_when_they_are_there(tiny_weights, models, probe_file, tmp_path):
    weights = tmp_path / "weights"
    for name, change in (
        ("no_decoupling", {"lip_dim": 10 * TINY.lip_projector.audio_dim, "expression_injection": "none"}),
        ("no_edi", {"expression_injection": "none"}),
    ):
        config = replace(TINY.ethd, **change)
        save_checkpoint(weights / "ablation" / f"{name}.safetensors", "ethd", ETHD(config), config, {})
    studio = Studio(weights, models, load_probe(probe_file), tmp_path / "films")
    rows = PROTOCOLS["ablation"](studio, PLAN)["ablation"]
    assert np.isfinite(rows["no_decoupling"]["sync"]) and np.isfinite(rows["no_edi"]["angry"])
    assert set(rows["missing"]) == {"edi_retrained", "direct_injection"}


def test_a_variant_starts_from_every_weight_of_the_renderer_that_fits(tmp_path):
    (tmp_path / "training").mkdir()
    renderer = ETHD(TINY.ethd)
    save_checkpoint(tmp_path / "training" / "renderer.safetensors", "ethd", renderer, TINY.ethd, {})
    job = Job("tiny", TINY, tmp_path, (), Engine(), 0)
    config = replace(TINY.ethd, lip_dim=TINY.ethd.lip_dim + 1, expression_injection="none")
    variant, given = from_renderer(job, config, "training/renderer").state_dict(), renderer.state_dict()
    fresh = [key for key in variant if not torch.equal(variant[key], given[key])]
    assert fresh == ["lip_tokens.proj.weight"]
    assert {variant.expression_injection for variant in variants(TINY).values()} == {"edi", "direct", "none"}


def test_speed_counts_every_stage(tiny_weights):
    figures = time_one_film(tiny_weights, "cpu", (torch.float32, torch.float32), 12)
    assert set(figures["stages"]) == {"loading", "audio features", "expression", "video", "portrait", "decoding"}
    assert sum(figures["stages"].values()) == pytest.approx(figures["seconds"], rel=0.05)
    assert figures["frames"] == 12
    assert figures["peak_gigabytes"] is None or 0.05 < figures["peak_gigabytes"] < 20


def test_the_probe_learns_from_a_data_folder_and_goes_on_after_a_stop(tmp_path):
    drawn = DrawnSettings(still_identities=4, stills_each=2, held_out_stills=0, picture=64, workers=0)
    loop = LoopSettings(steps=2, batch=2, average=0.5, validation_samples=0)
    seen: list[int] = []
    for _ in range(2):
        train_probes(
            tmp_path,
            tmp_path / "probe.safetensors",
            loop=loop,
            drawn=drawn,
            on_step=lambda name, done, total, figures: seen.append(done) if name == "probe" else None,
        )
    assert seen == [2]  # the second call had nothing to do
    probe = load_probe(tmp_path / "probe.safetensors")
    assert probe(torch.rand(2, 3, 64, 64)).emotion.shape == (2, len(EMOTIONS))


def test_plain_measures():
    assert finite_mean([1.0, float("nan"), 3.0]) == 2 and np.isnan(finite_mean([]))
    assert total_variation(np.array([1.0, 0, 0]), np.array([0, 0.5, 0.5])) == 1
    assert slope(np.stack([np.arange(5.0), -2 * np.arange(5.0)], 1)) == pytest.approx([1, -2])


def test_figures_are_written_as_json_can_hold_them():
    found = plain({"a": np.float32(0.123456), "b": float("nan"), "c": np.arange(2), "d": np.True_, "e": (None, "x")})
    assert found == {"a": 0.12346, "b": None, "c": [0, 1], "d": True, "e": [None, "x"]}
    assert digest_of({"x": 1, "y": 2}) == digest_of({"y": 2, "x": 1}) != digest_of({"x": 1, "y": 3})
    assert compare({"sync": {"shuffled": 0.5}})["sync.shuffled"]["met"] is False
    assert compare({"sync": None}) == {}
