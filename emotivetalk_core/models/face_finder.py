"""The finder of drawn and rendered faces: a small centre-point network that a picture of any size runs through in some
milliseconds.
 Every cell of a heat map says how surely a face's centre lies there; beside it stand the face's box, its eyes and
mouth, and the box of its lips. The form is that of "Objects as Points" (Zhou et al. 2019, CenterNet). It knows the
drawn heads and rendered people it was trained on, and says how strange other pictures look; where eyes and mouth are in
photographs, face/mtcnn.py says better.
"""

from dataclasses import dataclass
from types import ModuleType

import torch
from torch import nn
from torch.nn import functional as F

from ..face.finder import KNOWN, FaceDetection, suppress_overlaps
from ..layers.parts import Parts

STRIDE = 4
MULTIPLE = 32
"""A picture's sides must be multiples of this: the trunk halves them five times, counting the last, coarsest
level."""

# Channels of the network's output, see FaceFinder.forward.
HEAT = 0
SIZE = slice(1, 3)
CENTRE = slice(3, 5)
POINTS = slice(5, 11)
LIPS = slice(11, 15)
OUTPUTS = 15

LOOKED_AT = 128
"""Pixels of a crop's side when its looks are judged."""

TYPICAL_FACE = 32.0
"""Pixels. Box sizes are learned as the logarithm of their ratio to it."""


@dataclass(frozen=True)
class FaceFinderConfig:
    """channels: of the levels at stride 2, 4, 8, 16, 32 · head_channels: of the shared layer before the outputs ·
    scales: longest sides at which a picture is looked at · threshold: heat above which a face is believed · kinds: of
    pictures whose looks it remembers, for `strangeness` (0: none).
    """

    channels: tuple[int, ...] = (16, 24, 40, 56, 64)
    head_channels: int = 40
    norm_groups: int = 8
    scales: tuple[int, ...] = (128, 256)
    threshold: float = 0.55
    kinds: int = 0


class _Block(nn.Module):
    """Convolution, GroupNorm, SiLU; with a residual where nothing changes its shape."""

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        stride: int,
        groups: int,
        parts: Parts,
    ) -> None:
        super().__init__()
        self.conv = parts.conv2d(channels_in, channels_out, 3, stride=stride, padding=1, bias=False)
        self.norm = parts.group_norm(groups, channels_out)
        self.residual = stride == 1 and channels_in == channels_out

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = F.silu(self.norm(self.conv(x)))
        return x + h if self.residual else h


