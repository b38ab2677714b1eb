"""Every number of the demo training in one place."""

from dataclasses import dataclass, field

from .loop import LoopSettings


@dataclass(frozen=True)
class DataSettings:
    """How many drawn heads are made. stills: identities × pictures, each with its own expression, mouth and the
    identity's own pose; clips: talking clips of `clip_frames` frames, each with its own identity and `references`
    portraits of it; held: the first `held_frames` frames of the same clips with the head held still.
    """

    still_identities: int = 2400
    stills_each: int = 8
    clips: int = 150
    clip_frames: int = 220
    references: int = 4
    held_frames: int = 80
    speech_clips: int = 900
    picture: int = 128
    workers: int = 2


@dataclass(frozen=True)
class DemoSettings:
    """The whole demo training; stages run in the paper's order."""

    seed: int = 7
    data: DataSettings = field(default_factory=DataSettings)
    face_finder_steps: int = 1200
    speech: LoopSettings = LoopSettings(steps=1000, learning_rate=1e-3, warmup=100, average=0.99)
    speech_batch: int = 8
    speech_seconds: float = 3.0
    speech_emotion: LoopSettings = LoopSettings(steps=12000, learning_rate=2e-3, warmup=200, average=0.995)
    speech_emotion_batch: int = 32
    emotive_clips: int = 24_000
    speech_emotion_check: int = 25  # unseen recordings of each emotion
    vae: LoopSettings = LoopSettings(steps=1600, learning_rate=1.5e-3, warmup=100, average=0.99)
    vae_batch: int = 16
    trunk: LoopSettings = LoopSettings(steps=1000, learning_rate=1e-3, warmup=100, average=0.99)
    trunk_batch: int = 64
    head_pose: LoopSettings = LoopSettings(steps=1600, learning_rate=2e-3, warmup=100, average=0.995)
    head_pose_batch: int = 64
    encoders: LoopSettings = LoopSettings(steps=900, learning_rate=6e-4, warmup=100, average=0.995)
    encoders_batch: int = 24
    undrawn: LoopSettings = LoopSettings(steps=1500, learning_rate=2e-3, warmup=50)
    v_aid: LoopSettings = LoopSettings(steps=1600, learning_rate=5e-4, warmup=100, average=0.995)
    v_aid_batch: int = 16
    ethd: LoopSettings = LoopSettings(steps=3200, learning_rate=6e-4, warmup=50, average=0.995)
    ethd_first_frames: int = 80  # of each clip; encoding more would cost minutes and bring no new faces
    ethd_batch: int = 6
    ethd_frames: int = 8
