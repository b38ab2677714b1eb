"""Stage 3a: a stand-in for PD-FGC's pre-training. PD-FGC learnt its factors from thousands of people; drawn and
rendered heads know theirs, so a small trunk learns to name them: speech articulation for the lip latent, action units
and lids for the expression latent, head pose, blink and gaze. Each truth is spread over its latent by a fixed random
map, so that every dimension carries it and none is left over to carry identity.
"""

import contextlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from ..face.crops import pictures
from ..models.motion_encoder import MotionEncoder, MotionEncoderConfig
from .camera import framed, noisy, relit
from .job import Job
from .loop import LoopSettings
from .parallel import Outcome, Phase, whole_state
from .samples import Sample, random_below
from .source import Source

_MEASURED = 800  # people whose first picture the latents' mean and spread are measured on
_FIELDS = ("pictures", "mouth", "action_units", "eye", "pose")


@dataclass(frozen=True)
class TrunkSettings:
    """kind: of the clips whose frames it learns from."""

    loop: LoopSettings
    kind: str = "stills"


class TruthMaps:
    """Fixed random maps from the generator's truth to latents of about zero mean and unit variance.

    mouth [n, m], face [n, f]: what they are for all pictures.
    """

    def __init__(self, mouth: torch.Tensor, face: torch.Tensor, config: MotionEncoderConfig, device: torch.device):
        generator = torch.Generator().manual_seed(31)
        self.mouth_mean, self.mouth_std = mouth.mean(0).to(device), mouth.std(0).add(1e-6).to(device)
        self.face_mean, self.face_std = face.mean(0).to(device), face.std(0).add(0.05).to(device)
        # cosines of random directions: a smooth embedding in which near mouths stay near
        self.directions = (torch.randn(mouth.shape[1], config.lip_dim, generator=generator) * 0.5).to(device)
        self.phases = (torch.rand(config.lip_dim, generator=generator) * 2 * math.pi).to(device)
        wide = max(config.expression_dim, face.shape[1])
        square = torch.linalg.qr(torch.randn(wide, wide, generator=generator))[0]
        self.spread = square[: face.shape[1], : config.expression_dim].to(device)  # [truth, latent]
        self.spread = self.spread * math.sqrt(wide / face.shape[1])

    def lip(self, mouth: torch.Tensor) -> torch.Tensor:
        """Articulation [b, m] -> [b, lip_dim]."""
        return math.sqrt(2) * torch.cos((mouth - self.mouth_mean) / self.mouth_std @ self.directions + self.phases)

    def expression(self, face: torch.Tensor) -> torch.Tensor:
        """Action units and blink [b, f] -> [b, expression_dim]."""
        return (face - self.face_mean) / self.face_std @ self.spread


def train_trunk(job: Job, settings: TrunkSettings) -> None:
    """Writes `training/trunk`, a motion encoder whose trunk and heads are trained; its adapters are still at zero."""
    config = job.preset.motion_encoder
    torch.manual_seed(job.seed)
    encoder = MotionEncoder(config)
    source = job.source()
    clips = source.some_clips(settings.kind, *_FIELDS)
    mouth = torch.cat([source.read(clip, "mouth") for clip in clips])
    face = torch.cat([_face_truth(source.read(clip, "action_units"), source.read(clip, "eye")) for clip in clips])
    objective = Naming(encoder, TruthMaps(mouth, face, config, job.device), job.autocast)

    def stills(*, held_out: bool) -> Stills:
        return Stills(job.source(), settings.kind, held_out=held_out)

    record = job.train("trunk", {"main": Phase(objective, skips=True)}, settings.loop, stills, settings)
    whole = MotionEncoder(config).to(job.device)
    whole.load_state_dict(whole_state(encoder))
    whole.eval()
    with torch.inference_mode():
        firsts = torch.cat([source.read(clip, "pictures", 0, 1) for clip in clips[:_MEASURED]])
        parts = [pictures(part.numpy(), job.device) for part in firsts.split(64)]
        lip, expression = (
            torch.cat([read(part, normalised=False).float() for part in parts])
            for read in (whole.lip, whole.expression)
        )
    whole.set_statistics(lip, expression)
    job.save("training/trunk", "motion_encoder", whole, config, record)


def _face_truth(action_units: torch.Tensor, eye: torch.Tensor) -> torch.Tensor:
    """Action units [n, a] and the blink [n, 1] side by side."""
    return torch.cat([action_units, eye[..., :1]], -1).float()


class Stills:
    """A picture as another crop and camera would show it, and what the head does."""

    def __init__(self, source: Source, kind: str, *, held_out: bool) -> None:
        self._source, self._clips = source, source.some_clips(kind, *_FIELDS, held_out=held_out)

    def draw(self, step: int, index: int, generator: torch.Generator) -> Sample:
        clip = self._clips[random_below(len(self._clips), generator)]
        frame = random_below(clip.rows("pictures"), generator)
        read = {name: self._source.read(clip, name, frame, frame + 1) for name in _FIELDS}
        faces = augment(pictures(read.pop("pictures").numpy(), torch.device("cpu")), generator)
        face = _face_truth(read.pop("action_units"), read["eye"])
        return {"faces": faces, "face": face, **read}


class Naming(nn.Module):
    """Every factor named from the plain picture."""

    def __init__(
        self,
        encoder: MotionEncoder,
        maps: TruthMaps,
        autocast: Callable[[], contextlib.AbstractContextManager],
    ) -> None:
        super().__init__()
        self.encoder, self._maps, self._autocast = encoder, maps, autocast

    def forward(self, batch: Mapping[str, torch.Tensor]) -> Outcome:
        maps = self._maps
        with self._autocast():
            plain = self.encoder.identity(batch["faces"])
            read = self.encoder.latents(plain, plain, plain)  # the adapters are still at zero
        scale = plain.new_tensor([0.1, 0.1, 0.1, 0.03, 0.03, 0.03]).float()  # radians, picture fractions, scale
        rest = scale.new_tensor([0, 0, 0, 0, 0, 1.0])
        lip = F.mse_loss(read.lip.float(), maps.lip(batch["mouth"]))
        expression = F.mse_loss(read.expression.float(), maps.expression(batch["face"]))
        pose = F.mse_loss(read.pose.float(), (batch["pose"] - rest) / scale)
        eye = F.mse_loss(read.eye.float()[:, :3], batch["eye"])
        figures = {"lip": lip, "expression": expression, "pose": pose, "eye": eye}
        return Outcome(lip + expression + 0.1 * pose + eye, figures)


def augment(faces: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Random shift, scale, turn, colour and noise, so that the latents tell the face and not its place in the
    picture.
    """
    count = faces.shape[0]

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(count, *shape, generator=generator).to(faces.device)

    angle, zoom, shift = normal() * 0.04, torch.exp(normal() * 0.05), normal(2) * 0.035
    cos, sin = angle.cos() * zoom, angle.sin() * zoom
    matrix = torch.stack([cos, -sin, shift[:, 0], sin, cos, shift[:, 1]], -1).view(count, 2, 3)
    faces = relit(framed(faces, matrix), torch.exp(normal(1, 1, 1) * 0.15), normal(3, 1, 1) * 0.04)
    return noisy(faces, normal(*faces.shape[1:]) * 0.02)
