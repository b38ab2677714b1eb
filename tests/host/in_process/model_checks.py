"""The native MODEL and the sampler, inside the host's own Python; on a small network where the weights do not matter.

Each `check_…` raises AssertionError where the host and the core disagree. Call them with the host importable, under
torch.inference_mode().
"""

import sys
from pathlib import Path
from typing import Any
from unittest import mock

import torch

sys.path.append(str(Path(__file__).parent))

from shots import DEMO, ROOT, SCALE, Shot, agree, difference, live_tensors, part  # noqa: E402  (the files here are no package)


def check_one_window_is_the_cores() -> None:
    """A clip of one window is what the core samples from the same noise; so are the demo weights' own."""
    for shot in (Shot(8), Shot(8, weights=DEMO)):
        agree(shot.windowed(), shot.core())


def check_several_windows_are_the_cores() -> None:
    """A clip of three windows is what the core samples, with a last window that was moved back."""
    shot = Shot(17)
    agree(shot.windowed(), shot.core())


def check_larger_pictures_take_shorter_windows() -> None:
    """At another of the paper's sizes than the weights' own, windows are the core's for it: here as if 64 were one."""
    presets, windows = part("emotivetalk_core.models.presets"), part("nodes.windows")
    shot = Shot(5, size=96)
    defaults = shot.model.model.sampling_defaults
    with mock.patch.dict(presets.PAPER_WINDOWS, {64: (defaults.window, defaults.overlap)}):
        window, overlap = presets.windows_at(defaults, 96)
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
    shot = Shot(17)
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
    defaults = shot.model.model.sampling_defaults
    levels = part("emotivetalk_core.diffusion.noise_levels")
    sigmas = levels.noise_grid(defaults.grid, defaults.steps, defaults.sigma_max)
    noise = levels.frame_noise(8, tuple(latent["samples"].shape[1:]), 0)
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
    width = shot.model.model.diffusion_model.mid_block.attentions[0].transformer_blocks[0].attn2.to_q.weight.shape[0]
    lora = {
        f"{key}.lora_up.weight": torch.randn(width, 4, generator=random),
        f"{key}.lora_down.weight": torch.randn(4, width, generator=random),
    }
    plain = shot.windowed(steps=1)
    none, _ = comfy.sd.load_lora_for_models(shot.model, None, lora, 0.0, 0.0)
    agree(shot.windowed(none, steps=1), plain, 1e-6)
    strong, _ = comfy.sd.load_lora_for_models(shot.model, None, lora, 1.0, 0.0)
    assert difference(shot.windowed(strong, steps=1), plain) > 1e-3
    agree(shot.windowed(steps=1), plain, 1e-6)


def check_half_precision_weights_agree() -> None:
    """The demo's file is in half precision: kept so and cast at use, it is the same network."""
    shot = Shot(3, weights=DEMO)
    half, _ = part("nodes.ethd").LoadETHD.execute(*shot.files, "fp16").result
    assert half.model.get_dtype() == torch.float16
    # computed in half precision too: 0.9e-3 with the weights before these, 1.01e-3 with these, on the mock of a card
    agree(shot.windowed(half, steps=2), shot.windowed(steps=2), 2e-3)


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


def check_every_window_is_counted() -> None:
    """One by one, where the host does not leave out what follows too soon; on a server it does."""
    from unittest.mock import patch

    import comfy.utils

    told: list[tuple[int, int]] = []
    hear = patch.object(comfy.utils, "PROGRESS_BAR_HOOK", lambda done, total, *_, **__: told.append((done, total)))
    with hear, patch.object(comfy.utils, "PROGRESS_THROTTLE_MIN_INTERVAL", 0.0, create=True):
        Shot(6).windowed(steps=2, window=4, overlap=2)  # frames 0-3, 2-5
    assert [*dict.fromkeys(told)] == [(done, 4) for done in range(1, 5)], told


def check_bad_inputs_say_one_sentence() -> None:
    """Wrong lengths, widths, sizes and sources are refused by the core's own errors."""
    errors, types = part("emotivetalk_core.errors"), part("emotivetalk_core.types")
    shot, sampler = Shot(6), part("nodes.sampler").WindowedSampler
    positive, _, latent = shot.conditions()
    shorter, smaller = latent["samples"][:4], latent["samples"][:, :, :8, :8]
    side = shot.portrait.shape[1]
    thin = types.LipLatents(torch.zeros(6, 7))
    for words, attempt in {
        "The lip latents cover 6 frames, but the LATENT has 4": lambda: sampler.execute(
            shot.model, positive, {"samples": shorter}
        ),
        "These weights draw faces at 64 x 64 pixels": lambda: sampler.execute(
            shot.model, positive, {"samples": smaller}
        ),
        "The lip latents are 7 wide": lambda: sampler.execute(shot.model, shot.conditions(lips=thin)[0], latent),
        "but the expression latents 6": lambda: shot.conditions(lips=types.LipLatents(torch.zeros(5, 8))),
        "both sides must be multiples of 4": lambda: shot.conditions(
            portrait=shot.portrait[:, 1:], face_mask=shot.masks[0][:, 1:], lip_mask=shot.masks[1][:, 1:]
        ),
        "The face mask is 32 x 32 pixels": lambda: shot.conditions(face_mask=shot.masks[0][:, ::2, ::2]),
        "The lip mask is 32 x 64 pixels": lambda: shot.conditions(lip_mask=shot.masks[1][:, :, ::2]),
        "The face mask is black": lambda: shot.conditions(face_mask=torch.zeros(1, side, side)),
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
    shot = Shot(1, weights=DEMO)
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

    shot = Shot(1, weights=DEMO)
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

    shot, windows, forwards = Shot(17), part("nodes.windows"), []
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
