"""A host that was killed in the middle of sampling goes on at the step, and makes the video that it would have made; so
does one that was cancelled in the middle of decoding.
"""

import re
import time

import numpy as np
import pytest
from client import HostClient, Interrupted
from films import read_film
from graphs import changed, quick_start
from server import HostServer

SAMPLER, DECODER = "EmotiveTalkWindowedSampler", "EmotiveTalkDecodeVideo"
pytestmark = pytest.mark.timeout(600)  # two starts of a host, and three runs


def test_a_killed_host_goes_on_at_its_step(installation, definitions, tmp_path):
    server = HostServer(installation, tmp_path)
    states = tmp_path / "user" / "__emotivetalk" / "unfinished"
    with server:
        client = HostClient(server.url, server.base)
        workflow = changed(quick_start(0.2, definitions), SAMPLER, steps=12)
        client.submit(workflow)
        until = time.monotonic() + 120
        while not list(states.glob("*/latents.safetensors")) and time.monotonic() < until:
            time.sleep(0.05)
        server._process.kill()
        server._process.wait()
        (state,) = states.glob("*/latents.safetensors")
    with server:
        (film,) = client.run(workflow).films
        said = server.log_file.read_text(encoding="utf-8", errors="replace")
        assert "goes on after step" in said
        assert not list(states.iterdir()), "the state of a video that is whole is removed"
        (whole,) = client.run(changed(workflow, SAMPLER, resume=False)).films
    assert np.array_equal(read_film(film).frames, read_film(whole).frames)


def test_a_cancelled_video_goes_on_at_its_chunk(host, client, definitions):
    """Stopped after one chunk or two of three."""
    states = host.base / "user" / "__emotivetalk" / "unfinished"
    others = set(states.glob("*"))
    workflow = changed(quick_start(2.2, definitions), SAMPLER, seed=31)
    prompt_id = client.submit(workflow)
    until = time.monotonic() + 240
    while not list(states.glob("*/frames_*.png")) and time.monotonic() < until:
        time.sleep(0.02)
    client.interrupt()
    with pytest.raises(Interrupted) as caught:
        client.wait(prompt_id)
    assert caught.value.node_class == DECODER and list(states.glob("*/frames_*.png"))
    (film,) = client.run(workflow).films
    assert re.search("goes on after frame [1-9]", host.log_file.read_text(encoding="utf-8", errors="replace"))
    assert set(states.glob("*")) <= others, "the states of sampler and decoder are removed once the video is whole"
    (whole,) = client.run(changed(workflow, DECODER, resume=False)).films
    assert np.array_equal(read_film(film).frames, read_film(whole).frames)
