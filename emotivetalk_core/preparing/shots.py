"""Where one shot of a film ends and the next begins. [ours]

PySceneDetect finds cuts as well, but brings a build of OpenCV, which this project leaves to its host, and reads the
file itself, so that each film would be decoded twice.
"""

import torch
from torch.nn import functional as F

_BINS, _GRID, _AFAR = 8, 72, 16
_OTHER_COLOURS = 0.35
_OTHER_PLACE = (0.12, 0.05)


class Cuts:
    """Asked of every picture in turn, uint8 [3, h, w]: does a new shot begin with it?

    A cut changes what colours there are (half the L1 distance of two histograms of 512 bins, 0…1, above 0.35), or some
    of them (above 0.12) together with where it is bright (mean change of the picture seen from afar above 0.05 of full
    scale), from one picture to the next; or the picture's size. Heads and hands change less; slow dissolves are not
    seen.
    """

    def __init__(self) -> None:
        self._size: tuple[int, ...] = ()
        self._colours = self._afar = torch.empty(0)

    def __call__(self, levels: torch.Tensor) -> bool:
        size = tuple(levels.shape)
        step = max(1, min(size[1:]) // _GRID)
        small = levels[:, ::step, ::step].long()
        bins = (small[0] * _BINS // 256 * _BINS + small[1] * _BINS // 256) * _BINS + small[2] * _BINS // 256
        colours = torch.bincount(bins.flatten(), minlength=_BINS**3).float() / bins.numel()
        afar = F.adaptive_avg_pool2d(small.float().mean(0, keepdim=True)[None], _AFAR)[0] / 255
        before, self._size = self._size, size
        colours_before, self._colours = self._colours, colours
        afar_before, self._afar = self._afar, afar
        if size != before:
            return True
        colour = float((colours - colours_before).abs().sum()) / 2
        place = float((afar - afar_before).abs().mean())
        return colour > _OTHER_COLOURS or (colour > _OTHER_PLACE[0] and place > _OTHER_PLACE[1])
