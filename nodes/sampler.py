"""The paper's sampler on the host's machinery: its samplers, context windows, progress, preview and cancel."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import comfy.k_diffusion.sampling
import comfy.model_management
import comfy.model_patcher
import comfy.sample
import comfy.samplers
import comfy.utils
import latent_preview
import torch
from comfy_api.latest import io

from ..emotivetalk_core.diffusion.noise_levels import NOISE_GRIDS, frame_noise, noise_grid
from ..emotivetalk_core.errors import InputError, SettingsError
from ..emotivetalk_core.sampling.estimate import forecast_words, memory_words, plan
from ..emotivetalk_core.sampling.unfinished import UnfinishedFilm
from ..emotivetalk_core.sampling.video import Round, VideoSamplingSettings, rounds_of
from ..emotivetalk_core.sampling.video import fast as sooner
from .decoding import LIPS, MOTION, STILL_FACE
from .ethd_model import Conditioning, ETHDModel, check_conditioning
from .guider import FaceGuider
from .kept_features import KEPT_FEATURES
from .notes import HIDDEN, show, ui_notes
from .sockets import CATEGORY
from .unfinished import STATE, unfinished_film
from .windows import VideoWindows, own_windows, set_windows

AS_WEIGHTS = "as the weights say"

_MOST_OF_MEMORY = 0.9
"""A larger share is rarely free: the system and the weights of a layer take some."""


class WindowProgress:
    """windows × steps on the host's progress bar, with a preview of the latent after each round of steps.

    rounds: of the whole video · on_forecast: told, once the first window is done, how long the others will take ·
    unfinished: where the latent is kept after each round, and taken up again.
    """

    def __init__(
        self,
        model: comfy.model_patcher.ModelPatcher,
        rounds: Sequence[Round],
        on_forecast: Callable[[str], None],
        unfinished: UnfinishedFilm | None,
    ) -> None:
        self.rounds, self.done, self.total = rounds, 0, sum(each.forwards for each in rounds)
        self.bar = comfy.utils.ProgressBar(self.total)
        self.previewer = latent_preview.get_previewer(model.load_device, model.model.latent_format)
        self.on_forecast, self.unfinished = on_forecast, unfinished
        self.began, self.before, self.together = 0.0, 0, 1

    def euler(
        self,
        model: Any,
        x: torch.Tensor,
        sigmas: torch.Tensor,
        extra_args: dict[str, Any] | None = None,
        callback: Callable[[dict[str, Any]], None] | None = None,
        disable: bool | None = None,
    ) -> torch.Tensor:
        """The host's sampler "euler", which it calls once the model is loaded, a round at a time from the first that is
        not done. DDIM with eta = 0 is Euler's step on dx/dsigma = (x - D) / sigma; of a round of two steps, FaceGuider
        gives the D that leads in one to where both would.
        """
        first, kept = 0, self.unfinished.latents(x.shape) if self.unfinished is not None else None
        if kept is not None:
            first, x = kept[0], kept[1].to(x)
            self.done = self.before = sum(each.forwards for each in self.rounds if each.steps[-1] < first)
            self.bar.update_absolute(self.done)
            self.on_forecast(f"goes on after step {first}, where it was stopped")
        left = [each for each in self.rounds if each.steps[-1] >= first]
        self.together = len(left[0].steps) if left else 1
        self.began = time.monotonic()
        for number in comfy.k_diffusion.sampling.trange(len(left), disable=disable):
            last = left[number].steps[-1]

            def told_of(state: dict[str, Any], last: int = last) -> None:
                if callback is not None:
                    callback(state | {"i": last})

            pair = sigmas[[left[number].steps[0], last + 1]]
            x = comfy.k_diffusion.sampling.sample_euler(model, x, pair, extra_args, told_of, disable=True)
            if self.unfinished is not None:
                self.unfinished.keep_latents(last + 1, x)
        return x

    def window(self) -> None:
        self.done += 1
        self.bar.update_absolute(self.done)
        left = self.total - self.done
        if self.done == self.before + self.together and left:  # a window's second step is a shorter one
            seconds = (time.monotonic() - self.began) / self.together
            self.on_forecast(forecast_words(seconds * left, left, "window"))

    def step(self, step: int, x0: torch.Tensor, x: torch.Tensor, steps: int) -> None:
        if self.previewer is not None:
            self.bar.update_absolute(self.done, preview=self.previewer.decode_latent_to_preview_image("JPEG", x0))


class WindowedSampler(io.ComfyNode):
    """DDIM in overlapping windows (EmotiveTalk §3.4, §6.4)."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="EmotiveTalkWindowedSampler",
            display_name="Windowed DDIM Sampler",
            category=f"{CATEGORY}/video",
            description="Turns noise into the video's latent, all windows of a long video together, so "
            "that they cannot drift apart. ComfyUI's own samplers work on this MODEL too; this one "
            "guides lips and emotion separately and knows the weights' own settings.",
            search_aliases=["ddim", "context windows", "long video sampler", "talking head sampler"],
            hidden=HIDDEN,
            inputs=[
                io.Model.Input("model", tooltip="The MODEL from Load ETHD, with or without LoRAs."),
                io.Conditioning.Input("positive", tooltip="From Condition Talking Face: what the face should do."),
                io.Latent.Input(
                    "latent", tooltip="From Condition Talking Face: an empty latent of the video's length."
                ),
                io.Int.Input(
                    "seed",
                    default=0,
                    min=0,
                    max=0xFFFFFFFFFFFFFFFF,
                    control_after_generate=True,
                    tooltip="Another seed gives another take of the same video.",
                ),
                io.Int.Input(
                    "steps",
                    default=0,
                    min=0,
                    max=1000,
                    tooltip="More steps are slower and finer; 0 uses the weights' own number, which the node "
                    "then shows.",
                ),
                io.Combo.Input(
                    "grid",
                    options=[AS_WEIGHTS, *NOISE_GRIDS],
                    default=AS_WEIGHTS,
                    tooltip="How the steps are spaced over the noise levels: ays (Align Your Steps) is made "
                    "for about 10 steps, karras for 25.",
                ),
                io.Int.Input(
                    "window",
                    default=0,
                    min=0,
                    max=10_000,
                    advanced=True,
                    tooltip="Frames sampled together; longer windows need more memory. 0 uses the weights' own length.",
                ),
                io.Int.Input(
                    "overlap",
                    default=-1,
                    min=-1,
                    max=10_000,
                    advanced=True,
                    tooltip="Frames that neighbouring windows share; more is smoother and slower. -1 uses the "
                    "weights' own number, in proportion to the window.",
                ),
                io.Float.Input(
                    "lip_guidance",
                    default=1.0,
                    min=0.0,
                    max=10.0,
                    step=0.05,
                    tooltip="Above 1 the mouth articulates more. Any value other than 1 makes sampling slower.",
                ),
                io.Float.Input(
                    "emotion_guidance",
                    default=1.0,
                    min=0.0,
                    max=10.0,
                    step=0.05,
                    tooltip="Above 1 the expression is stronger. Any value other than 1 makes sampling slower.",
                ),
                io.Boolean.Input(
                    "resume",
                    default=True,
                    optional=True,
                    advanced=True,
                    tooltip="Keeps the latent on disk after each step, so after a crash or Cancel the same "
                    "prompt continues from there. Off keeps nothing.",
                ),
                io.Boolean.Input(
                    "fast",
                    default=False,
                    optional=True,
                    tooltip="Saves time at a small cost in quality: windows share no frames, it takes two "
                    "fifths of the weights' own steps (ten at most), and if that is four or more, every other "
                    "step reuses the deep features of the step before.",
                ),
            ],
            outputs=[io.Latent.Output(display_name="latent")],
        )

    @classmethod
    def execute(
        cls,
        model: comfy.model_patcher.ModelPatcher,
        positive: Conditioning,
        latent: dict[str, Any],
        seed: int = 0,
        steps: int = 0,
        grid: str = AS_WEIGHTS,
        window: int = 0,
        overlap: int = -1,
        lip_guidance: float = 1.0,
        emotion_guidance: float = 1.0,
        resume: bool = True,
        fast: bool = False,
    ) -> io.NodeOutput:
        if not isinstance(model.model, ETHDModel):
            raise InputError("The MODEL is not an ETHD backbone, which this sampler needs; connect Load ETHD.")
        check_conditioning(positive)
        if fast and overlap > 0:
            raise SettingsError(
                f"fast samples in windows that share no frames, but the overlap is {overlap}; set it to -1, or switch "
                "fast off."
            )
        defaults = model.model.sampling_defaults
        own = VideoSamplingSettings(steps=defaults.steps, grid=defaults.grid)
        chosen = sooner(own, steps or None) if fast else replace(own, steps=steps or own.steps)
        grid = chosen.grid if grid == AS_WEIGHTS else grid
        sigmas = noise_grid(grid, chosen.steps, defaults.sigma_max)
        ratio = latent.get("downscale_ratio_spacial")
        start = comfy.sample.fix_empty_latent_channels(model, latent["samples"], ratio)

        frames = start.shape[0]
        trained = own_windows(defaults, model.model.latent_format.spacial_downscale_ratio, *start.shape[-2:])
        window, overlap = _windows(trained, window, 0 if fast else overlap)
        guidance = {"lip_guidance": lip_guidance, "emotion_guidance": emotion_guidance}
        settings = VideoSamplingSettings(
            steps=len(sigmas) - 1,
            window=window,
            overlap=overlap,
            fusion=chosen.fusion,
            reuse=chosen.reuse,
            **guidance,
        )
        motion = positive[0][1].get("motion_bucket_id", defaults.motion_bucket)
        shared = "none and move on" if fast else overlap
        said = f"{grid}, windows of {window} frames that share {shared}, motion amount {motion:.0f}"
        work = plan(frames, settings)
        notes = [said, forecast(model, (min(window, frames), *start.shape[1:]), work, reuse=settings.reuse)]
        ui = ui_notes(cls, notes)
        noise = frame_noise(frames, tuple(start.shape[1:]), seed)
        makes = (noise, sigmas, start, latent.get("noise_mask"), positive, settings)
        unfinished = unfinished_film(cls, "model", str(model.load_device), makes) if resume else None

        def on_forecast(said: str) -> None:
            logging.info("EmotiveTalk: %s", said)
            show(cls, [*notes, said])

        model = model.clone()
        rounds = rounds_of(frames, settings)
        progress = WindowProgress(model, rounds, on_forecast=on_forecast, unfinished=unfinished)
        set_windows(model, VideoWindows(window, overlap, progress.window))
        guider = FaceGuider(model, positive, **guidance, rounds=rounds if fast else None)
        samples = guider.sample(
            noise,
            start,
            comfy.samplers.KSAMPLER(progress.euler),
            sigmas,
            denoise_mask=latent.get("noise_mask"),
            callback=progress.step,
            disable_pbar=not comfy.utils.PROGRESS_BAR_ENABLED,
            seed=seed,
        )
        samples = samples.to(comfy.model_management.intermediate_device(), comfy.model_management.intermediate_dtype())
        kept = {name: value for name, value in latent.items() if not name.startswith("downscale_ratio")}
        state = {} if unfinished is None else {STATE: unfinished}
        kept.pop(STILL_FACE, None)
        lips, expression = positive[0][0][0], positive[0][1]["driving_expression"]
        kept[MOTION] = samples, torch.cat((lips, expression.to(lips)), -1)
        kept[LIPS] = positive[0][1]["lip_mask"][0]
        if motion == 0 and len(positive[0][1]["concat_latent_image"]) == 1:
            kept[STILL_FACE] = positive[0][1]["face_mask"][0]
        return io.NodeOutput(kept | {"samples": samples} | state, ui=ui)


