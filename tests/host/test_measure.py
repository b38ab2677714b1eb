"""Measure Video on the host: figures of a film that another node made, and a fault in a sentence."""

import json

import pytest
from client import NodeError

FACES = {"class_type": "EmotiveTalkExampleFaces", "inputs": {"person": 7, "emotion": "happy", "becomes": "angry"}}
MEASURE = {"images": ["1", 0], "audio": ["2", 1], "fps": 25.0}


def workflow(frames: int, **inputs) -> dict:
    return {
        "1": {"class_type": FACES["class_type"], "inputs": FACES["inputs"] | {"frames": frames}},
        "2": {"class_type": "EmotiveTalkExampleInputs", "inputs": {}},
        "3": {"class_type": "EmotiveTalkMeasureVideo", "inputs": MEASURE | inputs},
        "4": {"class_type": "PreviewAny", "inputs": {"source": ["3", 8]}},
    }


def test_figures_of_a_film(client):
    """The node shows its plot; without a portrait the first frame stands for it, and another person is told apart."""
    runs = [client.run(workflow(5, **inputs)) for inputs in ({}, {"portrait": ["2", 0]})]
    reports = [json.loads(run.outputs["4"]["text"][0]) for run in runs]
    assert [report["against"] for report in reports] == ["first frame", "portrait"]
    assert reports[0]["frames"] == 5 and reports[0]["frames_with_a_face"] == 1
    assert reports[0]["likeness"]["mean"] > 0.9 > 0.6 > reports[1]["likeness"]["mean"]
    assert len(runs[0].files(".png")) == 1


def test_a_film_without_a_face_says_so(client):
    empty = workflow(1)
    empty["1"] = {"class_type": "EmptyImage", "inputs": {"width": 128, "height": 128, "batch_size": 3, "color": 0}}
    with pytest.raises(NodeError, match="No face was found in any of the 3 frames"):
        client.run(empty)
