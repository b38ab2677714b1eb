"""How expression latents change where lids shut: measured once the networks are trained, and kept with Di-CTE. [ours]

It is the same direction whoever shows it, so one regression over all faces whose lids are known says it. What samples
expressions makes whole blinks along it (`sampling/lids.py`).
"""

import torch

from ..models.dicte import DiCTE
from .job import Job
from .source import Source

KINDS = ("stills", "clips")
_RIDGE = 1e-3
"""Added to the variances: lids, action units and latents are of order one."""


@torch.no_grad()
def measure_lids(job: Job, dicte: DiCTE) -> None:
    """Fills the network's `lids`, by the faces that the motion encoder has read; films of people, whose lids nobody
    knows, leave them as they are.
    """
    found = lids_direction(job.source())
    if found is not None:
        dicte.lids.copy_(found)


def lids_direction(source: Source) -> torch.Tensor | None:
    """The change [e] of expression latents from open lids to shut ones, all action units as they are, by least squares
    over the clips' frames, each clip about its own mean. None where no lids are known to shut.
    """
    square = product = torch.zeros(())
    count = 0
    for kind in KINDS:
        for clip in source.clips(kind, "expression", "eye", "action_units"):
            lids, units = source.read(clip, "eye")[:, :1], source.read(clip, "action_units")
            known = torch.cat((lids, units), 1).double()
            known = known - known.mean(0)
            latents = source.read(clip, "expression").double()
            square = square + known.T @ known
            product = product + known.T @ (latents - latents.mean(0))
            count += clip.frames
    if not count or float(square[0, 0]) / count < _RIDGE:
        return None
    return torch.linalg.solve(square + count * _RIDGE * torch.eye(len(square)), product)[0].float()
