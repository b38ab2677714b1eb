"""Every example workflow runs on the host to its end, and its video is what it should be."""

import math

import numpy as np
import pytest
from films import lip_boxes, movement, read_film
from graphs import WORKFLOWS, only, quick_start, read_workflow, rewired, trimmed, with_node
from server import PORTRAIT, SPEECH

SPOKEN_SECONDS = 0.3
"""One window of the demo weights; 7.5 frames, so the last one is not filled."""
OTHERWISE = {"long_speech": 0.5, "compare_two_takes": 0.5, "mixed_feelings": 0.6, "eight_emotions": 0.2}
"""One shows windows that overlap, so it needs two; one measures mouths that have to move for a while; of one the head
sways, too, so its mouth has to open more than the first syllable's does; and one samples eight videos.
"""
DRAWN_FRAMES = 12
"""Of a driving film: more than any of these videos takes."""
FILES = sorted(path for path in WORKFLOWS.glob("*.json") if not path.stem.startswith("photograph_"))
"""Those whose weights come along; test_photograph.py runs the others."""


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_workflow(path, client, definitions):
    seconds = OTHERWISE.get(path.stem, SPOKEN_SECONDS)
    workflow = trimmed(read_workflow(path), seconds, definitions)
    for node in workflow.values():
        if node["class_type"] == "EmotiveTalkExampleFaces":
            node["inputs"]["frames"] = min(node["inputs"]["frames"], DRAWN_FRAMES)
    run = client.run(workflow, seconds=280)
    assert run.films, "no video was saved"
    for file in run.films:
        film = read_film(file)
        assert abs(len(film.frames) - math.ceil(seconds * 25)) <= 1
        assert film.rate == 25
        assert film.sound_codec == "aac"
        assert film.sound_seconds == pytest.approx(seconds, abs=0.1)  # AAC rounds up to its own frames
        lips, elsewhere = movement(film)
        assert lips > 2 * elsewhere, f"lips move by {lips:.2f}, the rest by {elsewhere:.2f}"


def test_two_faces_speak_in_turns(client):
    """The duet, with 0.4 s of words for each: only the mouth of the one who speaks moves much."""
    turn = 0.4
    workflow = read_workflow(WORKFLOWS / "duet.json")
    first = only(workflow, "TrimAudioDuration")
    workflow[first]["inputs"]["duration"] = turn
    voice = {"audio": [only(workflow, "EmotiveTalkExampleInputs"), 2], "start_index": 0.16, "duration": turn}
    workflow = with_node(rewired(workflow, voice["audio"], ["turn", 0]), "turn", "TrimAudioDuration", **voice)
    for node in workflow.values():
        if node["class_type"] == "EmptyAudio":
            node["inputs"]["duration"] = turn
    (file,) = client.run(workflow, seconds=280).films
    film = read_film(file)
    half = round(turn * 25)
    assert len(film.frames) == 2 * half and film.sound_seconds == pytest.approx(2 * turn, abs=0.1)
    places = sorted(lip_boxes(film.frames[0]))
    moves = [
        [float(film.frames[part, top:bottom, left:right].mean(axis=-1).std(axis=0).mean()) for part in halves(half)]
        for left, top, right, bottom in places
    ]
    assert len(moves) == 2, "two faces were expected"
    (first_speaks, first_listens), (second_listens, second_speaks) = moves
    assert first_speaks > 1.5 * first_listens and second_speaks > 1.5 * second_listens, moves


def halves(middle):
    """Both turns' frames without those next to the change, which both of them colour."""
    return slice(0, middle - 1), slice(middle + 1, None)


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
