"""Every example workflow runs on the host to its end, and its video is what it should be."""

import math

import numpy as np
import pytest
from films import movement, read_film
from graphs import WORKFLOWS, only, quick_start, read_workflow, rewired, trimmed, with_node
from server import PORTRAIT, SPEECH

SPOKEN_SECONDS = 0.5
"""Two windows of the demo weights; 12.5 frames, so the last one is not filled."""
SHORTER = {"eight_emotions": 0.3}
"""It samples eight videos."""
FILES = sorted(WORKFLOWS.glob("*.json"))


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_workflow(path, client, definitions):
    seconds = SHORTER.get(path.stem, SPOKEN_SECONDS)
    run = client.run(trimmed(read_workflow(path), seconds, definitions), seconds=280)
    assert run.films, "no video was saved"
    for file in run.films:
        film = read_film(file)
        assert abs(len(film.frames) - math.ceil(seconds * 25)) <= 1
        assert film.rate == 25
        assert film.sound_codec == "aac"
        assert film.sound_seconds == pytest.approx(seconds, abs=0.1)  # AAC rounds up to its own frames
        lips, elsewhere = movement(film)
        assert lips > 2 * elsewhere, f"lips move by {lips:.2f}, the rest by {elsewhere:.2f}"


def test_the_users_own_files(client, definitions):
    """Load Image and Load Audio in the place of the example's inputs: the same files, so the same video."""
    example = quick_start(SPOKEN_SECONDS, definitions)
    inputs, (trim,) = only(example, "EmotiveTalkExampleInputs"), [name for name in example if name.endswith("-trim")]
    own = with_node(example, "picture", "LoadImage", image=PORTRAIT)
    own = with_node(own, "sound", "LoadAudio", audio=SPEECH)
    own = rewired(rewired(own, [inputs, 0], ["picture", 0]), [inputs, 1], ["sound", 0])
    assert own[trim]["inputs"]["audio"] == ["sound", 0]
    (expected,), (made,) = client.run(example).films, client.run(own).films
    apart = np.abs(read_film(made).frames.astype(int) - read_film(expected).frames)
    assert apart.max() < 8, "the video is another"


def test_the_pack_writes_nothing_into_its_own_folder(host, client, definitions):
    """Whatever ran before on this server."""
    files = [path.relative_to(host.pack) for path in host.pack.rglob("*") if path.stat().st_mtime > host.started]
    assert files == []
