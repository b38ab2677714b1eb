"""`train demo`: the paper's order from speech to talking head, each stage once, resumed wherever it was stopped."""

import functools
from collections.abc import Callable
from pathlib import Path

import torch

from ..models.manifest import write_manifest
from ..training.ablation import train_ablation
from ..training.data import prepare_data
from ..training.encoders import train_encoders
from ..training.ethd import train_ethd
from ..training.head_pose import train_head_pose_reader
from ..training.settings import DemoSettings
from ..training.speech_encoder import train_speech_encoder
from ..training.stage import Stage
from ..training.v_aid import train_v_aid
from ..training.vae import train_vae
from .codebook import build_demo_codebook
from .face_finder import train_face_finder
from .speech_emotion import train_speech_emotion

STAGES: dict[str, tuple[str, Callable[[Stage], None]]] = {
    "face_finder": ("face_finder", train_face_finder),
    "speech_encoder": ("speech_encoder", train_speech_encoder),
    "vae": ("vae", train_vae),
    "head_pose": ("head_pose_reader", train_head_pose_reader),
    "encoders": ("motion_encoder", train_encoders),
    "v_aid": ("dicte", train_v_aid),
    "ethd": ("ethd", train_ethd),
    "codebook": ("emotion_codebook", build_demo_codebook),
    "speech_emotion": ("speech_emotion", train_speech_emotion),
}
"""Stage -> (the last weights file it writes, the function), in order."""

OPTIONAL_STAGES: dict[str, tuple[str, Callable[[Stage], None]]] = {
    "ablation": ("ablation/no_decoupling", train_ablation),
    "head_pose_probe": ("head_pose_probe", functools.partial(train_head_pose_reader, name="head_pose_probe", seed=5)),
}
"""Trained only when named: the variants that `evaluate` compares with (EmotiveTalk table 2, fig. 12), and the network
that it reads head poses with.
"""


def train_demo(
    settings: DemoSettings,
    out: Path,
    *,
    stages: tuple[str, ...] | None = None,
    device: torch.device | None = None,
    on_step: Callable[[str, int, int, dict[str, float]], None] | None = None,
) -> None:
    """Trains what is missing in `out`; a stage whose weights file exists is done. `stages` limits it to some of
    STAGES.
    """
    device = device or torch.device("cuda" if torch.cuda.is_available() else "cpu")
    out.mkdir(parents=True, exist_ok=True)

    def on_data(kind: str, done: int, total: int) -> None:
        if on_step is not None:
            on_step(f"drawing {kind}", done, total, {})

    data = prepare_data(out / "training" / "data", settings.seed, settings.data, on_data)
    stage = Stage(out, settings, data, device, on_step)
    for name, (file, train) in {**STAGES, **OPTIONAL_STAGES}.items():
        wanted = name in STAGES if stages is None else name in stages
        if wanted and not stage.weights(file).exists():
            train(stage)
    write_manifest(out)
