"""The core's windows over a long video as the host's context windows, for its samplers and for ours."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import comfy.context_windows
import comfy.model_management
import comfy.model_patcher
import comfy.patcher_extension
import torch

from ..emotivetalk_core.diffusion.windows import (
    check_windows,
    window_starts,
    window_weights,
    wrapped_windows,
)
from ..emotivetalk_core.errors import NumericalError, SettingsError
from ..emotivetalk_core.models.photograph_presets import PhotographDefaults
from ..emotivetalk_core.models.presets import SamplingDefaults, draws_at, windows_at

Window = comfy.context_windows.IndexListContextWindow


class VideoWindows(comfy.context_windows.IndexListContextHandler):
    """Overlapping windows, fused by the core's weights (EmotiveTalk §3.4); each is checked for finite values.

    A video no longer than the window is one window. on_window is called after each. SettingsError for an overlap that
    is not shorter than the window.
    """

    def __init__(self, window: int, overlap: int, on_window: Callable[[], None] | None = None) -> None:
        check_windows(window, overlap)
        super().__init__(
            context_schedule=comfy.context_windows.ContextSchedule("emotivetalk", self._frames_of_windows),
            fuse_method=comfy.context_windows.ContextFuseMethod("emotivetalk", self._weights),
            context_length=window,
            context_overlap=overlap,
            dim=0,
            causal_window_fix=False,  # our frames see both ways, and every window has its neighbours in the overlap
        )
        self.on_window = on_window

    def should_use_context(self, *args: Any, **kwargs: Any) -> bool:
        """Always: a single window is checked and counted like the others."""
        return True

    def combine_context_window_results(self, *args: Any, **kwargs: Any) -> None:
        self.check_finite(args[1], args[3])
        self.add_window(*args, **kwargs)
        if self.on_window is not None:
            self.on_window()

    def check_finite(self, results: Sequence[torch.Tensor], window: Window) -> None:
        """NumericalError where what the conditions gave of a window is not finite."""
        if not all(torch.isfinite(frames).all() for frames in results):
            raise NumericalError(
                f"The video network gave values that are not finite in the window of frames {window.index_list[0] + 1}–"
                f"{window.index_list[-1] + 1} at step {self._step + 1}, but finite ones are needed; "
                "load ETHD as fp32 or bf16, or check its weights."
            )

    def add_window(self, *args: Any, **kwargs: Any) -> None:
        """Adds a window's frames to the sums of all, as the host does it."""
        super().combine_context_window_results(*args, **kwargs)

    @staticmethod
    def _frames_of_windows(frames: int, handler: "VideoWindows", model_options: dict[str, Any]) -> list[list[int]]:
        starts = window_starts(frames, handler.context_length, handler.context_overlap)
        length = min(handler.context_length, frames)
        return [list(range(start, start + length)) for start in starts]

    @staticmethod
    def _weights(length: int, **kwargs: Any) -> list[float]:
        return window_weights(length).tolist()


class OneWindow(VideoWindows):
    """A window by itself: the host is given its latents [T, 4, h, w] alone, and the whole video's conditions.

    windows: of the video · start: its first frame · frames: of the video.
    """

    def __init__(self, windows: VideoWindows, start: int, frames: int) -> None:
        super().__init__(windows.context_length, windows.context_overlap, windows.on_window)
        self.start, self.frames = start, frames

    def execute(
        self,
        calc_cond_batch: Callable[..., list[torch.Tensor]],
        model: Any,
        conds: list[Any],
        x_in: torch.Tensor,
        timestep: torch.Tensor,
        model_options: dict[str, Any],
    ) -> list[torch.Tensor]:
        """What each of the conditions gives of the window."""
        comfy.model_management.throw_exception_if_processing_interrupted()
        self._model = model
        self.set_step(timestep, model_options)
        indices = list(range(self.start, self.start + x_in.shape[0]))
        window = Window(indices, dim=0, total_frames=self.frames, context_overlap=self.context_overlap)
        model_options["transformer_options"]["context_window"] = window
        whole = x_in[:1].expand(self.frames, *x_in.shape[1:])  # of the video, whose length alone is looked at
        own = [self.get_resized_cond(cond, whole, window) for cond in conds]
        results = calc_cond_batch(model, own, x_in, timestep, model_options)
        self.check_finite(results, window)
        if self.on_window is not None:
            self.on_window()
        return results


