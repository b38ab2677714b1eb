"""Rendered people and their drawn twins: they do the same, and they are other people than those held out."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch

pytest.importorskip("numba")
pytest.importorskip("espeakng_loader")

from emotivetalk_core.errors import SettingsError
from emotivetalk_core.recipes import rendered_twins
from emotivetalk_core.recipes.drawn_heads import DrawnSettings, prepare_kind
from emotivetalk_core.recipes.rendered_twins import RENDERED, TwinSettings, prepare_twins
from emotivetalk_core.synthesis.clip import IDENTITY_SEEDS
from emotivetalk_core.training.source import Source
from emotivetalk_core.training.source_writer import SourceWriter

SIZE = 32
DRAWN = DrawnSettings(clips=1, clip_frames=6, references=1, held_out_clips=1, picture=SIZE, workers=0)
FEW = TwinSettings(
    stills=2, stills_each=2, clips=1, clip_frames=4, references=2, held_out_stills=1, held_out_clips=1, workers=0
)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    drawn, people = tmp_path_factory.mktemp("drawn"), tmp_path_factory.mktemp("people")
    prepare_kind("clips", drawn, 3, DRAWN, None)
    prepare_twins(SourceWriter(people, "index-twins"), Source.open(drawn), 3, FEW, SIZE)
    return drawn, people


def test_people_perform_what_the_drawn_clips_of_their_number_do(folders: tuple[Path, Path]):
    source = Source.open(*folders)
    for number, held_out in ((0, False), (1, True)):
        acted = source.named(f"clips/{number:05d}")
        for kind in ("clips", "held"):
            clip = source.named(f"twin_{kind}/{number:05d}")
            assert clip.frames == FEW.clip_frames and clip.held_out == acted.held_out == held_out
            (portraits,) = source.portraits(clip)
            assert portraits.frames == FEW.references and portraits.person == clip.person
            for truth in ("mouth", "action_units"):
                assert torch.equal(source.read(clip, truth), source.read(acted, truth, 0, clip.frames))
        assert source.performance(clip) is acted and source.performance(portraits) is portraits
        still = source.read(source.named(f"twin_held/{number:05d}"), "pose")
        assert torch.equal(still, still[:1].expand_as(still))


def test_every_still_has_a_drawn_twin_and_unseen_people_perform_for_validation(folders: tuple[Path, Path]):
    source = Source.open(*folders)
    for kind, count in (("stills", 3), ("turned", 3)):
        clips = source.clips(f"{RENDERED}{kind}", "twin", "pictures", held_out=None)
        assert len(clips) == count and sum(clip.held_out for clip in clips) == 1
        for clip in clips:
            twins, people = (source.read(clip, name).float() for name in ("twin", "pictures"))
            assert twins.shape == people.shape == (clip.frames, SIZE, SIZE, 3)
            assert (twins - people).abs().mean() > 10
    for kind in ("clips", "held"):
        for clip in source.clips(f"{RENDERED}{kind}", held_out=None):
            low, high = IDENTITY_SEEDS["test" if clip.held_out else "train"]
            assert low <= int(clip.person.removeprefix("rendered-")) < high


def test_making_them_goes_on_where_it_was_stopped(folders: tuple[Path, Path], tmp_path: Path):
    drawn, people = folders
    calls: list[int] = []

    def stop(*step: object) -> None:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare_twins(SourceWriter(tmp_path, "index-twins"), Source.open(drawn), 3, FEW, SIZE, stop)
    prepare_twins(SourceWriter(tmp_path, "index-twins"), Source.open(drawn), 3, FEW, SIZE, lambda *_: calls.append(1))
    assert len(calls) == 4  # one for each kind, and none was made twice
    assert Source.open(tmp_path).digest == Source.open(people).digest


def test_numbers_that_cannot_be_are_refused():
    with pytest.raises(SettingsError, match="stills_each is 0; give a number of at least 1"):
        replace(FEW, stills_each=0)


def test_a_share_of_the_people_is_shown_turned_the_first_of_them_and_all_that_are_held_out(tmp_path: Path):
    drawn, people = tmp_path / "drawn", tmp_path / "people"
    prepare_kind("clips", drawn, 3, replace(DRAWN, clips=0, held_out_clips=1), None)
    settings = replace(FEW, stills=4, stills_each=1, turned=0.5, clips=0, held_out_clips=0)
    prepare_twins(SourceWriter(people, "index-twins"), Source.open(drawn), 3, settings, 8)
    source = Source.open(people)
    stills, turned = (source.clips(f"{RENDERED}{kind}", held_out=None) for kind in ("stills", "turned"))
    assert [clip.id for clip in stills] == [f"twin_stills/{number:05d}" for number in (4, 0, 1, 2, 3)]
    assert [clip.id for clip in turned] == [f"twin_turned/{number:05d}" for number in (4, 0, 1)]
    assert [clip.held_out for clip in turned] == [True, False, False]
    assert all(clip.person == still.person for clip, still in zip(turned, stills))
    with pytest.raises(SettingsError, match="turned is 1.5; give a number from 0 to 1"):
        replace(FEW, turned=1.5)


def test_all_kinds_grow_together(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """After half of the shards about half of each kind is there. What would be made is asked for, and nothing made."""
    drawn, order = tmp_path / "drawn", []
    prepare_kind("clips", drawn, 3, replace(DRAWN, clips=15, clip_frames=2), None)

    def listed(make: object, jobs: Mapping[str, tuple], workers: int) -> list[tuple[str, list[str]]]:
        order.extend(jobs)
        return []

    monkeypatch.setattr(rendered_twins, "shards_made", listed)
    settings = TwinSettings(stills=312, turned=0.5, clips=15, held_out_stills=8, held_out_clips=1)
    prepare_twins(SourceWriter(tmp_path / "people", "index-twins"), Source.open(drawn), 3, settings, SIZE)

    def counts(names: list[str]) -> dict[str, int]:
        return dict(Counter(name.split("-")[1] for name in names))

    assert counts(order) == {"stills": 20, "turned": 4, "clips": 8, "held": 8}
    assert counts(order[:4]) == {"stills": 1, "turned": 1, "clips": 1, "held": 1}  # those held out, first
    assert counts(order[: len(order) // 2]) == {"stills": 10, "turned": 2, "clips": 4, "held": 4}
    for kind in ("stills", "turned", "clips", "held"):
        starts = [name for name in order if name.startswith(f"twins-{kind}-")]
        assert starts == sorted(starts)
