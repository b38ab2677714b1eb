"""What Di-CTE samples of the lids, made into whole blinks. [ours]

A frame's lids are open or shut and hardly ever between, and speech says where a blink may fall, not in which frame. So
Di-CTE, which is taught blinks among all else that a face does, samples them as single frames that flutter around such
a place. The paper says nothing of blinks. Here each flutter becomes one blink of the course that people's have, and
one comes where there was none for long.

Shut lids move expression latents e along one direction b, whoever shows them, so a = e b / |b|^2 says how far they are
shut, and e + (a' - a) b is the same expression with lids of a'.
"""

import torch
from torch.nn import functional as F

from ..face.head_motion import BLINK
from ..types import FRAMES_PER_SECOND

SHUT = 0.25
"""From so much more than usual around it on, a frame counts as part of a blink."""
AROUND = 2 * FRAMES_PER_SECOND + 1
"""Frames whose median is what is usual: an emotion narrows the eyes for longer."""
FLUTTER = FRAMES_PER_SECOND // 2
"""Frames of a flutter within which its blink is deepest."""
APART = 3 * FRAMES_PER_SECOND // 2
"""Frames from one blink to the next at the least; of what comes sooner nothing is seen."""
LONGEST = 5 * FRAMES_PER_SECOND
"""Frames without a blink at the most, as in the truth that Di-CTE learns from (`face.head_motion.blinks`)."""

_DEEPEST = int(BLINK.argmax())


def settled_lids(expression: torch.Tensor, lids: torch.Tensor) -> torch.Tensor:
    """Expression latents [n, e] whose lids blink, and do not flutter. lids [e]: b; 0 leaves all as it is."""
    along = lids.to(expression)
    length = along.dot(along)
    if float(length) == 0:
        return expression
    shut = expression @ along / length  # [n]
    more = (shut - _running_median(shut)).clamp(min=0)
    blinking = torch.zeros(len(shut) + 2 * len(BLINK))
    for frame in _blinks(more.cpu()):
        blink = slice(len(BLINK) + frame - _DEEPEST, 2 * len(BLINK) + frame - _DEEPEST)
        blinking[blink] = torch.from_numpy(BLINK)
    blinking = blinking[len(BLINK) : -len(BLINK)].to(shut)
    return expression + (blinking - more)[:, None] * along


def _blinks(more: torch.Tensor) -> list[int]:
    """The frames in which lids are shut, by how much more than usual they are sampled to be [n]. Whether there is one
    depends on nothing that comes more than half a second later.
    """
    before, after = _DEEPEST, len(BLINK) - 1 - _DEEPEST
    within = F.avg_pool1d(F.pad(more[None], (before, after)), len(BLINK), 1)[0].tolist()
    seen, found, last, frame = more.tolist(), [], 0, len(BLINK)  # no film begins with one
    while frame < len(seen):
        if seen[frame] > SHUT:
            last = max(range(frame, min(frame + FLUTTER, len(seen))), key=within.__getitem__)
        elif frame - last >= LONGEST:
            last = max(range(frame - APART, frame), key=within.__getitem__)
        else:
            frame += 1
            continue
        found.append(last)
        frame = max(frame + 1, last + APART)
    return found


def _running_median(values: torch.Tensor) -> torch.Tensor:
    """[n], of AROUND frames, at the ends of those that there are."""
    half = AROUND // 2
    padded = F.pad(values[None], (half, half), value=float("nan"))[0]
    return padded.unfold(0, AROUND, 1).nanmedian(-1).values
