"""What the checks share: a MODEL with the conditions of an invented clip, and what the core makes of them."""

import importlib
import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

ROOT = Path(__file__).parents[3]
PACK = "custom_nodes_EmotiveTalk"
SCALE = 0.18215  # the host's LATENT is the core's latent divided by it
DEMO, SMALL = "demo", "small-shots"
"""Weights folders: the bundled one; and one of random networks, written at the first question, that have all parts of
the demo's at a twentieth of the work. Every one of their weights matters, where trained ones may hide a fault.
"""


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


def files_of(weights: str) -> tuple[str, str]:
    """The names of a folder's backbone and VAE, as Load ETHD takes them."""
    if weights == SMALL:
        write_small_weights()
    return f"{weights}/ethd.safetensors", f"{weights}/vae.safetensors"


def write_small_weights() -> None:
    """In half precision, as the demo's."""
    import folder_paths

    folder = Path(folder_paths.models_dir) / "emotivetalk" / SMALL
    if folder.is_dir():
        return
    ethd, vae = part("emotivetalk_core.models.ethd"), part("emotivetalk_core.models.vae_network")
    defaults = part("emotivetalk_core.models.presets").SamplingDefaults(
        steps=2, grid="ays", window=8, overlap=2, size=64, motion_bucket=0.0, sigma_max=80.0
    )
    config = ethd.ETHDConfig(
        block_channels=(16, 16),
        attends=(True, False),
        layers_per_block=1,
        head_dim=8,
        cross_dim=16,
        context_tokens=2,
        lip_dim=8,
        expression_dim=6,
        norm_groups=4,
        addition_embed_dim=8,
    )
    pictures = vae.VAEConfig(block_channels=(32,) * 3, layers_per_block=1, norm_groups=8)
    torch.manual_seed(0)
    save = part("emotivetalk_core.weight_files.checkpoint").save_checkpoint
    save(folder / "ethd.safetensors", "ethd", noisy(ethd.ETHD(config)), config, {}, defaults=defaults)
    save(folder / "vae.safetensors", "vae", noisy(vae.build_vae(pictures)), pictures, {})
    folder_paths.filename_list_cache.clear()


def noisy(network: torch.nn.Module) -> torch.nn.Module:
    """With every parameter random, those that begin at zero too, in half precision."""
    random = torch.Generator().manual_seed(1)
    for parameter in network.parameters():
        parameter.data += 0.05 * torch.randn(parameter.shape, generator=random)
    return network.half()


class Shot:
    """A MODEL, the conditions of an invented clip, and what the core makes of them. size: of the square picture; None
    for the weights' own.
    """

    def __init__(self, frames: int, size: int | None = None, weights: str = SMALL) -> None:
        types = part("emotivetalk_core.types")
        random = torch.Generator().manual_seed(5)
        self.frames, self.files = frames, files_of(weights)
        self.model, self.vae = part("nodes.ethd").LoadETHD.execute(*self.files).result
        config = self.model.model.diffusion_model.config
        side = size or self.model.model.sampling_defaults.size
        masks = torch.zeros(2, 1, side, side)
        masks[0, :, side // 8 : -side // 8, side // 8 : -side // 8] = 1
        masks[1, :, side * 5 // 8 : side * 3 // 4, side * 3 // 8 : side * 5 // 8] = 1
        self.masks, self.portrait = masks, torch.rand(1, side, side, 3, generator=random)
        self.lips = types.LipLatents(torch.randn(frames, config.lip_dim, generator=random))
        self.expression = types.ExpressionLatents(torch.randn(frames, config.expression_dim, generator=random))
        widths = (config.lip_dim, config.expression_dim, 6, 6, 128)
        self.face = types.MotionLatents(*[torch.randn(1, width, generator=random) for width in widths])

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
        path = part("nodes.weights").path_of(self.files[0])
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
        steps = defaults.steps
        given = {"steps": steps, "sigmas": levels.noise_grid(defaults.grid, steps, defaults.sigma_max)} | settings
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


def enlarged(image: torch.Tensor) -> torch.Tensor:
    """IMAGE [b, h, w, 3] as large as the bundled VAE decodes it."""
    size = torch.Size(2 * side for side in image.shape[1:3])
    return part("emotivetalk_core.face.resizing").resized(image.movedim(-1, 1), size).movedim(1, -1)
