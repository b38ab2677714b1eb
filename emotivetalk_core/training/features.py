"""What the frozen networks say of the drawn heads, computed once and kept: VAE latents of all pictures, and for each
clip its audio windows, its vision latents (l_v, e_v) and the latents of its portraits.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

from ..audio.feature_windows import feature_windows
from ..face.crops import pictures
from ..face.head_turn import turn_head
from ..models.checkpoint import load_network
from ..models.motion_encoder import MotionEncoder, MotionEncoderConfig
from ..models.speech_encoder import SpeechEncoder, SpeechEncoderConfig
from ..models.vae import encode_mode
from ..models.vae_checkpoint import load_vae
from .stage import Stage

BATCH = 64


def cached(file: Path, make: Callable[[], np.ndarray]) -> np.ndarray:
    """The array in `file`, made and written (in one move) where it is missing."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(".part.npy")
        np.save(part, make())
        part.replace(file)
    return np.load(file, mmap_mode="r")


def _over_pictures(
    pixels: np.ndarray, read: Callable[[torch.Tensor], torch.Tensor], device: torch.device
) -> np.ndarray:
    """Applies `read` to pictures [a, b, h, w, 3] in batches; float16 [a, b, …]."""
    flat = pixels.reshape(-1, *pixels.shape[2:])
    with torch.inference_mode():
        parts = [
            read(pictures(flat[s : s + BATCH], device)).float().cpu().numpy().astype(np.float16)
            for s in range(0, len(flat), BATCH)
        ]
    return np.concatenate(parts).reshape(*pixels.shape[:2], *parts[0].shape[1:])


def _latents(stage: Stage, pixels: np.ndarray) -> np.ndarray:
    vae = load_vae(stage.weights("vae"), stage.device)

    def read(faces: torch.Tensor) -> torch.Tensor:
        with stage.autocast():
            return encode_mode(vae, faces)

    return _over_pictures(pixels, read, stage.device)


def still_latents(stage: Stage) -> np.ndarray:
    """Unscaled VAE modes of all stills [i, k, 4, h, w]."""
    return cached(stage.states / "features" / "still_latents.npy", lambda: _latents(stage, stage.data.stills["pixels"]))


def clip_latents(stage: Stage) -> np.ndarray:
    """Unscaled VAE modes of the frames of the clips that ETHD learns from [c, n, 4, h, w]."""
    pixels = stage.data.clips["pixels"][:, : stage.settings.ethd_first_frames]
    return cached(stage.states / "features" / "clip_latents.npy", lambda: _latents(stage, pixels))


