"""The host keeps what a change does not touch: stages run again only where their inputs changed."""

import pytest
from graphs import changed, only


@pytest.fixture
def workflow(tiny_workflow):
    return tiny_workflow


def classes(workflow, node_ids):
    return {workflow[node_id]["class_type"].removeprefix("EmotiveTalk") for node_id in node_ids}


def test_the_same_again_runs_nothing(workflow, client):
    client.run(workflow)
    assert client.run(workflow).cached == set(workflow)


def test_another_emotion_does_not_encode_the_audio_again(workflow, client):
    client.run(changed(workflow, "EmotiveTalkLoadEmotion", emotion="happy"))
    other = changed(workflow, "EmotiveTalkLoadEmotion", emotion="angry")
    cached = client.run(other).cached
    again = classes(other, set(other) - cached)
    assert {"LoadAudioEncoder", "EncodeAudio", "ProjectLips", "FaceRegions", "LoadETHD"} <= classes(other, cached)
    assert {"LoadEmotion", "SampleExpression", "Condition", "WindowedSampler", "DecodeVideo"} <= again


def test_another_seed_of_the_sampler_does_not_run_di_cte_again(workflow, client):
    client.run(workflow)
    other = changed(workflow, "EmotiveTalkWindowedSampler", seed=12)
    cached = client.run(other).cached
    assert only(other, "EmotiveTalkSampleExpression") in cached
    assert classes(other, set(other) - cached) == {"WindowedSampler", "DecodeVideo", "SaveVideo"}