def forecast(
    model: comfy.model_patcher.ModelPatcher, window: tuple[int, ...], work: str, *, reuse: bool = False
) -> str:
    """What is coming, in words. SettingsError where a window [n, 4, h, w] needs more memory than there is at all: some
    drivers then go on many times slower and say nothing. Where it is close, the log warns. reuse: deep features are
    kept for a second step.
    """
    needed = model.model.memory_required(list(window), {KEPT_FEATURES: [[1]]} if reuse else {})
    there = comfy.model_management.get_total_memory(model.load_device)
    said = f"a window of {window[0]} frames needs about {memory_words(needed)} beside the weights"
    if needed > _MOST_OF_MEMORY * there:
        fitting = int(window[0] * _MOST_OF_MEMORY * there / needed)
        way_out = f"set the sampler's window to {fitting} or less" if fitting else "make the picture smaller"
        trouble = f"{said}, but {model.load_device} has {memory_words(there)} in all; {way_out}"
        if needed > there:
            raise SettingsError(f"{trouble[0].upper()}{trouble[1:]}.")
        logging.warning("EmotiveTalk: %s.", trouble)
    return f"{work}; {said}"


def _windows(own: tuple[int, int], window: int, overlap: int) -> tuple[int, int]:
    """Window and overlap with the weights' own where they were left open."""
    chosen = window or own[0]
    return chosen, round(chosen * own[1] / own[0]) if overlap < 0 else overlap
