"""What the networks hold in memory while they compute, counted on shapes alone.

Counted are the tensors that are alive at once. What a device adds (its libraries' workspaces, fragments, the system's
own share) is not, and attention is counted as fused: its scores are never held as a whole.
"""

import weakref
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from ..models.photograph_presets import PhotographPreset
from ..models.presets import ModelPreset, windows_at
from ..models.vae import frames_at_once, frames_in_tiles
from ..models.vae_tiles import TILES
from .meta_forwards import MetaForward, clip_forwards, photograph_forward, streamed_decoder


@dataclass(frozen=True)
class PartMemory:
    """One network's bytes: of its weights, and of all that a forward holds beside them at its peak."""

    name: str
    weights: int
    work: int

    @property
    def together(self) -> int:
        return self.weights + self.work


class LiveTensors(TorchDispatchMode):
    """Counts the bytes of the tensors that are made within it and still alive; `peak` is the most of them at once.

    outside: tensors that are there already, whose views are not to count.
    """

    _known: ClassVar[dict[Any, Any]] = {}
    """What operations gave, for all that count in this process: networks are alike, and so are their forwards."""

    def __init__(self, outside: Iterable[torch.Tensor] = ()) -> None:
        super().__init__()
        self.peak = 0
        self._live = 0
        self._counted = {tensor.untyped_storage()._cdata for tensor in outside}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        results = self._answer(func, args, kwargs or {})
        for result in _tensors(results):
            self._count(result.untyped_storage())
        return results

    def _answer(self, func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        """What the operation gives. On shapes alone torch works that out in Python, a millisecond each, and a network
        asks the same of the same shapes hundreds of times: it is worked out once.
        """
        given = [*_tensors(args), *_tensors(tuple(kwargs.values()))]
        if not given or not all(tensor.is_meta for tensor in given) or func._schema.is_mutable:
            return func(*args, **kwargs)
        question = (func, _described(args), _described(tuple(kwargs.items())))
        if question in self._known:
            form, shapes = self._known[question]
            answers = [_empty(*shape) for shape in shapes]
            return form(answers) if form in (tuple, list) else answers[0]
        results = func(*args, **kwargs)
        answers = results if isinstance(results, (tuple, list)) else [results]
        if all(isinstance(answer, torch.Tensor) and _is_new(answer, given) for answer in answers):
            self._known[question] = type(results), [_described(answer) for answer in answers]
        return results

    def _count(self, storage: torch.UntypedStorage) -> None:
        if storage._cdata not in self._counted:
            self._counted.add(storage._cdata)
            self._live += storage.nbytes()
            self.peak = max(self.peak, self._live)
            weakref.finalize(storage, self._end, storage._cdata, storage.nbytes())

    def _end(self, key: int, size: int) -> None:
        self._counted.discard(key)
        self._live -= size


def _tensors(value: Any) -> Iterator[torch.Tensor]:
    """Those that an operation is given or gives, alone or in lists; torch's `tree_leaves` looks into everything, and
    takes several times as long.
    """
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for part in value:
            yield from _tensors(part)


def _described(value: Any) -> tuple[Any, ...]:
    """All of a value that the shapes of an answer depend on; of a tensor what `_empty` takes."""
    if isinstance(value, torch.Tensor):
        return value.shape, value.stride(), value.dtype
    if isinstance(value, (tuple, list)):
        return tuple(_described(part) for part in value)
    return type(value), value


def _empty(shape: torch.Size, stride: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
    return torch.empty_strided(shape, stride, dtype=dtype, device="meta")


def _is_new(answer: torch.Tensor, given: list[torch.Tensor]) -> bool:
    """Whether it has memory of its own, and no more of it than its shape says."""
    storage = answer.untyped_storage()
    alone = storage.nbytes() == _empty(*_described(answer)).untyped_storage().nbytes()
    return alone and all(storage._cdata != tensor.untyped_storage()._cdata for tensor in given)


def clip_memory(preset: ModelPreset, size: int, frames: int, dtype: torch.dtype) -> list[PartMemory]:
    """All networks of a clip of that many frames of size x size pixels, in the order in which they work, weights and
    values in `dtype`.

    ETHD has one window of the clip to itself: with guidance, two or three rows at once take two or three times its
    work. The VAE decoder has the frames that it decodes together, however long the clip is.
    """
    window, _ = windows_at(preset.sampling, size)
    together = frames_at_once(size, size)
    *parts, _ = clip_forwards(preset, frames, size=size, window=window, decoded=together, dtype=dtype)
    return [_memory(part) for part in (*parts, streamed_decoder(preset, together, size, dtype))]


def decoder_in_tiles(preset: ModelPreset, size: int, dtype: torch.dtype) -> PartMemory:
    """The VAE decoder on the first tiles that are tried where size x size pixels do not fit as a whole."""
    pixels = preset.vae.pixels_per_latent
    side = pixels * next((tile for tile in TILES if pixels * tile < size), TILES[-1])
    tiles = _memory(streamed_decoder(preset, frames_in_tiles(size, size), side, dtype))
    return replace(tiles, name=f"in tiles of {side}")


def photograph_memory(preset: PhotographPreset, rows: int, dtype: torch.dtype) -> PartMemory:
    """The backbone of DICE-Talk or Sonic on one window, `rows` forwards of its guidance as one batch."""
    return _memory(photograph_forward(preset, rows, dtype))


def _memory(part: MetaForward) -> PartMemory:
    weights = sum(parameter.nbytes for parameter in part.network.parameters())
    with torch.inference_mode(), LiveTensors(part.network.parameters()) as live:
        part.compute()
    return PartMemory(part.name, weights, live.peak)
