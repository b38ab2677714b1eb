"""The sampler's fast mode inside the host's own Python: the core's own, whatever else the host does with the MODEL.

Each `check_…` raises AssertionError where the host and the core disagree. Call them with the host importable, under
torch.inference_mode().
"""

import gc
import sys
import tempfile
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import torch

sys.path.append(str(Path(__file__).parent))

from shots import DEMO, Shot, agree, difference, part  # noqa: E402  (the files here are no package)

STEPS = 4
"""As few as use deep features twice."""
FAST: dict[str, Any] = {"fusion": "shifted", "reuse": True, "grid": "ays", "steps": STEPS}
"""The core's settings."""


@contextmanager
def forwards_of(shot: Shot) -> Iterator[list[str]]:
    """Those of the whole network, and of its outermost level alone, in their order."""
    network, seen = shot.model.model.diffusion_model, []
    hooks = [
        network.conv_in.register_forward_pre_hook(lambda *_: seen.append("outer")),
        network.mid_block.register_forward_pre_hook(lambda *_: seen.__setitem__(-1, "whole")),
    ]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


def check_fast_is_the_cores() -> None:
    """Windows that share nothing and move on, deep features that serve two steps; an odd number of steps, whose last is
    by itself; one window; guidance; ten steps of AYS for the paper's 25, and two whole ones for the bundled weights'
    five.
    """
    shot, short = Shot(17), Shot(5)
    core = shot.core(**FAST)
    agree(shot.windowed(fast=True, steps=STEPS), core)
    agree(shot.windowed(fast=True, steps=5), shot.core(**FAST | {"steps": 5}))
    for change in ({"fusion": "overlap"}, {"reuse": False}):
        assert difference(core, shot.core(**FAST | change)) > 3e-3, "nothing would be seen of it"
    agree(short.windowed(fast=True, steps=STEPS), short.core(**FAST))
    guided = {"lip_guidance": 2.0, "emotion_guidance": 1.5}
    agree(shot.windowed(fast=True, steps=STEPS, **guided), shot.core(**FAST, **guided))
    many, defaults = short.model.clone(), replace(short.model.model.sampling_defaults, steps=25, grid="karras")
    with mock.patch.object(many.model, "sampling_defaults", defaults):
        agree(short.windowed(many, fast=True), short.core(**FAST | {"steps": 10}))
    demo = Shot(10, weights=DEMO)
    agree(demo.windowed(fast=True), demo.core(fusion="shifted", steps=2))


def check_every_other_step_is_of_the_outermost_level() -> None:
    """Each of guidance's forwards with its own features."""
    shot = Shot(17)  # three windows
    with forwards_of(shot) as seen:
        shot.windowed(fast=True, steps=5)
    assert seen == ["whole", "outer"] * 6 + ["whole"] * 3, seen
    with forwards_of(shot) as seen, room_for_one(lambda: True):
        shot.windowed(fast=True, steps=STEPS, lip_guidance=2.0, emotion_guidance=2.0)
    assert seen == ["whole", "whole", "whole", "outer", "outer", "outer"] * 6, seen


@contextmanager
def room_for_one(full: Callable[[], bool]) -> Iterator[None]:
    """The host computes conditions one by one while the card is full."""
    network = part("nodes.ethd_model").ETHDModel
    plain = network.memory_required

    def needed(model: Any, shape: list[int], cond_shapes: Any = None) -> float:
        scheduling = "lip" in (cond_shapes or {})
        return plain(model, shape, cond_shapes) if not scheduling else 1e20 if full() else 0.0

    with mock.patch.object(network, "memory_required", needed):
        yield


def check_conditions_may_be_computed_together_or_apart() -> None:
    """At one step three together, at the next each alone, and the other way round: what one keeps stays its own.
    Here deep features serve in the first round already, so that it takes no second one.
    """
    steps, video = 2, part("emotivetalk_core.sampling.video")
    shot, kept = Shot(9), part("nodes.kept_features").KeptFeatures
    guided = {"lip_guidance": 2.0, "emotion_guidance": 1.5}
    core, first = shot.core(**FAST | guided | {"steps": steps}), True
    plain_window, plain_step = kept.begin_window, kept.begin_step

    def begin(store: Any, of_window: bool) -> None:
        nonlocal first
        first = of_window
        (plain_window if of_window else plain_step)(store)

    with (
        mock.patch.object(video, "_REUSE_FROM", steps),
        mock.patch.object(kept, "begin_window", lambda store: begin(store, True)),
        mock.patch.object(kept, "begin_step", lambda store: begin(store, False)),
    ):
        for full in (lambda: first, lambda: not first):
            with room_for_one(full), forwards_of(shot) as seen:
                agree(shot.windowed(fast=True, steps=steps, **guided), core)
            assert len(seen) == 8, seen  # of each of two windows, three at one step and one at the other


