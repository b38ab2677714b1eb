"""The lip and expression encoders (EmotiveTalk §6.1, fig. 7): one frozen PD-FGC trunk behind two trainable adapters.

The pictures are aligned faces; who aligns them, and what the latents drive, is not known here.
"""

from dataclasses import dataclass
from types import ModuleType

import torch
import torch.nn.functional as F
from torch import nn

from ..layers.batch_norm import BatchNorm1d
from ..layers.parts import Parts
from ..layers.zero_start import start_at_zero
from ..types import MotionLatents
from .fan_trunk import Device, FanTrunk, SmallTrunk


@dataclass(frozen=True)
class MotionEncoderConfig:
    """Shape of the motion encoder. The defaults are PD-FGC's: lip 512, expression 30, pose 6, eye 6.

    trunk: "fan" (PD-FGC's) or "small" (with `trunk_channels`). head_width: hidden width of the four heads. aligned:
    whether it wants faces brought to PD-FGC's place by eyes and mouth, or the talking crop as it is.
    """

    input_size: int = 224
    aligned: bool = True
    trunk: str = "fan"
    trunk_channels: tuple[int, ...] = (32, 64, 96, 128, 128)
    trunk_dim: int = 512
    head_width: int = 512
    lip_dim: int = 512
    expression_dim: int = 30
    pose_dim: int = 6
    eye_dim: int = 6
    adapter_channels: int = 32


class ImageAdapter(nn.Module):
    """A small residual network on the image [b, 3, s, s], the identity at the start (its last layer is zero).

    It works at half size, where it is cheap, and is told each pixel's place: the faces are aligned, so "below the nose"
    is a place, and to hide or stress a region is what the adapter has to learn. The paper says only "adapter"; this
    form is our choice.
    """

    def __init__(self, channels: int, *, parts: Parts) -> None:
        super().__init__()
        self.conv_in = parts.conv2d(5, channels, 3, stride=2, padding=1)
        self.norms = nn.ModuleList(parts.group_norm(8, channels) for _ in range(2))
        self.convs = nn.ModuleList(parts.conv2d(channels, channels, 3, padding=1) for _ in range(2))
        self.conv_out = parts.conv2d(channels, 3, 3, padding=1)
        start_at_zero(self.conv_out)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        b, _, height, width = image.shape
        rows = torch.linspace(-1, 1, height, dtype=image.dtype, device=image.device)
        columns = torch.linspace(-1, 1, width, dtype=image.dtype, device=image.device)
        place = torch.stack(torch.meshgrid(rows, columns, indexing="ij")).expand(b, 2, height, width)
        x = self.conv_in(torch.cat((image, place), dim=1))  # [b, c, s/2, s/2]
        for norm, conv in zip(self.norms, self.convs, strict=True):
            x = x + conv(F.silu(norm(x)))
        x = F.interpolate(F.silu(x), size=(height, width), mode="bilinear", align_corners=False)
        return image + self.conv_out(x)


