"""What is kept on disk of a film that is not finished, so that the same film goes on where it was stopped.

A film's key is a hash of everything that makes it, so another film never takes its state. Everything is written aside
and moved in place: after a kill there is the last whole state or the one before. Who cannot write loses the state, not
the film.
"""

import contextlib
import dataclasses
import hashlib
import io
import logging
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol
from weakref import WeakKeyDictionary, ref

import numpy as np
import torch
from torch import nn

KEPT_SECONDS, KEPT_FILMS = 7 * 24 * 3600, 20
"""A state that was not touched for so long is not coming back, nor one after which so many others were made."""

_LATENTS, _FRAMES, _CHANGE = "latents.safetensors", "frames_{:06}.png", "change_{:06}.safetensors"


class Following(Protocol):
    """What goes on from frame to frame. change: what it remembers of the last one; None where that is nothing."""

    change: torch.Tensor | None


class FollowsNothing:
    """Of frames of which none depends on the one before."""

    change: torch.Tensor | None = None


def film_key(*parts: Any) -> str:
    """A hash of all parts: tensors, networks, dataclasses, mappings, sequences, and plain values, bit for bit."""
    digest = hashlib.sha256()
    _feed(digest.update, parts)
    return digest.hexdigest()


def _feed(update: Callable[[bytes], None], part: Any) -> None:
    update(f"<{type(part).__name__}>".encode())
    if isinstance(part, torch.Tensor):
        update(f"{part.dtype}{tuple(part.shape)}".encode())
        update(part.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    elif isinstance(part, nn.Module):
        update(_network_hash(part).encode())
    elif dataclasses.is_dataclass(part) and not isinstance(part, type):
        _feed(update, {field.name: getattr(part, field.name) for field in dataclasses.fields(part)})
    elif isinstance(part, Mapping):
        _feed(update, [*part.items()])
    elif isinstance(part, Sequence) and not isinstance(part, str | bytes):
        update(str(len(part)).encode())
        for item in part:
            _feed(update, item)
    elif part is None or isinstance(part, str | bytes | bool | int | float | torch.dtype | torch.device):
        update(repr(part).encode())
    else:
        raise TypeError(f"A film cannot be identified by a {type(part).__name__}.")


@dataclasses.dataclass(frozen=True)
class _Hashed:
    """A network's hash, and its weights as they were then: which, and where and after how many changes."""

    weights: list["ref[torch.Tensor]"]
    marks: list[tuple[str, int, int]]
    digest: str


_hashed: WeakKeyDictionary[nn.Module, _Hashed] = WeakKeyDictionary()


def _network_hash(network: nn.Module) -> str:
    """Of all weights. Those of the full size take seconds, so of a list of films it is made once; anew as soon as torch
    counts a change of a weight, or one lies elsewhere, or is another. (It counts none of `weight.data` in place.)
    """
    state = network.state_dict(keep_vars=True)
    if any(tensor.is_inference() for tensor in state.values()):  # whose changes nobody counts
        return film_key(state)
    marks = [(name, tensor.data_ptr(), tensor._version) for name, tensor in state.items()]
    known = _hashed.get(network)
    if known is not None and known.marks == marks:
        if all(weight() is tensor for weight, tensor in zip(known.weights, state.values(), strict=True)):
            return known.digest
    _hashed[network] = _Hashed([ref(tensor) for tensor in state.values()], marks, film_key(state))
    return _hashed[network].digest


class UnfinishedFilm:
    """The state of the film `key` in a folder of its own below `root`; making it removes states of films long given up.

    latents after whole steps, and chunks of decoded frames, rounded to 8 bits.
    """

    def __init__(self, root: Path, key: str) -> None:
        self.folder = root / key
        _tidy(root)

    @property
    def begun(self) -> bool:
        """Whether something of the film is kept."""
        return (self.folder / _LATENTS).is_file()

    def latents(self, shape: torch.Size) -> tuple[int, torch.Tensor] | None:
        """How many steps are done, and the noisy latent [n, 4, h, w] after them; None where nothing is kept."""
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(self.folder / _LATENTS, "pt") as file:
                step, latents = int(file.metadata()["step"]), file.get_tensor("latents")
        except (OSError, SafetensorError, KeyError, TypeError, ValueError):  # none, or none that can be read
            return None
        return (step, latents) if latents.shape == shape else None

    def keep_latents(self, step: int, latents: torch.Tensor) -> None:
        """After `step` whole steps."""
        from safetensors.torch import save

        self._write(_LATENTS, lambda: save({"latents": latents.detach().cpu().contiguous()}, {"step": str(step)}))

    def frames(self, first: int, height: int) -> torch.Tensor | None:
        """The chunk [k, 3, h, w] in 0…1 that begins with frame `first`; None where it is not kept."""
        from PIL import Image

        with contextlib.suppress(OSError), Image.open(self.folder / _FRAMES.format(first)) as picture:
            strip = np.array(picture)  # [k * h, w, 3]
            return torch.from_numpy(strip).unflatten(0, (-1, height)).permute(0, 3, 1, 2).float() / 255
        return None

    def keep_frames(self, first: int, frames: torch.Tensor) -> torch.Tensor:
        """Keeps frames [k, 3, h, w] in 0…1 that begin with frame `first`; what `frames` will give of them."""
        from PIL import Image

        pixels = _in_bytes(frames)
        strip = pixels.permute(0, 2, 3, 1).flatten(0, 1).cpu().numpy()  # [k * h, w, 3]
        picture = io.BytesIO()
        Image.fromarray(strip).save(picture, "PNG", compress_level=1)
        self._write(_FRAMES.format(first), picture.getvalue)
        return pixels.to(frames) / 255

    def chunks(
        self,
        count: int,
        height: int,
        decode: Callable[[int], Iterator[torch.Tensor]],
        following: Following,
        device: torch.device,
    ) -> Iterator[torch.Tensor]:
        """All chunks of `count` frames on the device: those that are kept, then those of decode(first frame), which
        are kept. following: what `decode` sends its frames through, one after the other.
        """
        done = 0
        while done < count and (kept := self.frames(done, height)) is not None:
            yield kept.to(device)
            done += kept.shape[0]
        if done == count:
            return
        start = done if self._follow(done, following, device) else 0
        for chunk in decode(start):
            end = start + chunk.shape[0]
            if end > done:
                chunk = chunk[max(done - start, 0) :]
                self._keep_change(end, following.change)  # first, so that there is one after whatever frames are kept
                yield self.keep_frames(done, chunk)
                with contextlib.suppress(OSError):
                    (self.folder / _CHANGE.format(done)).unlink(missing_ok=True)
                done = end
            start = end

    def _keep_change(self, frame: int, change: torch.Tensor | None) -> None:
        from safetensors.torch import save

        value = torch.empty(0) if change is None else change.detach().cpu().contiguous()
        self._write(_CHANGE.format(frame), lambda: save({"change": value}))

    def _follow(self, frame: int, following: Following, device: torch.device) -> bool:
        """Whether `following` was told what there was before the frame; of the first it is nothing."""
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        if frame == 0:
            return True
        try:
            change = load_file(self.folder / _CHANGE.format(frame))["change"]
        except (OSError, SafetensorError, KeyError):
            return False
        following.change = change.to(device) if change.numel() else None
        return True

    def finish(self) -> None:
        """The film is whole, and its state no longer needed."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _write(self, name: str, content: Callable[[], bytes]) -> None:
        part = self.folder / f"{name}.{os.getpid()}.part"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            part.write_bytes(content())
            os.replace(part, self.folder / name)
            os.utime(self.folder)
        except OSError as error:
            logging.getLogger(__name__).warning("The film's state is not kept (%s); it would begin again.", error)
        finally:  # whatever ended it, Ctrl-C and SIGTERM too; once it is in place, there is none
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)


def _tidy(root: Path) -> None:
    """Removes what films that were given up have left."""
    with contextlib.suppress(OSError):
        ages = sorted((time.time() - folder.stat().st_mtime, folder) for folder in root.iterdir())
        for place, (age, folder) in enumerate(ages):
            if age > KEPT_SECONDS or place >= KEPT_FILMS:
                shutil.rmtree(folder, ignore_errors=True)


def as_kept(frames: torch.Tensor) -> torch.Tensor:
    """Frames as they come out where they are kept, rounded to 8 bits: what is made of them is then the same, whether
    they were or not.
    """
    return _in_bytes(frames).to(frames) / 255


def _in_bytes(frames: torch.Tensor) -> torch.Tensor:
    return (frames.detach().clamp(0, 1) * 255).round().to(torch.uint8)