class FaceFinder(nn.Module):
    """Levels down to stride 32, then back up to stride 4 by adding each coarser level to the finer one.

    usual [k, d], precision [k, d, d]: mean and inverse covariance of `looks`, of each kind of picture that it
    remembers (recipes/remembered_looks.py).
    """

    usual: torch.Tensor
    precision: torch.Tensor

    def __init__(
        self,
        config: FaceFinderConfig,
        *,
        operations: ModuleType = nn,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        super().__init__()
        parts = Parts(operations, dtype, device)
        self.config = config
        groups, widths = config.norm_groups, config.channels
        built = (groups, parts)
        self.stem = _Block(3, widths[0], 2, *built)
        self.down = nn.ModuleList(
            nn.Sequential(_Block(fine, coarse, 2, *built), _Block(coarse, coarse, 1, *built))
            for fine, coarse in zip(widths[:-1], widths[1:], strict=True)
        )
        self.across = nn.ModuleList(
            parts.conv2d(coarse, fine, 1) for fine, coarse in zip(widths[1:-1], widths[2:], strict=True)
        )
        self.up = nn.ModuleList(_Block(width, width, 1, *built) for width in widths[1:-1])
        self.head = _Block(widths[1], config.head_channels, 1, *built)
        self.out = parts.conv2d(config.head_channels, OUTPUTS, 1)
        if config.kinds:
            width = 2 * (widths[2] + widths[3])
            place = {"dtype": dtype, "device": device}
            self.register_buffer("usual", torch.zeros(config.kinds, width, **place))
            self.register_buffer("precision", torch.zeros(config.kinds, width, width, **place))
        if self.out.bias is not None and not self.out.bias.is_meta:
            # Faces are rare: starting from a heat of 0.02 spares the first steps the work of unlearning 0.5.
            with torch.no_grad():
                self.out.bias.zero_()
                self.out.bias[HEAT] = -4.0

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """[b, 3, h, w] RGB 0…1, sides multiples of 32 -> [b, 15, h/4, w/4].
         Channels: 0 heat (logit) · 1-2 log of the box's width and height over 32 pixels · 3-4 from the cell's centre to
        the box's centre · 5-10 left eye, right eye, mouth, from the box's centre · 11-12 the lip box's centre likewise,
        13-14 its width and height. Lengths of channels 3 to 14 are in units of the box's width and height.
        """
        level = self.stem(pictures * 4.0 - 2.0)
        levels = []
        for stage in self.down:
            level = stage(level)
            levels.append(level)
        for finer, across, up in zip(levels[-2::-1], reversed(self.across), reversed(self.up), strict=True):
            level = up(finer + F.interpolate(across(level), scale_factor=2.0, mode="nearest"))
        return self.out(self.head(level))

    @torch.no_grad()
    def looks(self, crops: torch.Tensor) -> torch.Tensor:
        """What talking crops [b, 3, s, s] RGB 0…1 look like: means, then deviations over the picture, of the levels at
        stride 8 and 16, [b, d].
        """
        size = (LOOKED_AT, LOOKED_AT)
        level = F.interpolate(crops, size=size, mode="bilinear", antialias=True).to(self.out.weight) * 4.0 - 2.0
        level = self.stem(level)
        found = []
        for number, stage in enumerate(self.down[:3]):
            level = stage(level)
            found += [level.mean((2, 3)), level.std((2, 3))] if number else []
        return torch.cat(found, 1)

    def strangeness(self, crop: torch.Tensor) -> float:
        """How strange a talking crop [3, s, s] looks to it: its distance from the nearest kind of picture that it
        learnt from, where 1 is what 95 in 100 unseen ones of these lie within. Without a memory of them, by how unsure
        it is of the face: KNOWN over its sureness.
        """
        if not self.config.kinds:
            return KNOWN / max(max((face.score for face in self.find(crop)), default=0.0), 1e-3)
        return float(self._distances(crop).min())

    def is_drawn(self, crop: torch.Tensor) -> bool:
        """Whether a talking crop [3, s, s] looks more like the first kind of picture that it learnt from, drawn heads,
        than like people; if it remembers no others, whether it is not strange.
        """
        if self.config.kinds < 2:
            return self.strangeness(crop) <= 1
        return int(self._distances(crop).argmin()) == 0

    def _distances(self, crop: torch.Tensor) -> torch.Tensor:
        """From each kind of picture [kinds]."""
        apart = (self.looks(crop[None]) - self.usual).float()  # [kinds, d]
        squares = (apart[:, None] @ self.precision.float() @ apart[..., None])[:, 0, 0]
        return squares.clamp_min(0).sqrt()

    @torch.no_grad()
    def find(self, pixels: torch.Tensor) -> list[FaceDetection]:
        """The faces of one picture [3, h, w] RGB 0…1, in its own pixels, surest first. Any size; fits
        `FaceDetector`."""
        height, width = pixels.shape[-2:]
        longest = max(height, width)
        found: list[FaceDetection] = []
        for scale in self.config.scales:
            if scale > self.config.scales[0] and scale > 2 * longest:
                break  # enlarging a small picture that far shows nothing new
            ratio = scale / longest
            size = (max(1, round(height * ratio)), max(1, round(width * ratio)))
            small = F.interpolate(pixels[None].float(), size=size, mode="bilinear", antialias=True)
            padded = F.pad(small, (0, -size[1] % MULTIPLE, 0, -size[0] % MULTIPLE), mode="replicate")
            maps = self(padded.to(self.out.weight)).float()[0].cpu()
            found += read_faces(maps, self.config.threshold, width / size[1], height / size[0])
        return suppress_overlaps(found)


def read_faces(maps: torch.Tensor, threshold: float, across: float = 1.0, down: float = 1.0) -> list[FaceDetection]:
    """Faces where the heat of `maps` [15, h/4, w/4] has a peak above `threshold`, lengths times `across` and
    `down`."""
    heat = maps[HEAT].sigmoid()
    peak = (F.max_pool2d(heat[None], 3, stride=1, padding=1)[0] == heat) & (heat > threshold)
    stretch = torch.tensor([across, down])
    faces = []
    for row, column in peak.nonzero().tolist():
        # The cells around a peak have each their own opinion of the same face: the mean, by heat, is steadier than one.
        rows, columns = torch.meshgrid(
            torch.arange(max(0, row - 1), min(heat.shape[0], row + 2)),
            torch.arange(max(0, column - 1), min(heat.shape[1], column + 2)),
            indexing="ij",
        )
        cells = maps[:, rows, columns].flatten(1).T  # [cells, 15]
        share = heat[rows, columns].flatten()[:, None]
        share = share * (share > 0.5 * heat[row, column])  # less heat means a cell that was never taught to answer
        share = share / share.sum()
        sizes = cells[:, SIZE].clamp(-3.0, 3.0).exp() * TYPICAL_FACE
        places = (torch.stack([columns, rows], -1).flatten(0, 1) + 0.5) * STRIDE
        size, centre = (share * sizes).sum(0), (share * (places + cells[:, CENTRE] * sizes)).sum(0)
        cell = (share * cells).sum(0)
        points = ((centre + cell[POINTS].view(3, 2) * size) * stretch).tolist()
        lips, lip_size = centre + cell[LIPS][:2] * size, cell[LIPS][2:].clamp(0.05, 1.0) * size
        box = torch.cat([(centre - size / 2) * stretch, (centre + size / 2) * stretch]).tolist()
        lip_box = torch.cat([(lips - lip_size / 2) * stretch, (lips + lip_size / 2) * stretch]).tolist()
        faces.append(
            FaceDetection(
                box=(box[0], box[1], box[2], box[3]),
                score=heat[row, column].item(),
                eyes_mouth=tuple((x, y) for x, y in points),  # type: ignore[arg-type]
                lip_box=(lip_box[0], lip_box[1], lip_box[2], lip_box[3]),
            )
        )
    return faces