def check_nothing_is_left_of_a_run() -> None:
    """A run that was cancelled between a window's two steps, another portrait, and the slow mode take nothing over, and
    what a run keeps goes with it.
    """
    import comfy.model_management

    shot, kept = Shot(17), part("nodes.kept_features").KeptFeatures
    slow, stores = shot.windowed(), []
    plain, made = kept.begin_step, kept.__init__

    def cancelled(store: Any) -> None:
        plain(store)
        comfy.model_management.interrupt_current_processing()

    def watched(store: Any) -> None:
        made(store)
        stores.append(weakref.ref(store))

    with mock.patch.object(kept, "__init__", watched):
        with mock.patch.object(kept, "begin_step", cancelled):
            try:
                shot.windowed(fast=True, steps=STEPS)
            except comfy.model_management.InterruptProcessingException:
                comfy.model_management.interrupt_current_processing(False)
            else:
                raise AssertionError("the interrupt was swallowed")
        other = Shot(17)
        other.portrait = 1 - other.portrait
        agree(other.windowed(other.model, fast=True, steps=STEPS), other.core(**FAST))
        agree(shot.windowed(fast=True, steps=STEPS), shot.core(**FAST))
    agree(shot.windowed(), slow, 1e-6)
    gc.collect()
    assert len(stores) == 3 and not any(store() for store in stores), stores


def check_it_goes_on_after_a_round() -> None:
    """Cancelled in its second pair of steps, the same prompt goes on after the first, and its video is the same bit for
    bit.
    """
    import comfy.model_management

    shot, kept = Shot(17), part("nodes.kept_features").KeptFeatures
    sampler, film = part("nodes.sampler"), part("emotivetalk_core.sampling.unfinished").UnfinishedFilm
    plain, whole, windows = kept.begin_step, shot.windowed(fast=True, steps=5), []

    def cancelled(store: Any) -> None:
        plain(store)
        windows.append(1)
        if len(windows) == 5:  # of three windows, the second one's second pair
            comfy.model_management.interrupt_current_processing()

    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.object(sampler, "unfinished_film", lambda *_: film(Path(folder), "this")),
    ):
        with mock.patch.object(kept, "begin_step", cancelled):
            try:
                shot.windowed(fast=True, steps=5)
            except comfy.model_management.InterruptProcessingException:
                comfy.model_management.interrupt_current_processing(False)
            else:
                raise AssertionError("the interrupt was swallowed")
        with forwards_of(shot) as seen:
            assert torch.equal(shot.windowed(fast=True, steps=5), whole)
    assert seen == ["whole", "outer"] * 3 + ["whole"] * 3, seen


def check_lora_is_felt() -> None:
    """In the fast mode too, at every forward; afterwards nothing of it is left."""
    import comfy.sd

    shot = Shot(5)
    key = "diffusion_model.mid_block.attentions.0.transformer_blocks.0.attn2.to_q"
    random = torch.Generator().manual_seed(0)
    width = shot.model.model.diffusion_model.mid_block.attentions[0].transformer_blocks[0].attn2.to_q.weight.shape[0]
    lora = {
        f"{key}.lora_up.weight": torch.randn(width, 4, generator=random),
        f"{key}.lora_down.weight": torch.randn(4, width, generator=random),
    }
    plain = shot.windowed(fast=True, steps=STEPS)
    strong, _ = comfy.sd.load_lora_for_models(shot.model, None, lora, 1.0, 0.0)
    assert difference(shot.windowed(strong, fast=True, steps=STEPS), plain) > 1e-3
    agree(shot.windowed(fast=True, steps=STEPS), plain, 1e-6)