class OwnWindows(VideoWindows):
    """The windows that the weights are meant for, which depend on the picture's size (EmotiveTalk §4.1)."""

    def __init__(self, defaults: SamplingDefaults, pixels_per_latent: int) -> None:
        super().__init__(defaults.window, defaults.overlap)
        self.defaults, self.pixels_per_latent = defaults, pixels_per_latent

    def fit(self, height: int, width: int) -> None:
        """Sets window and overlap for latents of this size."""
        sizes = own_windows(self.defaults, self.pixels_per_latent, height, width)
        self.context_length, self.context_overlap = sizes


class RingWindows(VideoWindows):
    """DICE-Talk's and Sonic's windows: without overlap on a ring of frames, moved on at every step. In a clip shorter
    than a window frames come back within it.
    """

    def __init__(self, defaults: PhotographDefaults) -> None:
        super().__init__(defaults.window, 0)
        self.defaults = defaults

    @staticmethod
    def _frames_of_windows(frames: int, handler: "RingWindows", model_options: dict[str, Any]) -> list[list[int]]:
        window, offset = handler.context_length, handler._step * handler.defaults.shift
        if handler.defaults.shift_restarts:
            offset %= window
        return wrapped_windows(frames, window if frames > 1 else 1, offset)  # the host hands out a lone frame but once

    def add_window(self, x_in: torch.Tensor, sub_conds_out: Any, sub_conds: Any, window: Any, *args: Any) -> None:
        """As the host, which would count but one of a frame's places in a window."""
        _, _, _, conds_final, counts_final, _ = args
        places = torch.tensor(window.index_list, device=x_in.device)
        for total, count, frames in zip(conds_final, counts_final, sub_conds_out, strict=True):
            total.index_add_(0, places, frames.to(total))
            count.index_add_(0, places, torch.ones_like(frames, device=count.device, dtype=count.dtype)[:, :1, :1, :1])

    @staticmethod
    def _weights(length: int, **kwargs: Any) -> list[float]:
        return [1.0] * length


def own_windows(defaults: SamplingDefaults, pixels_per_latent: int, height: int, width: int) -> tuple[int, int]:
    """Window and overlap for latents of this size, by the square that has as many pixels. SettingsError for a size at
    which these weights do not move the mouth.
    """
    size = round(math.sqrt(height * width) * pixels_per_latent)
    if not draws_at(defaults, size):
        raise SettingsError(
            f"These weights draw faces at {defaults.size} x {defaults.size} pixels, but the latents are of "
            f"{width * pixels_per_latent} x {height * pixels_per_latent}, at which the mouth would not move; set "
            f"Face Regions to {defaults.size}. Paste Back keeps the picture's own detail at any size."
        )
    return windows_at(defaults, size)


def set_windows(model: comfy.model_patcher.ModelPatcher, windows: VideoWindows) -> None:
    """Makes samplers use these windows on this MODEL, and count memory by the window and not by the video.

    A Context Windows node of the host, placed after, takes their place.
    """
    model.model_options["context_handler"] = windows
    # the outer wrapper is the one that was added first: windows are fitted before memory is counted by them
    model.add_wrapper_with_key(comfy.patcher_extension.WrappersMP.PREPARE_SAMPLING, "emotivetalk windows", _fit_windows)
    comfy.context_windows.create_prepare_sampling_wrapper(model)


def _fit_windows(executor: Callable[..., Any], model: Any, noise_shape: Any, *args: Any, **kwargs: Any) -> Any:
    windows = kwargs["model_options"].get("context_handler")
    if isinstance(windows, OwnWindows):
        windows.fit(*noise_shape[-2:])
    if isinstance(windows, RingWindows) and 1 < noise_shape[0] < windows.context_length:
        noise_shape = [windows.context_length, *noise_shape[1:]]  # a shorter clip fills a window all the same
    return executor(model, noise_shape, *args, **kwargs)
