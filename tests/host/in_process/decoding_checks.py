"""Decoding from any frame on, and temporary files."""

import gc
import sys
from pathlib import Path
from typing import Any

import torch

sys.path.append(str(Path(__file__).parent))

from audio_and_vae_checks import clip, part, temp_files, vae  # noqa: E402  (the files here are no package)


def tail_agrees(half_rate: bool, count: int, wanted: list[int]) -> None:
    """Chunks from where one began are those of the whole, and begin where they are expected to."""
    latents = clip(30, 8)
    whole = list(part("nodes.decoding").CropFrames(vae(), latents, count, half_rate=half_rate).chunks())
    begins = [0]
    for chunk in whole[:-1]:
        begins.append(begins[-1] + len(chunk))
    assert begins == wanted, begins
    for number, first in enumerate(begins):
        rest = list(part("nodes.decoding").CropFrames(vae(), latents, count, half_rate=half_rate).chunks(first))
        assert torch.equal(torch.cat(rest), torch.cat(whole[number:])), first


def check_decoding_goes_on_where_a_chunk_began() -> None:
    tail_agrees(False, 30, [0, 24])


def check_doubled_frames_go_on_where_a_chunk_began() -> None:
    tail_agrees(True, 60, [0, 46, 58])


def check_a_temporary_video_lasts_as_long_as_it_is_held() -> None:
    """What is cut out of it holds it too."""
    before = temp_files()
    (video,) = part("nodes.video").DecodeVideo.execute(vae(), {"samples": clip(10, 8)}).result
    (file,) = temp_files() - before
    slice_of_it: Any = video.as_trimmed(0.0, 0.2)
    del video
    gc.collect()
    assert Path(file).is_file() and slice_of_it.get_components().images.shape[0] == 5
    del slice_of_it
    gc.collect()
    assert temp_files() == before