def check_compiled_model_agrees() -> None:
    """The host's compile wrapper traces either forward as one graph."""
    from comfy.ldm.modules.attention import attention_pytorch
    from comfy_api.torch_helpers import set_torch_compile_wrapper

    shot = Shot(9)
    model = shot.model.clone(disable_dynamic=True)
    for module in model.model.diffusion_model.modules():
        if hasattr(module, "attention"):
            module.attention = attention_pytorch  # as on a GPU: the one for the CPU asks for free memory in the middle
    set_torch_compile_wrapper(model=model, backend="eager", fullgraph=True)
    agree(shot.windowed(model, fast=True, steps=STEPS), shot.core(**FAST))


def check_others_wrappers_see_what_they_know() -> None:
    """A wrapper around whole predictions gets the whole video once a round, one around the network each window's
    frames; and where one computes a condition twice in a step, as perturbed guidance does, nothing is kept of it.
    """
    import comfy.patcher_extension

    shot, whole, parts = Shot(17), [], []

    def around_predictions(executor: Any, x: torch.Tensor, *args: Any) -> torch.Tensor:
        whole.append(x.shape[0])
        return executor(x, *args)

    def around_the_network(apply_model: Any, given: dict[str, Any]) -> torch.Tensor:
        parts.append(given["input"].shape[0])
        return apply_model(given["input"], given["timestep"], **given["c"])

    model = shot.model.clone()
    model.add_wrapper(comfy.patcher_extension.WrappersMP.PREDICT_NOISE, around_predictions)
    model.set_model_unet_function_wrapper(around_the_network)
    agree(shot.windowed(model, fast=True, steps=5), shot.core(**FAST | {"steps": 5}))
    assert whole == [17] * 3 and parts == [8] * 15, (whole, parts)

    def twice(apply_model: Any, given: dict[str, Any]) -> torch.Tensor:
        apply_model(-given["input"], given["timestep"], **given["c"])
        return apply_model(given["input"], given["timestep"], **given["c"])

    model = shot.model.clone()
    model.set_model_unet_function_wrapper(twice)
    with forwards_of(shot) as seen:
        shot.windowed(model, fast=True, steps=STEPS)
    assert seen == ["whole"] * 24, seen


def check_masked_latents_stay() -> None:
    """With a noise mask, what it leaves out is the latent's own."""
    shot = Shot(17)
    positive, _, latent = shot.conditions()
    own = torch.randn(latent["samples"].shape, generator=torch.Generator().manual_seed(2))
    mask = torch.zeros(1, 1, *own.shape[-2:])
    mask[..., : own.shape[-1] // 2] = 1
    node = part("nodes.sampler").WindowedSampler
    drawn = node.execute(
        shot.model, positive, {"samples": own, "noise_mask": mask}, fast=True, steps=4, resume=False
    ).result[0]["samples"]
    half = own.shape[-1] // 2
    agree(drawn[..., half:], own[..., half:], 1e-4)
    assert difference(drawn[..., :half], own[..., :half]) > 0.01


def check_forecast_knows_it() -> None:
    """What the node shows of the work and of memory, with and without fast mode; memory as the host counts it."""
    shot, said = Shot(17), []
    sampler = part("nodes.sampler")
    network = shot.model.model
    with mock.patch.object(sampler, "ui_notes", lambda node, notes: said.append(notes) or {}):
        shot.windowed(steps=4)
        shot.windowed(steps=STEPS, fast=True)
    alone = "every other one of the outermost level alone"
    assert alone in said[1][1] and alone not in said[0][1], said
    assert "that share none and move on" in said[1][0], said
    asked, plain = [], type(network).memory_required

    def watched(model: Any, shape: list[int], cond_shapes: Any = None) -> float:
        asked.append((shape[0], plain(model, shape, cond_shapes)))
        return asked[-1][1]

    with mock.patch.object(type(network), "memory_required", watched):
        shot.windowed(steps=STEPS)
        slow = dict(asked)
        asked.clear()
        shot.windowed(steps=STEPS, fast=True)
    kept = network.diffusion_model.config.block_channels[1] * 8 * 16 * 16 * 4  # of a window of eight, in float32
    assert slow[8] + kept == dict(asked)[8] and len({needed for frames, needed in asked if frames == 8}) == 1, asked
