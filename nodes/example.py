"""Something to press Run on: the bundled portraits and voices, and faces drawn on demand, with nothing to download."""

import numpy as np
import torch
from comfy_api.latest import io

from ..emotivetalk_core.audio.files import read_speech
from ..emotivetalk_core.face.head_motion import blinks
from ..emotivetalk_core.face.head_motion import head_motion as sway_of
from ..emotivetalk_core.face.portrait import read_portrait
from ..emotivetalk_core.synthesis.action_units import emotion_action_units
from ..emotivetalk_core.synthesis.head_state import HeadState
from ..emotivetalk_core.synthesis.identity import sample_identity
from ..emotivetalk_core.synthesis.render import render_head
from ..emotivetalk_core.types import EMOTIONS, SAMPLE_RATE
from .layouts import image_of
from .sockets import CATEGORY
from .weights import BUNDLED

ASSETS = BUNDLED.parent / "assets"
PICTURE_SIZE = 256
"""Twice what the demo weights look at, so that nothing is enlarged."""


class ExampleInputs(io.ComfyNode):
    """The two portraits and the two recordings that come with the pack."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="EmotiveTalkExampleInputs",
            display_name="Example Portrait and Speech",
            category=f"{CATEGORY}/example",
            description="The portraits (one drawn, one rendered) and the speech that come with this pack, "
            "so that every example runs right away: five seconds of one voice, two of another. To use "
            "your own files, replace this node with Load Image and Load Audio.",
            search_aliases=["emotivetalk demo", "sample portrait", "sample audio", "test inputs"],
            inputs=[],
            outputs=[
                io.Image.Output(display_name="portrait"),
                io.Audio.Output(display_name="speech", tooltip="Five seconds."),
                io.Audio.Output(display_name="second speech", tooltip="Two seconds of another voice, for a duet."),
                io.Image.Output(display_name="person", tooltip="A rendered person, to use instead of the drawn one."),
            ],
        )

    @classmethod
    def execute(cls) -> io.NodeOutput:
        drawn, rendered = (
            image_of(read_portrait(ASSETS / name).pixels[None]) for name in ("portrait.png", "person.jpg")
        )
        speech, second = (
            {"waveform": read_speech(ASSETS / name).samples[None, None], "sample_rate": SAMPLE_RATE}
            for name in ("speech.wav", "second_speech.wav")
        )
        return io.NodeOutput(drawn, speech, second, rendered)


class ExampleFaces(io.ComfyNode):
    """A silent drawn person whose face goes from one emotion to another."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="EmotiveTalkExampleFaces",
            display_name="Example Faces",
            category=f"{CATEGORY}/example",
            description="Draws a person whose face goes from one emotion to another: one frame gives a "
            "picture with an emotion, many give a driving video. To use your own, replace this node with "
            "Load Image or Load Video.",
            search_aliases=["emotivetalk demo", "drawn face", "driving video example", "sample faces"],
            inputs=[
                io.Int.Input(
                    "person",
                    default=7,
                    min=0,
                    max=1_999_999,
                    tooltip="Who is drawn: every number gives a different person.",
                ),
                io.Combo.Input(
                    "emotion", options=list(EMOTIONS), default="surprised", tooltip="What the face shows at the start."
                ),
                io.Combo.Input(
                    "becomes",
                    options=list(EMOTIONS),
                    default="surprised",
                    tooltip="What it shows at the end; the same as the emotion to keep it.",
                ),
                io.Int.Input(
                    "frames",
                    default=1,
                    min=1,
                    max=10_000,
                    tooltip="How many pictures, at 25 per second. Connect the frame count of Encode Speech to "
                    "drive speech of that length.",
                ),
                io.Float.Input(
                    "head_motion",
                    default=0.0,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    optional=True,
                    tooltip="How much the head sways and nods: 0 holds it still, 1 is lively.",
                ),
            ],
            outputs=[io.Image.Output(display_name="pictures")],
        )

    @classmethod
    def execute(cls, person: int, emotion: str, becomes: str, frames: int, head_motion: float = 0.0) -> io.NodeOutput:
        identity, rest = sample_identity(person), HeadState.rest()
        start, end = emotion_action_units(emotion), emotion_action_units(becomes)
        lids = blinks(np.random.default_rng(person), frames) if frames > 1 else np.zeros(1)
        poses = sway_of(np.random.default_rng([person, 1]), frames, head_motion)
        pictures = torch.empty(frames, PICTURE_SIZE, PICTURE_SIZE, 3)
        for frame, share in enumerate(np.linspace(0, 1, frames)):
            state = HeadState(rest.mouth, start + share * (end - start), poses[frame], float(lids[frame]), rest.gaze)
            pictures[frame] = torch.from_numpy(render_head(identity, state, PICTURE_SIZE)).float() / 255
        return io.NodeOutput(pictures)
