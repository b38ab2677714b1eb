"""The synthetic suite on rendered people, and the probe that reads both kinds, at tiny sizes."""

from dataclasses import replace

import numpy as np
import pytest
import torch

pytest.importorskip("numba")

from emotivetalk_core.cli.main import main
from emotivetalk_core.evaluation.plan import FULL, SMALL, SuitePlan, of_rendered_people
from emotivetalk_core.evaluation.probes import StillPairs, train_probes
from emotivetalk_core.evaluation.protocols import line_up
from emotivetalk_core.evaluation.readings import read_film
from emotivetalk_core.evaluation.studio import Studio
from emotivetalk_core.evaluation.synthetic_suite import JUDGES, run
from emotivetalk_core.evaluation.unseen import drawn, portrait_of, unseen_clips
from emotivetalk_core.models.face_probe import BUNDLED_PROBE, load_probe
from emotivetalk_core.models.model_set import load_model_set
from emotivetalk_core.recipes.drawn_heads import DrawnSettings, prepare_kind
from emotivetalk_core.recipes.rendered_people import RenderedSettings, prepare_rendered_people
from emotivetalk_core.synthesis.clip import HEADS, IDENTITY_SEEDS
from emotivetalk_core.synthesis.people.person import Person
from emotivetalk_core.training.loop import LoopSettings
from emotivetalk_core.training.samples import keyed_generator
from emotivetalk_core.training.source import Source

PLAN = of_rendered_people(
    SuitePlan(
        lineup=2,
        clips=1,
        clip_frames=8,
        emotions=("happy",),
        emotion_frames=4,
        more_portraits=0,
        drawn_clips=1,
        drawn_frames=8,
        round_trips=0,
    )
)
DRAWN = DrawnSettings(still_identities=2, stills_each=2, held_out_stills=0, picture=64, workers=0)
PEOPLE = RenderedSettings(stills=2, stills_each=2, held_out_stills=0, picture=64, workers=0)


def test_the_report_of_rendered_people_says_so_and_keeps_films_of_its_own(tiny_weights, probe_file, tmp_path):
    asked = {"probe": probe_file, "device": "cpu"}
    report = run(tiny_weights, tmp_path / "report.json", plan=PLAN, **asked)
    assert report["meta"]["plan"]["heads"] == "rendered"
    assert set(report["sections"]) == {"probes", "face_finder", "sync", "emotion"}
    assert report["probes"]["real"]["clips"] == 1 and report["emotion"]["accuracy"] is not None
    again = run(
        tiny_weights, tmp_path / "report.json", plan=replace(PLAN, heads="drawn", sections=("emotion",)), **asked
    )
    assert again["meta"]["plan"]["heads"] == "drawn"
    first, second = (tmp_path / "report.films").iterdir()  # the same speech and seed, other people
    assert {file.name for file in first.iterdir()} & {file.name for file in second.iterdir()}


def test_drawn_heads_are_measured_unless_others_are_asked_for():
    assert FULL.heads == SMALL.heads == "drawn" and set(JUDGES) == set(HEADS)
    people = of_rendered_people(SMALL)
    assert people.heads == "rendered" and people.sections == ("probes", "sync", "emotion")
    assert replace(people, heads="drawn", sections=SMALL.sections) == SMALL
    assert of_rendered_people(FULL).sections == ("probes", "face_finder", "sync", "emotion")


def test_unseen_people_do_what_the_drawn_ones_do():
    drawn, rendered = (unseen_clips(1, 6, offset=7, heads=heads)[0] for heads in HEADS)
    assert isinstance(rendered.identity, Person) and not isinstance(drawn.identity, Person)
    low, high = IDENTITY_SEEDS["test"]
    assert low <= rendered.identity.seed < high
    assert (rendered.mouth == drawn.mouth).all() and (rendered.samples == drawn.samples).all()


def test_people_are_told_apart_among_people(tiny_weights, probe_file, tmp_path):
    studio = Studio(tiny_weights, load_model_set(tiny_weights), load_probe(probe_file), tmp_path)
    (clip,) = unseen_clips(1, 2, heads="rendered")
    (drawn,) = unseen_clips(1, 2)
    other = line_up(studio, [clip], 2)[1]
    assert not torch.allclose(torch.tensor(other), torch.tensor(line_up(studio, [drawn], 2)[1]))
    assert portrait_of(clip.identity, 64).lip_mask.any()


def test_the_probe_of_both_kinds_begins_as_that_of_drawn_heads(tmp_path):
    path = tmp_path / "people_probe.safetensors"
    train_probes(
        tmp_path / "data",
        path,
        heads="rendered",
        loop=LoopSettings(steps=1, batch=4, learning_rate=1e-6, warmup=0, validation_samples=0),
        drawn=DRAWN,
        people=PEOPLE,
    )
    probe, before = load_probe(path), load_probe(BUNDLED_PROBE)
    assert torch.allclose(probe.opening.weight, before.opening.weight, atol=1e-4)
    assert not torch.equal(probe.opening.weight, before.opening.weight.half().float())
    assert path.stat().st_size < 0.6 * BUNDLED_PROBE.stat().st_size
    assert Source.open(tmp_path / "data" / "people").clips("stills") and not Source.open(tmp_path / "data").clips(
        "turned"
    )


def test_the_bundled_probe_of_both_kinds_reads_rendered_people_better():
    """Six people of 12 frames: of more and longer ones the model card says the figures."""
    clips = unseen_clips(6, 12, heads="rendered")
    portraits = [portrait_of(clip.identity, 128) for clip in clips]
    frames = [drawn(clip, 128) for clip in clips]
    errors = {}
    for heads, file in JUDGES.items():
        probe = load_probe(file)
        readings = [read_film(probe, [film], portrait) for film, portrait in zip(frames, portraits, strict=True)]
        apart = [read.opening - clip.mouth[:, 0] for read, clip in zip(readings, clips, strict=True)]
        errors[heads] = float(np.abs(np.concatenate(apart)).mean())
    assert errors["rendered"] < 0.1 < errors["drawn"]


def test_pairs_are_of_both_kinds_in_turn(tmp_path):
    prepare_kind("stills", tmp_path / "drawn", 7, DRAWN, None)
    prepare_rendered_people(tmp_path / "people", 5, PEOPLE, kinds=("stills",))
    sources = [Source.open(tmp_path / name) for name in ("drawn", "people")]
    openings = [
        {float(row[0]) for clip in source.clips("stills") for row in source.read(clip, "mouth")} for source in sources
    ]
    pairs = StillPairs(sources, 4)
    for index in range(4):
        drawn = pairs.draw(0, index, keyed_generator(0, index))
        assert set(drawn["opening"].flatten().tolist()) <= openings[index % 2]
    alone = StillPairs(sources[:1], 2)
    seen = {tuple(alone.draw(3, index, keyed_generator(0, index))["opening"].flatten().tolist()) for index in range(2)}
    assert len(seen) == 2  # two samples of a step are of two people


def test_other_suites_have_no_heads_to_choose(tmp_path, capsys):
    out = str(tmp_path / "report.json")
    assert main(["evaluate", "--suite", "films", "--heads", "rendered", "--out", out]) == 2
    assert "--heads is for the synthetic suite" in capsys.readouterr().err
