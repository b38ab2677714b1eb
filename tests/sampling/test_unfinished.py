"""A film that was stopped goes on where it was, and comes out bit for bit as if it had not been."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import av
import pytest
import torch
from test_sampling_video import SETTINGS, Exact, conditions
from torch import nn
from trainings import FORKS, command_line

from emotivetalk_core.cli.main import main
from emotivetalk_core.face.detail import DetailTransfer
from emotivetalk_core.sampling import unfinished
from emotivetalk_core.sampling.unfinished import KEPT_SECONDS, UnfinishedFilm, film_key
from emotivetalk_core.sampling.video import sample_video
from emotivetalk_core.types import Emotion
from emotivetalk_core.video.writer import VideoWriter

FRAMES = 13  # two windows


def frame_count(path: Path) -> int:
    with av.open(str(path)) as film:
        return sum(1 for _ in film.decode(video=0))


def frames_written(monkeypatch: pytest.MonkeyPatch) -> list[torch.Tensor]:
    """Fills with the frames of all films, at 8 bits as they go to the encoder; they are written all the same."""
    written: list[torch.Tensor] = []
    write = VideoWriter.write

    def record(self: VideoWriter, frames: torch.Tensor) -> None:
        written.append((frames * 255).round())
        write(self, frames)

    monkeypatch.setattr(VideoWriter, "write", record)
    return written


class Stopped(Exception):
    """As by Ctrl-C."""


def test_a_key_is_one_films_alone():
    emotion = Emotion(torch.arange(4.0), "happy")
    other = Emotion(torch.arange(4.0) + torch.tensor([0, 0, 0, 2.0**-22]), "happy")
    network = nn.Bilinear(2, 1, 2)
    keys = [film_key(emotion, SETTINGS), film_key(other, SETTINGS), film_key(emotion, replace(SETTINGS, seed=12))]
    keys += [film_key(network), film_key([1, [2]]), film_key([[1], 2]), film_key(torch.zeros(2)), film_key(None)]
    assert len(set(keys)) == len(keys)
    assert film_key(Emotion(torch.arange(4.0), "happy"), SETTINGS) == keys[0]
    with torch.no_grad():
        network.bias += 1e-3
    assert film_key(network) not in keys
    with pytest.raises(TypeError):
        film_key(object())


def test_the_weights_of_a_list_of_films_are_hashed_once(monkeypatch):
    """And once more as soon as one of them is another, or lies elsewhere."""
    network, fed = nn.Bilinear(2, 1, 2), []
    whole = unfinished._feed

    def counted(update, part):
        if isinstance(part, nn.Module):
            fed.append(part)
        elif isinstance(part, torch.Tensor):
            fed.append(tuple(part.shape))
        whole(update, part)

    monkeypatch.setattr(unfinished, "_feed", counted)
    weights = [(2, 2, 1), (2,)]
    first = film_key(network, 1)
    assert fed == [network, *weights]
    fed.clear()
    assert film_key(network, 1) == first != film_key(network, 2) and fed == [network] * 2
    fed.clear()
    network.load_state_dict({name: value.clone() for name, value in network.state_dict().items()})
    assert film_key(network, 1) == first and fed == [network, *weights]
    with torch.no_grad():
        network.weight[0, 0] += 1e-3
    changed = film_key(network, 1)
    before, network.weight = network.weight, nn.Parameter(network.weight.detach() + 1)
    assert len({first, changed, film_key(network, 1)}) == 3
    network.weight = before
    assert film_key(network, 1) == changed
    network.weight.data = network.weight.data + 1
    assert film_key(network, 1) not in (first, changed)
    with torch.inference_mode():
        alike = nn.Bilinear(2, 1, 2)
        of_one = film_key(alike)
        alike.bias += 1
        assert film_key(alike) != of_one
    assert film_key(nn.Bilinear(2, 1, 2).requires_grad_(False)) != film_key(nn.Bilinear(2, 1, 2))


@pytest.mark.parametrize("last", range(1, 10))
def test_sampling_goes_on_at_the_step_that_was_not_done(last, tmp_path):
    """Stopped after any window of 2 x 5."""
    network = Exact(spread=0.3)
    given = {"frame_count": FRAMES, "settings": SETTINGS}
    whole = sample_video(network, conditions(FRAMES), **given)
    film = UnfinishedFilm(tmp_path, "key")

    def stop(done: int, total: int) -> None:
        assert total == 10
        if done == last:
            raise Stopped

    with pytest.raises(Stopped):
        sample_video(network, conditions(FRAMES), **given, on_step=stop, unfinished=film)
    assert film.begun == (last > 2)
    network.window_lengths.clear()
    reports: list[int] = []
    again = UnfinishedFilm(tmp_path, "key")
    result = sample_video(
        network, conditions(FRAMES), **given, on_step=lambda done, _: reports.append(done), unfinished=again
    )
    assert torch.equal(result, whole)
    kept = (last - 1) // 2
    assert len(network.window_lengths) == 2 * (5 - kept), "at most one step is lost"
    assert reports[-1] == 10 and reports[0] == (2 * kept or 1)
    again.finish()
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("last", [1, 3, 4, 5, 9])
def test_with_deep_features_it_goes_on_at_the_two_steps_that_were_not_done(last, tmp_path):
    given = {"frame_count": FRAMES, "settings": replace(SETTINGS, reuse=True, fusion="shifted")}
    whole = sample_video(Exact(spread=0.3), conditions(FRAMES), **given)

    def stop(done: int, total: int) -> None:
        if done == last:
            raise Stopped

    film = UnfinishedFilm(tmp_path, "key")
    with pytest.raises(Stopped):
        sample_video(Exact(spread=0.3), conditions(FRAMES), **given, on_step=stop, unfinished=film)
    assert film.begun == (last > 4)
    reports: list[int] = []
    again = sample_video(
        Exact(spread=0.3),
        conditions(FRAMES),
        **given,
        on_step=lambda done, _: reports.append(done),
        unfinished=UnfinishedFilm(tmp_path, "key"),
    )
    assert torch.equal(again, whole)
    assert reports[0] == ((last - 1) // 4 * 4 or 1) and reports[-1] == 10


@pytest.mark.parametrize("stopped", [1, 2, 3])
def test_decoding_goes_on_at_its_chunk(stopped, tmp_path):
    """What is kept is what was given: 8 bits of each frame; and the detail goes on from the last one."""
    noise = torch.rand(9, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    picture, still = noise[:1], noise[1:2]
    fading = still + (noise[2:] - still) * 0.6 ** torch.arange(7.0)[:, None, None, None]
    asked: list[int] = []

    def decoder(transfer: DetailTransfer) -> Callable[[int], Iterator[torch.Tensor]]:
        def decode(first: int) -> Iterator[torch.Tensor]:
            asked.append(first)
            return (transfer(frames, picture, still) for frames in fading[first:].split(2))

        return decode

    def chunks() -> Iterator[torch.Tensor]:
        transfer = DetailTransfer()
        return UnfinishedFilm(tmp_path, "key").chunks(7, 16, decoder(transfer), transfer, torch.device("cpu"))

    whole = (torch.cat(list(decoder(DetailTransfer())(0))) * 255).round()
    started = chunks()
    before = torch.cat([next(started) for _ in range(stopped)])
    after = torch.cat(list(chunks()))
    assert asked == [0, 0, 2 * stopped]
    assert torch.equal(after[: len(before)], before) and torch.equal((after * 255).round(), whole)
    for lost in (*tmp_path.rglob("change_*"), *tmp_path.rglob("frames_000006.png")):
        lost.unlink()
    assert torch.equal((torch.cat(list(chunks())) * 255).round(), whole)
    assert asked[-1] == 0, "what was remembered is found out again"


def test_states_that_nobody_takes_up_again_are_removed(tmp_path):
    old, new = UnfinishedFilm(tmp_path, "old"), UnfinishedFilm(tmp_path, "new")
    for film in (old, new):
        film.keep_latents(1, torch.zeros(2))
    long_ago = time.time() - KEPT_SECONDS - 60
    os.utime(old.folder, (long_ago, long_ago))
    UnfinishedFilm(tmp_path, "another")
    assert not old.folder.exists() and new.latents(torch.Size([2])) is not None


def test_a_state_that_cannot_be_read_or_written_costs_nothing_but_itself(tmp_path):
    film = UnfinishedFilm(tmp_path, "key")
    film.keep_latents(3, torch.ones(2))
    assert film.latents(torch.Size([3])) is None
    (film.folder / "latents.safetensors").write_bytes(b"half of it")
    assert film.latents(torch.Size([2])) is None
    (tmp_path / "file").touch()
    nowhere = UnfinishedFilm(tmp_path / "file", "key")
    nowhere.keep_latents(1, torch.ones(2))
    assert not nowhere.begun and torch.equal(nowhere.keep_frames(0, torch.ones(1, 3, 2, 2)), torch.ones(1, 3, 2, 2))


def test_talk_that_was_ended_leaves_nothing_half_and_goes_on(
    portrait_file: Path, recording_file: Path, tiny_weights: Path, tmp_path: Path, monkeypatch, capsys
):
    """SIGTERM in the middle of sampling; then the same command makes the very video that it would have made."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    states, out = tmp_path / "cache" / "emotivetalk" / "unfinished", tmp_path / "stopped.mp4"
    command = ["talk", "--portrait", str(portrait_file), "--audio", str(recording_file), "--weights", str(tiny_weights)]
    command += ["--crop", "--steps", "12", "--device", "cpu", "--quiet"]
    said = tmp_path / "cache" / "said"
    said.parent.mkdir()
    program = FORKS.Process(target=command_line, args=([*command, "--out", str(out)], {**os.environ}, said))
    program.start()
    until = time.monotonic() + 120
    while not list(states.glob("*/latents.safetensors")) and program.is_alive() and time.monotonic() < until:
        time.sleep(0.02)
    program.terminate()
    program.join(60)
    assert program.exitcode == 128 + signal.SIGTERM, said.read_text()
    assert list(states.glob("*/latents.safetensors")) and [path.name for path in tmp_path.iterdir()] == ["cache"]

    written = frames_written(monkeypatch)
    assert main([*command[:-1], "--out", str(out)]) == 0
    resumed = torch.cat(written)
    written.clear()
    assert "goes on where it was" in capsys.readouterr().err
    assert list(states.iterdir()) == []
    whole = tmp_path / "whole.mp4"
    assert main([*command, "--no-resume", "--out", str(whole)]) == 0
    # every pixel that reaches the encoder; what H.264 makes of them varies a little on a busy machine
    assert torch.equal(resumed, torch.cat(written))
    assert list(states.iterdir()) == [] and frame_count(out) == frame_count(whole) == len(resumed) > 0


def test_frames_are_kept_without_opencv(tmp_path, monkeypatch):
    """Which nobody has to install: every command goes through here."""
    monkeypatch.setitem(sys.modules, "cv2", None)
    film, frames = UnfinishedFilm(tmp_path, "key"), torch.rand(2, 3, 6, 4)
    given = film.keep_frames(0, frames)
    kept = film.frames(0, 6)
    assert kept is not None and torch.equal(kept, given)