def relative_pose(pose: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Poses [..., 6] of drawn heads seen from that of their portrait [..., 6], as in types.HeadPose."""
    relative = pose - reference
    relative[..., 5] = pose[..., 5] / reference[..., 5]
    return relative


def _turned(stage: Stage, pixels: np.ndarray, boxes: np.ndarray, poses: np.ndarray) -> np.ndarray:
    """Unscaled VAE modes [a, n, 4, h, w] of the portraits [a, s, s, 3] with their heads turned by poses [a, n, 6]."""
    vae = load_vae(stage.weights("vae"), stage.device)
    found = []
    for portrait, box, course in zip(pixels, boxes, poses, strict=True):
        picture, moves = pictures(portrait, stage.device), torch.from_numpy(course).float().to(stage.device)
        place = torch.from_numpy(np.array(box)).to(stage.device)
        with torch.inference_mode(), stage.autocast():
            turned = turn_head(picture[None], place[None], moves).clamp(0, 1)
            found.append(encode_mode(vae, turned).float().cpu().numpy().astype(np.float16))
    return np.stack(found)


def clip_guides(stage: Stage) -> np.ndarray:
    """Of each clip the first portrait, its head turned as in every frame [c, n, 4, h, w]: unscaled VAE modes."""

    def make() -> np.ndarray:
        clips = stage.data.clips
        poses = relative_pose(
            clips["pose"][:, : stage.settings.ethd_first_frames], clips["reference_pose"][:, :1]
        )  # [c, n, 6]
        return _turned(stage, clips["reference_pixels"][:, 0], clips["reference_face_box"][:, 0], poses)

    return cached(stage.states / "features" / "clip_guides.npy", make)


def turned_features(stage: Stage) -> dict[str, np.ndarray]:
    """Of the people's turned pictures: latents [i, k, 4, h, w]; guides [i, k, 4, h, w], the person's first still with
    its head turned so; lip [i, k, lip], expression [i, k, expression] as encoded.
    """
    encoder = load_network(
        stage.weights("motion_encoder"), "motion_encoder", MotionEncoder, MotionEncoderConfig, stage.device
    )
    turned, stills, folder = stage.data.turned, stage.data.stills, stage.states / "features"

    def guides() -> np.ndarray:
        poses = relative_pose(turned["pose"][:], stills["pose"][:, :1])
        return _turned(stage, stills["pixels"][:, 0], stills["face_box"][:, 0], poses)

    def read(method: Callable[[torch.Tensor], torch.Tensor]) -> np.ndarray:
        return _over_pictures(turned["pixels"], method, stage.device)

    return {
        "latents": cached(folder / "turned_latents.npy", lambda: _latents(stage, turned["pixels"])),
        "guides": cached(folder / "turned_guides.npy", guides),
        "lip": cached(folder / "turned_lip.npy", lambda: read(encoder.lip)),
        "expression": cached(folder / "turned_expression.npy", lambda: read(encoder.expression)),
    }


def reference_latents(stage: Stage) -> np.ndarray:
    """Unscaled VAE modes of the clips' portraits [c, r, 4, h, w]."""
    return cached(
        stage.states / "features" / "reference_latents.npy",
        lambda: _latents(stage, stage.data.clips["reference_pixels"]),
    )


def held_features(stage: Stage) -> dict[str, np.ndarray]:
    """Of the clips held still: latents [c, m, 4, h, w] and reference_latents [c, r, 4, h, w], unscaled VAE modes, and
    reference_expression [c, r, expression]. Sound, l_v and e_v are those of the moving clips: the faces are the same.
    """
    held, folder = stage.data.held, stage.states / "features"
    encoder = load_network(
        stage.weights("motion_encoder"), "motion_encoder", MotionEncoder, MotionEncoderConfig, stage.device
    )
    return {
        "latents": cached(folder / "held_latents.npy", lambda: _latents(stage, held["pixels"])),
        "reference_latents": cached(
            folder / "held_reference_latents.npy", lambda: _latents(stage, held["reference_pixels"])
        ),
        "reference_expression": cached(
            folder / "held_reference_expression.npy",
            lambda: _over_pictures(held["reference_pixels"], encoder.expression, stage.device),
        ),
    }


def vision_features(stage: Stage) -> dict[str, np.ndarray]:
    """l_v [c, n, lip], e_v [c, n, expression], and of the portraits: identity [c, r, d], reference_expression [c, r,
    expression].
    """
    encoder = load_network(
        stage.weights("motion_encoder"), "motion_encoder", MotionEncoder, MotionEncoderConfig, stage.device
    )
    clips, folder = stage.data.clips, stage.states / "features"

    def read(name: str, pixels: np.ndarray, method: Callable[[torch.Tensor], torch.Tensor]) -> np.ndarray:
        def fast(faces: torch.Tensor) -> torch.Tensor:
            with stage.autocast():
                return method(faces)

        return cached(folder / f"{name}.npy", lambda: _over_pictures(pixels, fast, stage.device))

    return {
        "lip": read("lip", clips["pixels"], encoder.lip),
        "expression": read("expression", clips["pixels"], encoder.expression),
        "identity": read("identity", clips["reference_pixels"], encoder.identity),
        "reference_expression": read("reference_expression", clips["reference_pixels"], encoder.expression),
    }


def still_features(stage: Stage) -> dict[str, np.ndarray]:
    """Of all stills: l_v [i, k, lip] and e_v [i, k, expression], and of each person's first one identity [i, d]."""
    encoder = load_network(
        stage.weights("motion_encoder"), "motion_encoder", MotionEncoder, MotionEncoderConfig, stage.device
    )
    pixels, folder = stage.data.stills["pixels"], stage.states / "features"
    return {
        "lip": cached(folder / "still_lip.npy", lambda: _over_pictures(pixels, encoder.lip, stage.device)),
        "expression": cached(
            folder / "still_expression.npy", lambda: _over_pictures(pixels, encoder.expression, stage.device)
        ),
        "identity": cached(
            folder / "still_identity.npy", lambda: _over_pictures(pixels[:, :1], encoder.identity, stage.device)[:, 0]
        ),
    }


def audio_features(stage: Stage) -> np.ndarray:
    """A_w of every clip [c, n, 10, d]."""

    def make() -> np.ndarray:
        frames = stage.data.clips["pixels"].shape[1]
        windows = [feature_windows(features, frames) for features in _heard(stage, stage.data.clips["samples"])]
        return torch.stack(windows).cpu().numpy().astype(np.float16)

    return cached(stage.states / "features" / "audio_windows.npy", make)


def speech_features(stage: Stage) -> np.ndarray:
    """Of the clips that are not drawn: [s, t50, d], from which windows are cut as they are needed."""

    def make() -> np.ndarray:
        heard = list(_heard(stage, stage.data.speech["samples"]))
        return torch.stack(heard).cpu().numpy().astype(np.float16)

    return cached(stage.states / "features" / "speech_features.npy", make)


def _heard(stage: Stage, recordings: np.ndarray) -> Iterator[torch.Tensor]:
    """The speech encoder's features [t50, d] of each recording."""
    encoder = load_network(
        stage.weights("speech_encoder"), "speech_encoder", SpeechEncoder, SpeechEncoderConfig, stage.device
    )
    with torch.inference_mode():
        for samples in recordings:
            yield encoder(torch.from_numpy(samples.astype(np.float32))[None].to(stage.device))[0]
