"""Rendered people and their drawn twins: they do the same, and they are other people than those held out."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

pytest.importorskip("numba")
pytest.importorskip("espeakng_loader")

from emotivetalk_core.errors import SettingsError
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
