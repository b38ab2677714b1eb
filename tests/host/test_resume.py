"""A host that was killed in the middle of sampling goes on at the step, and makes the video that it would have made; so
does one that was cancelled in the middle of decoding. On the smallest networks: the video is compared with itself.
"""

import re
import time

import numpy as np
import pytest
from client import Interrupted
from films import read_film
from graphs import changed, quick_start
from tiny_weights import on_tiny_weights

SAMPLER, DECODER = "EmotiveTalkWindowedSampler", "EmotiveTalkDecodeVideo"
STEPS = 40
"""So many that the host is killed between two of them."""
SECONDS = 2.2
"""55 frames, four chunks: there is a middle to stop decoding in."""


@pytest.fixture
def unfinished(host):
    """The folder of what is kept of videos, and what lies there of other tests' videos."""
    states = host.base / "user" / "__emotivetalk" / "unfinished"
    return states, set(states.glob("*"))


def kept_files(unfinished, name):
    """Waits for the first, and gives all that are there then."""
    states, others = unfinished
    until = time.monotonic() + 120
    while time.monotonic() < until:
        if files := [file for file in states.glob(f"*/{name}") if file.parent not in others]:
            return files
        time.sleep(0.005)
    raise TimeoutError(f"Nothing was kept as {name}.")


def nothing_is_left(unfinished):
    states, others = unfinished
    return set(states.glob("*")) <= others


def test_a_killed_host_goes_on_at_its_step(host, client, tiny_workflow, unfinished):
    workflow = changed(tiny_workflow, SAMPLER, steps=STEPS)
    client.submit(workflow)
    kept_files(unfinished, "latents.safetensors")
    with host.killed():
        assert kept_files(unfinished, "latents.safetensors"), "it was not killed in the middle"
    (film,) = client.run(workflow).films
    (step,) = re.findall(r"goes on after step (\d+)", host.log_file.read_text(encoding="utf-8", errors="replace"))
    assert 0 < int(step) < STEPS
    assert nothing_is_left(unfinished), "the state of a video that is whole is removed"
    (whole,) = client.run(changed(workflow, SAMPLER, resume=False)).films
    assert np.array_equal(read_film(film).frames, read_film(whole).frames)


def test_a_cancelled_video_goes_on_at_its_chunk(host, client, definitions, tiny_workflow, unfinished):
    """Stopped after the first of four chunks, or one of those after it."""
    workflow = on_tiny_weights(changed(quick_start(SECONDS, definitions), SAMPLER, seed=31), host.base)
    prompt_id = client.submit(workflow)
    kept_files(unfinished, "frames_*.png")
    client.interrupt()
    with pytest.raises(Interrupted) as caught:
        client.wait(prompt_id)
    assert caught.value.node_class == DECODER and kept_files(unfinished, "frames_*.png")
    (film,) = client.run(workflow).films
    assert re.search("goes on after frame [1-9]", host.log_file.read_text(encoding="utf-8", errors="replace"))
    assert nothing_is_left(unfinished), "the states of sampler and decoder are removed once the video is whole"
    (whole,) = client.run(changed(workflow, DECODER, resume=False)).films
    assert np.array_equal(read_film(film).frames, read_film(whole).frames)
