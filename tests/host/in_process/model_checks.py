"""The native MODEL and the sampler, on the demo weights, inside the host's own Python.

Each `check_…` raises AssertionError where the host and the core disagree. Call them with the host importable, under
torch.inference_mode().
"""

import importlib
import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import torch

ROOT = Path(__file__).parents[3]
PACK = "custom_nodes_EmotiveTalk"
SCALE = 0.18215  # the host's LATENT is the core's latent divided by it


def part(name: str) -> ModuleType:
    """A module of the pack, which is loaded as the host loads it."""
    if PACK not in sys.modules:
        spec = importlib.util.spec_from_file_location(
            PACK, ROOT / "__init__.py", submodule_search_locations=[str(ROOT)]
        )
        sys.modules[PACK] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[PACK])
        part("nodes.weights").register_weights_folder()
    return importlib.import_module(f"{PACK}.{name}")


class Shot:
    """A MODEL of the demo weights, the conditions of an invented clip, and what the core makes of them."""

    def __init__(self, frames: int, size: int = 128) -> None:
        types = part("emotivetalk_core.types")
        random = torch.Generator().manual_seed(5)
        self.frames = frames
        files = ("demo/ethd.safetensors", "demo/vae.safetensors")
        self.model, self.vae = part("nodes.ethd").LoadETHD.execute(*files).result
        masks = torch.zeros(2, 1, size, size)
        masks[0, :, size // 8 : -size // 8, size // 8 : -size // 8] = 1
        masks[1, :, size * 5 // 8 : size * 3 // 4, size * 3 // 8 : size * 5 // 8] = 1
        self.masks, self.portrait = masks, torch.rand(1, size, size, 3, generator=random)
        self.lips = types.LipLatents(torch.randn(frames, 64, generator=random))
        self.expression = types.ExpressionLatents(torch.randn(frames, 30, generator=random))
        self.face = types.MotionLatents(*[torch.randn(1, d, generator=random) for d in (64, 30, 6, 6, 128)])

    def conditions(self, **changes: Any) -> tuple[Any, Any, Any]:
        """positive, negative, latent."""
        given = {
            "vae": self.vae,
            "portrait": self.portrait,
            "face_mask": self.masks[0],
            "lip_mask": self.masks[1],
            "face": self.face,
            "lips": self.lips,
            "expression": self.expression,
        }
        return part("nodes.ethd").Condition.execute(**given | changes).result

    def core(self, **settings: Any) -> torch.Tensor:
        """The same video by the core's own sampler, as the host scales latents."""
        core, model_set = part("emotivetalk_core.sampling.video"), part("emotivetalk_core.models.model_set")
        checkpoint, ethd = part("emotivetalk_core.weight_files.checkpoint"), part("emotivetalk_core.models.ethd")
        path = ROOT / "emotivetalk_core/weights/demo/ethd.safetensors"
        defaults = model_set.read_sampling_defaults(path)
        positive = self.conditions()[0][0][1]
        conditions = part("emotivetalk_core.types").VideoConditions(
            portrait_latent=positive["concat_latent_image"][0],
            lip=self.lips.values,
            driving_expression=self.expression.values,
            reference_expression=self.face.expression[0],
            face_mask=self.masks[0],
            lip_mask=self.masks[1],
            motion_bucket=defaults.motion_bucket,
        )
        chosen = core.VideoSamplingSettings(
            steps=defaults.steps,
            grid=defaults.grid,
            window=defaults.window,
            overlap=defaults.overlap,
            sigma_max=defaults.sigma_max,
        )
        network, chosen = checkpoint.load_network(path, "ethd", ethd.ETHD, ethd.ETHDConfig), replace(chosen, **settings)
        return core.sample_video(network, conditions, frame_count=self.frames, settings=chosen) / SCALE

    def windowed(self, model: Any = None, **settings: Any) -> torch.Tensor:
        """The same video by our node."""
        positive, _, latent = self.conditions()
        node = part("nodes.sampler").WindowedSampler
        return node.execute(model or self.model, positive, latent, **settings).result[0]["samples"]

    def stock(self, model: Any = None, cfg: float = 1.0, seed: int = 0, **settings: Any) -> torch.Tensor:
        """The same video by the host's KSampler with euler, on our noise; by default on our noise levels too."""
        import comfy.sample

        positive, negative, latent = self.conditions()
        model = model or self.model
        levels = part("emotivetalk_core.diffusion.noise_levels")
        defaults = model.model.sampling_defaults
        given = {"steps": 5, "sigmas": levels.noise_grid(defaults.grid, 5, defaults.sigma_max)} | settings
        noise = levels.frame_noise(self.frames, tuple(latent["samples"].shape[1:]), seed)
        return comfy.sample.sample(
            model,
            noise,
            cfg=cfg,
            sampler_name="euler",
            scheduler="karras",
            positive=positive,
            negative=negative,
            latent_image=latent["samples"],
            disable_pbar=True,
            seed=seed,
            **given,
        )


def live_tensors() -> Any:
    """The core's counter of bytes alive."""
    return part("emotivetalk_core.sampling.memory").LiveTensors()


def difference(one: torch.Tensor, other: torch.Tensor) -> float:
    """The largest deviation, as a share of the largest value."""
    assert one.shape == other.shape, (one.shape, other.shape)
    one, other = one.cpu(), other.cpu()
    return ((one - other).abs().max() / other.abs().max()).item()


def agree(one: torch.Tensor, other: torch.Tensor, within: float = 1e-3) -> None:
    apart = difference(one, other)
    print(f"apart by {apart:.1e}, allowed {within:.0e}")
    assert apart < within, apart


def check_one_window_is_the_cores() -> None:
    """A clip of one window is what the core samples from the same noise."""
    shot = Shot(8)
    agree(shot.windowed(), shot.core())


def check_several_windows_are_the_cores() -> None:
    """A clip of four windows is what the core samples, with a last window that was moved back."""
    shot = Shot(20)
    agree(shot.windowed(), shot.core())


def check_larger_pictures_take_shorter_windows() -> None:
    """At another of the paper's sizes than the weights' own, windows are the core's for it: here as if 128 were one."""
    presets, windows = part("emotivetalk_core.models.presets"), part("nodes.windows")
    shot = Shot(5, size=192)
    defaults = shot.model.model.sampling_defaults
    with mock.patch.dict(presets.PAPER_WINDOWS, {128: (defaults.window, defaults.overlap)}):
        window, overlap = presets.windows_at(defaults, 192)
        assert window < shot.frames, "a clip of several windows is needed"
        agree(shot.windowed(), shot.windowed(window=window, overlap=overlap), 1e-6)
        agree(shot.stock(), shot.windowed())
        assert shot.model.model_options["context_handler"].context_length == window
    assert windows.own_windows(presets.FULL.sampling, 8, 128, 128) == (32, 12)


def check_one_frame_is_the_cores() -> None:
    """A video of a single frame, where every condition has one row."""
    shot = Shot(1)
    agree(shot.windowed(), shot.core())


def check_guidance_is_the_cores() -> None:
    """Lip and emotion guidance, another grid, windows and seed of the user's own."""
    shot = Shot(7)
    settings = {"steps": 3, "grid": "karras", "window": 5, "overlap": 2, "seed": 9}
    guided = settings | {"lip_guidance": 2.0, "emotion_guidance": 1.5}
    agree(shot.windowed(**guided), shot.core(**guided))
    assert difference(shot.windowed(**settings), shot.core(**guided)) > 0.01


def check_stock_sampler_agrees() -> None:
    """The host's KSampler with euler uses our windows too: the same noise and levels give the same video."""
    shot = Shot(20)
    agree(shot.stock(), shot.windowed())


def check_stock_seed_and_scheduler_agree() -> None:
    """The host's own noise of a seed is ours, and its karras scheduler starts where the weights want it."""
    import comfy.sample

    shot = Shot(3)
    latent = shot.conditions()[2]["samples"]
    ours = part("emotivetalk_core.diffusion.noise_levels").frame_noise(3, tuple(latent.shape[1:]), 4)
    agree(comfy.sample.prepare_noise(latent, 4), ours, 1e-6)
    agree(shot.stock(sigmas=None), shot.windowed(grid="karras"))


def check_stock_cfg_moves_lips_and_expression() -> None:
    """cfg on the stock sampler batches positive and negative, and equals both of our guidances at once."""
    import comfy.samplers

    shot = Shot(8)
    guided, plain = shot.stock(cfg=2.0), shot.stock()
    assert difference(guided, plain) > 0.01
    positive, negative, latent = shot.conditions()
    guider = comfy.samplers.CFGGuider(shot.model)
    guider.set_conds(positive, negative)
    guider.set_cfg(2.0)
    del guider.model_options["context_handler"]  # without windows of any kind: one forward sees both
    sigmas = part("emotivetalk_core.diffusion.noise_levels").noise_grid("ays", 5, 80.0)
    noise = part("emotivetalk_core.diffusion.noise_levels").frame_noise(8, tuple(latent["samples"].shape[1:]), 0)
    euler = comfy.samplers.sampler_object("euler")
    agree(guider.sample(noise, latent["samples"], euler, sigmas, disable_pbar=True), guided)


def check_preconditioning_is_the_cores() -> None:
    """c_in, c_noise and D of the host's model sampling, at noise levels from the lowest to the highest."""
    levels = part("emotivetalk_core.diffusion.noise_levels")
    sampling = Shot(1).model.get_model_object("model_sampling")
    x, raw = torch.randn(4, 4, 2, 2), torch.randn(4, 4, 2, 2)
    sigma = torch.tensor([0.002, 0.5, 7.0, 700.0])
    agree(sampling.calculate_input(sigma, x), levels.network_input(x, sigma), 1e-6)
    agree(sampling.timestep(sigma), levels.preconditioning(sigma).c_noise, 1e-6)
    agree(sampling.calculate_denoised(sigma, raw, x), levels.denoised(raw, x, sigma), 1e-6)
    assert abs(float(sampling.sigma_max) - 80.0) < 1e-3


def check_host_context_windows_run() -> None:
    """The host's Context Windows node replaces ours, with its causal fix that adds a frame to a window."""
    from comfy_extras.nodes_context_windows import ContextWindowsManualNode

    shot = Shot(12)
    plain = shot.stock()
    for fix in (False, True):
        model = ContextWindowsManualNode.execute(
            shot.model, 8, 2, "standard_static", 1, False, "pyramid", 0, False, causal_window_fix=fix
        ).result[0]
        video = shot.stock(model, cfg=1.5)
        assert torch.isfinite(video).all() and video.shape == plain.shape
        # the windows are the same, and the pyramid's weights near to ours
        assert fix or 0 < difference(shot.stock(model), plain) < 0.1


def check_lora_changes_the_video() -> None:
    """A LoRA for a diffusion_model key changes what is sampled; at strength 0 nothing."""
    import comfy.sd

    shot = Shot(4)
    key = "diffusion_model.mid_block.attentions.0.transformer_blocks.0.attn2.to_q"
    random = torch.Generator().manual_seed(0)
    lora = {
        f"{key}.lora_up.weight": torch.randn(128, 4, generator=random),
        f"{key}.lora_down.weight": torch.randn(4, 128, generator=random),
    }
    plain = shot.windowed(steps=2)
    none, _ = comfy.sd.load_lora_for_models(shot.model, None, lora, 0.0, 0.0)
    agree(shot.windowed(none, steps=2), plain, 1e-6)
    strong, _ = comfy.sd.load_lora_for_models(shot.model, None, lora, 1.0, 0.0)
    assert difference(shot.windowed(strong, steps=2), plain) > 1e-3
    agree(shot.windowed(steps=2), plain, 1e-6)


def check_half_precision_weights_agree() -> None:
    """The demo's file is in half precision: kept so and cast at use, it is the same network."""
    shot = Shot(3)
    half, _ = part("nodes.ethd").LoadETHD.execute("demo/ethd.safetensors", "demo/vae.safetensors", "fp16").result
    assert half.model.get_dtype() == torch.float16
    agree(shot.windowed(half, steps=2), shot.windowed(steps=2))


def check_models_merge() -> None:
    """The host's merge node takes two of our MODELs; merged with itself, one stays what it is."""
    from comfy_extras.nodes_model_merging import ModelMergeSimple

    one, other = Shot(3), Shot(3)
    (merged,) = ModelMergeSimple().merge(one.model, other.model, 0.5)
    agree(one.windowed(merged, steps=2), one.windowed(steps=2), 1e-4)


def check_compiled_model_agrees() -> None:
    """The host's compile wrapper traces the network as one graph; what a backend makes of it is the compiler's."""
    from comfy.ldm.modules.attention import attention_pytorch
    from comfy_api.torch_helpers import set_torch_compile_wrapper

    shot = Shot(3)
    model = shot.model.clone(disable_dynamic=True)
    for module in model.model.diffusion_model.modules():
        if hasattr(module, "attention"):
            module.attention = attention_pytorch  # as on a GPU: the one for the CPU asks for free memory in the middle
    set_torch_compile_wrapper(model=model, backend="eager", fullgraph=True)
    agree(shot.windowed(model, steps=2), shot.windowed(steps=2))


def check_bad_inputs_say_one_sentence() -> None:
    """Wrong lengths, widths, sizes and sources are refused by the core's own errors."""
    errors, types = part("emotivetalk_core.errors"), part("emotivetalk_core.types")
    shot, sampler = Shot(6), part("nodes.sampler").WindowedSampler
    positive, _, latent = shot.conditions()
    shorter, smaller = latent["samples"][:4], latent["samples"][:, :, :8, :8]
    thin = types.LipLatents(torch.zeros(6, 7))
    for words, attempt in {
        "The lip latents cover 6 frames, but the LATENT has 4": lambda: sampler.execute(
            shot.model, positive, {"samples": shorter}
        ),
        "These weights draw faces at 128 x 128 pixels": lambda: sampler.execute(
            shot.model, positive, {"samples": smaller}
        ),
        "The lip latents are 7 wide": lambda: sampler.execute(shot.model, shot.conditions(lips=thin)[0], latent),
        "but the expression latents 6": lambda: shot.conditions(lips=types.LipLatents(torch.zeros(5, 64))),
        "both sides must be multiples of 4": lambda: shot.conditions(
            portrait=shot.portrait[:, :127], face_mask=shot.masks[0][:, :127], lip_mask=shot.masks[1][:, :127]
        ),
        "The face mask is 64 x 64 pixels": lambda: shot.conditions(face_mask=shot.masks[0][:, ::2, ::2]),
        "The lip mask is 64 x 128 pixels": lambda: shot.conditions(lip_mask=shot.masks[1][:, :, ::2]),
        "The face mask is black": lambda: shot.conditions(face_mask=torch.zeros(1, 128, 128)),
        "does not come from Condition Talking Face": lambda: sampler.execute(
            shot.model, [[torch.zeros(1, 77, 768), {}]], latent, lip_guidance=2.0
        ),
        "The overlap of 6 frames is not shorter": lambda: sampler.execute(
            shot.model, positive, latent, window=4, overlap=6
        ),
    }.items():
        try:
            attempt()
        except errors.EmotiveTalkError as error:
            assert words in str(error), str(error)
        else:
            raise AssertionError(f"nothing was said where “{words}” was expected")


def check_memory_is_predicted() -> None:
    """What the host is told one forward needs is within a quarter of what is alive at its peak."""
    shot = Shot(1)
    model = shot.model.model
    for videos, frames, height, width in ((1, 8, 32, 32), (2, 8, 32, 32), (1, 20, 32, 32), (1, 2, 64, 48)):
        shape = (videos * frames, 4, height, width)
        given = {
            "lip": torch.randn(videos * frames, 64),
            "driving_expression": torch.randn(videos * frames, 30),
            "reference_expression": torch.randn(videos, 30),
            "face_mask": torch.ones(videos, 1, 4 * height, 4 * width),
            "lip_mask": torch.zeros(videos, 1, 4 * height, 4 * width),
            "added_time": (24.0, 0.0, 0.0),
        }
        with live_tensors() as live:
            model.apply_model(torch.randn(shape), torch.ones(shape[0]), c_concat=torch.randn(shape), **given)
        share = model.memory_required(list(shape)) / live.peak
        print(f"{shape}: {live.peak / 2**20:.1f} MiB, predicted {share:.2f} of it")
        assert 0.8 < share < 1.25, share


def check_preview_shows_the_picture() -> None:
    """The latent's quick preview is the portrait, small: light where it is light."""
    import latent_preview
    import numpy as np
    from PIL import Image

    shot = Shot(1)
    picture = Image.open(ROOT / "emotivetalk_core" / "assets" / "portrait.png").convert("RGB").resize((128, 128))
    pixels = torch.from_numpy(np.asarray(picture, dtype=np.float32) / 255)[None]
    latent = shot.conditions(portrait=pixels)[0][0][1]["concat_latent_image"] * SCALE
    formats = shot.model.get_model_object("latent_format")
    previewer = latent_preview.Latent2RGBPreviewer(formats.latent_rgb_factors, formats.latent_rgb_factors_bias)
    preview = np.asarray(previewer.decode_latent_to_preview(latent), dtype=np.float32)
    small = np.asarray(picture.resize(preview.shape[1::-1], Image.Resampling.BOX), dtype=np.float32)
    alike = np.corrcoef(preview.ravel(), small.ravel())[0, 1]
    print(f"correlation {alike:.3f}")
    assert alike > 0.9, alike


def check_cancel_takes_effect_within_a_window() -> None:
    """Interrupted in its third window, sampling stops there and the MODEL works on."""
    import comfy.model_management

    shot, windows, forwards = Shot(20), part("nodes.windows"), []
    plain = windows.VideoWindows.combine_context_window_results

    def cancelled_in_the_third(*given: Any, **named: Any) -> None:
        plain(*given, **named)
        forwards.append(1)
        if len(forwards) == 3:
            comfy.model_management.interrupt_current_processing()

    windows.VideoWindows.combine_context_window_results = cancelled_in_the_third
    try:
        shot.windowed()
    except comfy.model_management.InterruptProcessingException:
        assert len(forwards) == 3, len(forwards)
    else:
        raise AssertionError("the interrupt was swallowed")
    finally:
        windows.VideoWindows.combine_context_window_results = plain
        comfy.model_management.interrupt_current_processing(False)
    assert torch.isfinite(shot.windowed(steps=1)).all()