class MotionEncoder(nn.Module):
    """Aligned faces -> lip and expression latents, z-normalised, and pose, eye and identity.

    The adapters stand before the trunk, one for lip, one for expression; pose, eye and identity read the plain image.
    """

    lip_mean: torch.Tensor
    lip_std: torch.Tensor
    expression_mean: torch.Tensor
    expression_std: torch.Tensor

    def __init__(
        self,
        config: MotionEncoderConfig,
        *,
        operations: ModuleType = nn,
        dtype: torch.dtype | None = None,
        device: Device = None,
    ) -> None:
        super().__init__()
        parts = Parts(operations, dtype, device)
        self.config = config
        if config.trunk == "fan":
            self.trunk = FanTrunk(config.input_size, config.trunk_dim, parts=parts)
        elif config.trunk == "small":
            self.trunk = SmallTrunk(config.trunk_channels, config.trunk_dim, parts=parts)
        else:
            raise ValueError(f"There is no trunk {config.trunk!r}; a motion encoder stands on 'fan' or 'small'.")

        def head(out: int) -> nn.Sequential:
            return nn.Sequential(
                parts.linear(config.trunk_dim, config.head_width),
                nn.ReLU(),
                BatchNorm1d(config.head_width, **parts.factory_kwargs),
                parts.linear(config.head_width, out),
            )

        def embed(out: int) -> nn.Sequential:
            return nn.Sequential(nn.ReLU(), parts.linear(config.head_width, out))

        # PD-FGC's names. Its mouth_embed is left out: the method takes the mouth head's own vector as the lip latent.
        self.to_mouth = head(config.lip_dim)
        self.to_headpose, self.headpose_embed = head(config.head_width), embed(config.pose_dim)
        self.to_eye, self.eye_embed = head(config.head_width), embed(config.eye_dim)
        self.to_emo, self.emo_embed = head(config.head_width), embed(config.expression_dim)
        self.lip_adapter = ImageAdapter(config.adapter_channels, parts=parts)
        self.expression_adapter = ImageAdapter(config.adapter_channels, parts=parts)
        self.register_buffer("lip_mean", torch.zeros(config.lip_dim, device=device))
        self.register_buffer("lip_std", torch.ones(config.lip_dim, device=device))
        self.register_buffer("expression_mean", torch.zeros(config.expression_dim, device=device))
        self.register_buffer("expression_std", torch.ones(config.expression_dim, device=device))
        self._frozen = False

    def forward(self, faces: torch.Tensor) -> MotionLatents:
        """Faces [b, 3, s, s] RGB in 0…1, any size, aligned -> all latents. Runs the trunk three times, in one batch."""
        images = self._prepare(faces)
        batch = torch.cat((images, self.lip_adapter(images), self.expression_adapter(images)))
        plain, lip, expression = self.trunk(batch).chunk(3)
        return self.latents(plain, lip, expression)

    def lip(self, faces: torch.Tensor, *, normalised: bool = True) -> torch.Tensor:
        """Faces -> lip latents [b, lip_dim]: one run of the trunk."""
        raw = self.to_mouth(self.trunk(self.lip_adapter(self._prepare(faces))))
        return self._normalise_lip(raw) if normalised else raw

    def expression(self, faces: torch.Tensor, *, normalised: bool = True) -> torch.Tensor:
        """Faces -> expression latents [b, expression_dim]: one run of the trunk."""
        raw = self.emo_embed(self.to_emo(self.trunk(self.expression_adapter(self._prepare(faces)))))
        return self._normalise_expression(raw) if normalised else raw

    def identity(self, faces: torch.Tensor) -> torch.Tensor:
        """Faces -> the trunk's own feature [b, trunk_dim]: who it is, and the face at rest."""
        return self.trunk(self._prepare(faces))

    def latents(self, plain: torch.Tensor, lip: torch.Tensor, expression: torch.Tensor) -> MotionLatents:
        """The heads on trunk features [b, trunk_dim] of the plain and the two adapted images.

        Before the adapters are trained all three are the same, `identity(faces)`, which saves two runs of the trunk.
        """
        return MotionLatents(
            lip=self._normalise_lip(self.to_mouth(lip)),
            expression=self._normalise_expression(self.emo_embed(self.to_emo(expression))),
            pose=self.headpose_embed(self.to_headpose(plain)),
            eye=self.eye_embed(self.to_eye(plain)),
            identity=plain,
        )

    @torch.no_grad()
    def set_statistics(self, lip: torch.Tensor, expression: torch.Tensor) -> None:
        """Measure and keep mean and std of latents [many, dim] that were read with `normalised=False`.

        A channel that hardly varies would have its noise blown up; its std is held at 1 % of the average or more.
        """
        pairs = ((lip, self.lip_mean, self.lip_std), (expression, self.expression_mean, self.expression_std))
        for values, mean, std in pairs:
            spread = values.float().std(dim=0)
            mean.copy_(values.float().mean(dim=0))
            std.copy_(spread.clamp_min(0.01 * float(spread.mean())).clamp_min(1e-6))

    def freeze_trunk(self) -> None:
        """Freeze trunk and heads for the adapters' training; their batch norms then stay in eval mode."""
        self._frozen = True
        for part in self._reference_parts():
            part.requires_grad_(False)
        self.train(self.training)

    def train(self, mode: bool = True) -> "MotionEncoder":
        super().train(mode)
        if self._frozen:
            for part in self._reference_parts():
                part.eval()
        return self

    def _reference_parts(self) -> tuple[nn.Module, ...]:
        heads = (self.to_mouth, self.to_headpose, self.headpose_embed, self.to_eye, self.eye_embed)
        return (self.trunk, *heads, self.to_emo, self.emo_embed)

    def _prepare(self, faces: torch.Tensor) -> torch.Tensor:
        size = self.config.input_size
        if faces.shape[-2:] != (size, size):
            faces = F.interpolate(faces.float(), size=(size, size), mode="bilinear", antialias=True)
        return faces.to(next(self.to_mouth.parameters()).dtype) * 2 - 1

    def _normalise_lip(self, raw: torch.Tensor) -> torch.Tensor:
        return (raw - self.lip_mean.to(raw)) / self.lip_std.to(raw)

    def _normalise_expression(self, raw: torch.Tensor) -> torch.Tensor:
        return (raw - self.expression_mean.to(raw)) / self.expression_std.to(raw)
