"""What no shape of Stable Video Diffusion's weights tells, and the `config.json` beside them does: the size of heads
and the groups of norms, as networks of its kind at another width have them. Without one, all is as SVD has it.
"""

import json
from pathlib import Path
from typing import Any

from ..errors import WeightsError

HEAD_DIM = 64
"""SVD's, everywhere."""


def head_dim(file: Path | None, widths: tuple[int, ...]) -> int:
    """What a description means by its numbers of heads: one size for all levels. Raises WeightsError."""
    ours = [width // HEAD_DIM for width in widths]
    heads = _said(file, "num_attention_heads", ours)
    if heads == ours:
        return HEAD_DIM
    told = isinstance(heads, list) and len(heads) == len(widths) and all(type(h) is int and h > 0 for h in heads)
    sizes = {width / count for width, count in zip(widths, heads)} if told else set()
    if len(sizes) != 1 or not min(sizes).is_integer():
        raise WeightsError(
            f"{file} says num_attention_heads {heads}, which is not one size of heads for widths of "
            f"{', '.join(map(str, widths))}; Stable Video Diffusion's would be {ours}: give it unaltered."
        )
    return int(min(sizes))


def norm_groups(file: Path | None, ours: int, widths: tuple[int, ...]) -> int:
    """A number that divides all widths. Raises WeightsError."""
    groups = _said(file, "norm_num_groups", ours)
    if groups == ours:
        return ours
    if type(groups) is not int or groups < 1 or any(width % groups for width in widths):
        raise WeightsError(
            f"{file} says norm_num_groups {groups}, which does not divide widths of {', '.join(map(str, widths))}; "
            "give it unaltered."
        )
    return groups


def check_scaling(file: Path | None, ours: float) -> None:
    """Raises WeightsError for latents of another scale than SVD's."""
    scaling = _said(file, "scaling_factor", ours)
    if scaling != ours:
        raise WeightsError(
            f"{file} says scaling_factor {scaling}, and Stable Video Diffusion's is {ours}; give Stable Video "
            "Diffusion itself."
        )


def _said(file: Path | None, setting: str, ours: Any) -> Any:
    """`ours` where there is no description, or no word of that in it."""
    if file is None:
        return ours
    try:
        return json.loads(file.read_text(encoding="utf-8")).get(setting, ours)
    except (OSError, ValueError, AttributeError) as error:
        raise WeightsError(f"{file} is damaged ({error}); download it again.") from error
