"""A host that was killed in the middle of sampling goes on at the step, and makes the video that it would have made."""

import time

import numpy as np
import pytest
from client import HostClient
from films import read_film
from graphs import changed, quick_start
from server import HostServer

SAMPLER = "EmotiveTalkWindowedSampler"
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
        assert list(states.glob("*/latents.safetensors")) == [state]
        (whole,) = client.run(changed(workflow, SAMPLER, resume=False)).films
    assert np.array_equal(read_film(film).frames, read_film(whole).frames)
