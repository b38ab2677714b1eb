"""Retime Expression inside the host's own Python: as long as the speech, whatever comes in.

Each `check_…` raises AssertionError where it is not. Call them with the host importable, under torch.inference_mode().
"""

import torch
from custom_nodes_EmotiveTalk.emotivetalk_core.direction.retime import WAYS, retime
from custom_nodes_EmotiveTalk.emotivetalk_core.errors import EmotiveTalkError
from custom_nodes_EmotiveTalk.emotivetalk_core.types import AudioFeatures, ExpressionLatents
from custom_nodes_EmotiveTalk.nodes.retime import RetimeExpression

DRIVING = ExpressionLatents(torch.randn(10, 6, generator=torch.Generator().manual_seed(0)))


def retimed(expression: ExpressionLatents, frames: int, **inputs) -> torch.Tensor:
    return RetimeExpression.execute(expression, AudioFeatures(torch.zeros(frames, 10, 4)), **inputs).result[0].values


def check_every_way_gives_a_frame_for_each_of_the_speech_as_the_core_does() -> None:
    for how in WAYS:
        for frames in (1, 10, 37):
            assert torch.equal(retimed(DRIVING, frames, how=how), retime(DRIVING.values, frames, how)), (how, frames)


def check_the_options_of_the_node_are_the_ways_of_the_core() -> None:
    offered = {given.id: given for given in RetimeExpression.define_schema().inputs}
    assert offered["how"].options == list(WAYS)


def check_a_video_of_fifty_frames_a_second_keeps_its_pace() -> None:
    seconds = torch.arange(100)[:, None] / 50 + 0.01
    found = retimed(ExpressionLatents(seconds), 50, how="trim", frames_per_second=50.0)
    assert torch.allclose(found[:, 0], (torch.arange(50) + 0.5) / 25, atol=1e-4)


def check_smoothing_calms_a_trembling_face_and_nothing_else() -> None:
    trembling = ExpressionLatents(torch.tensor([1.0, -1.0]).repeat(20)[:, None] + 3)
    calm = retimed(trembling, 40, smooth=0.2)
    assert (calm - 3)[3:-3].abs().max() < 0.1
    assert torch.allclose(retimed(trembling, 40), trembling.values)


def check_an_empty_sequence_is_refused_in_one_sentence() -> None:
    try:
        retimed(ExpressionLatents(torch.zeros(0, 6)), 5)
    except EmotiveTalkError as error:
        message = str(error)
    else:
        raise AssertionError("an empty sequence was retimed")
    assert "0 frames" in message and "\n" not in message and message.endswith("."), message
