"""Cancel while sampling: it takes effect at once, and the host goes on; and what is told while it works."""

import time

import pytest
from client import Interrupted
from graphs import changed, only, quick_start
from listener import Listener

WINDOW, OVERLAP = 4, 1
FRAMES = 10
WINDOWS = 3  # frames 0-3, 3-6, 6-9
SAMPLER = "EmotiveTalkWindowedSampler"


@pytest.fixture(scope="module")
def small(host, definitions, tiny_workflow):
    """On the smallest networks."""
    from tiny_weights import on_tiny_weights

    workflow = on_tiny_weights(quick_start(FRAMES / 25, definitions), host.base)
    return changed(workflow, SAMPLER, window=WINDOW, overlap=OVERLAP)


def test_cancel_takes_effect_within_one_window_and_the_next_prompt_runs(small, host, client, definitions):
    """On the shipped networks: a window has to take longer than to be told of it."""
    workflow = changed(quick_start(FRAMES / 25, definitions), SAMPLER, window=WINDOW, overlap=OVERLAP)
    sampler = only(workflow, SAMPLER)
    long = changed(workflow, SAMPLER, steps=40, seed=21)
    with Listener(host.url) as heard:
        prompt_id = client.submit(long, heard.client_id)
        heard.wait_for(lambda heard: len(set(heard.progress_of(sampler))) > 4)
        client.interrupt()
        cancelled = time.monotonic()
        with pytest.raises(Interrupted) as caught:
            client.wait(prompt_id)
        waited = time.monotonic() - cancelled
        told = heard.progress_of(sampler)
    assert caught.value.node_id == sampler
    before = [done for when, done, _ in told if when <= cancelled]
    after = [done for when, done, _ in told if when > cancelled]
    assert max(after, default=0) <= max(before) + 1, "more than one window was finished after Cancel"
    window_seconds = (told[-1][0] - told[0][0]) / (told[-1][1] - told[0][1])
    assert waited < 3 * window_seconds + 2
    assert client.run(small).films


def test_progress_counts_windows_times_steps_and_shows_the_latent(small, host, client):
    sampler = only(small, SAMPLER)
    with Listener(host.url) as heard:
        client.run(changed(small, SAMPLER, steps=2, seed=23), client_id=heard.client_id)
        heard.wait_for(lambda heard: any(kind == "execution_success" for _, kind, _ in heard.messages))
        told = heard.progress_of(sampler)
        previews = list(heard.previews)
    assert {total for _, _, total in told} == {WINDOWS * 2}
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)
    assert told[-1][1] == WINDOWS * 2
    assert any(b"\xff\xd8\xff" in preview for preview in previews), "no JPEG was shown"
