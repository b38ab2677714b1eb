"""Stable Video Diffusion's public weights become an untrained ETHD and our autoencoder, tensor by tensor.

Its own tensors are copied byte by byte in their number format; what SVD does not have is made from a fixed seed, and
EDI's output starts at zero, so the untrained network is SVD exactly (EmotiveTalk §3.3). Sizes come from the shapes.
"""

import functools
import math
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn
from torch.nn import Linear

from ..errors import OutputError, SettingsError, WeightsError
from ..layers.attention import ExpressionDecouplingInjector
from ..layers.embeddings import ContextTokens
from ..layers.zero_start import start_at_zero
from ..models.ethd import ADDED_TIME_VALUES, ETHD, ETHDConfig
from ..models.presets import FULL
from ..models.vae_network import VAEConfig, build_vae
from ..weight_files.checkpoint import describe, read_header
from ..weight_files.safetensors_stream import StreamedTensor, stored_tensors, write_stream
from .svd_description import check_scaling, head_dim, norm_groups
from .svd_keys import OTHER_PREFIXES, UNET_PREFIX, VAE_PREFIX, Table, single_file_names, unet_table, vae_table

LICENCE = "that of Stable Video Diffusion (Stability AI)"
SEED = 0
"""Of all fresh weights; the same source always gives the same bytes."""

_FILE = "diffusion_pytorch_model"
_TORCH_TYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


@dataclass(frozen=True)
class SVDConversion:
    """What became of one network. layout: the source's · parameters, size: of the file written, the latter in bytes ·
    inherited, new: our names · unused: the source's keys that nobody asked for.
    """

    layout: str
    parameters: int
    size: int
    inherited: tuple[str, ...]
    new: tuple[str, ...]
    unused: tuple[str, ...]


@dataclass(frozen=True)
class PublicTensors:
    """One network's public tensors by their own names, and what of its file is not asked for."""

    path: Path
    layout: str
    prefix: str
    tensors: dict[str, StreamedTensor]
    unused: tuple[str, ...]

    @property
    def single_file(self) -> bool:
        return bool(self.prefix)

    @property
    def description(self) -> Path | None:
        """The file that says what no shape tells, where there is one."""
        path = self.path.with_name("config.json")
        return None if self.single_file or not path.is_file() else path

    def shape(self, name: str) -> tuple[int, ...]:
        if name not in self.tensors:
            raise WeightsError(
                f"{self.path} lacks {name}, which every Stable Video Diffusion has; give a complete one."
            )
        return self.tensors[name].shape

    def count(self, pattern: str) -> int:
        """How many numbers in a row, from 0, give a key when put into `pattern`."""
        number = 0
        while self.prefix + pattern.format(number) in self.tensors:
            number += 1
        return number


def convert_svd(source: Path, out: Path, vae_out: Path | None = None) -> dict[str, SVDConversion]:
    """SVD's single file (svd_xt.safetensors) or its folder (unet/, vae/) -> ethd weights, and vae weights if asked for.

    Both layouts of the same weights give the same bytes. Nothing is written before all of the source was judged. By
    network, "ethd" and "vae": what became of it. Raises WeightsError, which names a key that is unknown, missing or of
    another shape, and OutputError.
    """
    source, out = Path(source), Path(out)
    networks = {"ethd": (out, _convert_unet)} | ({"vae": (Path(vae_out), _convert_vae)} if vae_out else {})
    targets = [target.resolve() for target, _ in networks.values()]
    if len(set(targets)) < len(targets):
        raise OutputError(f"{out} is given for both networks; give each a file of its own.")
    planned = {}
    for kind, (target, convert) in networks.items():
        public = _open(source, kind)
        if kind == "vae":  # its file's other keys were told with ETHD's
            public = replace(public, unused=())
        elif vae_out:
            public = replace(public, unused=tuple(name for name in public.unused if not name.startswith(VAE_PREFIX)))
        if target.exists() and target.samefile(public.path):
            raise OutputError(f"{target} would overwrite what it is made from; give another name.")
        planned[kind] = (target, public, *convert(public))
    return {
        kind: _write(kind, target, public, tensors, new, metadata)
        for kind, (target, public, tensors, new, metadata) in planned.items()
    }


def vae_conversion(source: Path) -> Callable[[Path], SVDConversion]:
    """Of SVD's folder the autoencoder alone, which may be all of it that is there: judged now, and written when the
    answer is called with the file's place. Raises as `convert_svd`.
    """
    public = _open(Path(source), "vae")
    planned = _convert_vae(public)
    return lambda out: _write("vae", Path(out), public, *planned)


def _write(
    kind: str,
    target: Path,
    public: PublicTensors,
    inherited: list[StreamedTensor],
    new: list[StreamedTensor],
    metadata: dict[str, str],
) -> SVDConversion:
    size = write_stream(target, metadata, inherited + new)
    return SVDConversion(
        public.layout,
        sum(math.prod(tensor.shape) for tensor in inherited + new),
        size,
        tuple(tensor.name for tensor in inherited),
        tuple(tensor.name for tensor in new),
        public.unused,
    )


def _convert_unet(public: PublicTensors) -> tuple[list[StreamedTensor], list[StreamedTensor], dict[str, str]]:
    config, names = unet_config(public)
    network = ETHD(config, device="meta")
    makers = _fresh_modules(config, network)
    new_names = {f"{maker}.{name}": maker for maker in makers for name in network.get_submodule(maker).state_dict()}
    wanted = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    inherited = _inherit(public, {name: shape for name, shape in wanted.items() if name not in new_names}, names)
    dtype = public.tensors[names(["conv_in.weight"])["conv_in.weight"]].dtype

    @functools.lru_cache(maxsize=1)  # a module's tensors are written one after the other
    def born(maker: str) -> dict[str, torch.Tensor]:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(SEED + zlib.crc32(maker.encode()))  # whatever else is made, and in which order
            return makers[maker]().state_dict()

    def pieces(maker: str, name: str) -> Iterator[bytes]:
        yield _bytes(born(maker)[name.removeprefix(f"{maker}.")], dtype)

    new = [
        StreamedTensor(name, dtype, wanted[name], functools.partial(pieces, maker, name))
        for name, maker in new_names.items()
    ]
    record = {
        "from": "Stable Video Diffusion's UNet, converted",
        "untrained": "the token projections are untrained, and EDI and the frame positions are zero",
    }
    return inherited, new, describe("ethd", config, record, defaults=FULL.sampling, licence=LICENCE)


def _convert_vae(public: PublicTensors) -> tuple[list[StreamedTensor], list[StreamedTensor], dict[str, str]]:
    config, names = _vae_config(public)
    wanted = {name: tuple(tensor.shape) for name, tensor in build_vae(config, device="meta").state_dict().items()}
    # Stability's single file has no quant_conv: its encoder ends without one, which is the identity here.
    made = {}
    if public.single_file and f"{public.prefix}quant_conv.weight" not in public.tensors:
        channels = 2 * config.latent_channels
        made = {
            "quant_conv.weight": torch.eye(channels).reshape(channels, channels, 1, 1),
            "quant_conv.bias": torch.zeros(channels),
        }
    inherited = _inherit(public, {name: shape for name, shape in wanted.items() if name not in made}, names)
    dtype = inherited[0].dtype
    new = [
        StreamedTensor(name, dtype, wanted[name], functools.partial(lambda t: [_bytes(t, dtype)], tensor))
        for name, tensor in made.items()
    ]
    record = {"from": "Stable Video Diffusion's temporal autoencoder, converted"}
    return inherited, new, describe("vae", config, record, licence=LICENCE)


def _fresh_modules(config: ETHDConfig, network: ETHD) -> dict[str, Callable[[], nn.Module]]:
    """By name: how to make what SVD does not have, one small module at a time and as ETHD itself makes it."""

    def positions() -> nn.Module:
        projection = Linear(config.cross_dim, config.cross_dim, bias=False)
        start_at_zero(projection)
        return projection

    tokens = functools.partial(ContextTokens, tokens=config.context_tokens, token_dim=config.cross_dim)
    makers: dict[str, Callable[[], nn.Module]] = {
        "lip_tokens": functools.partial(tokens, config.lip_dim),
        "expression_tokens": functools.partial(tokens, config.expression_dim),
        "frame_positions": positions,
    }
    for name, module in network.named_modules():
        if isinstance(module, ExpressionDecouplingInjector):
            width = module.to_q.weight.shape[0]
            makers[name] = functools.partial(ExpressionDecouplingInjector, width, config.cross_dim, config.head_dim)
    return makers


Names = Callable[[Iterable[str]], Mapping[str, str]]
"""Our names -> the source's."""


def unet_config(public: PublicTensors) -> tuple[ETHDConfig, Names]:
    """Sizes of the UNet, read from the shapes, and what its keys are called in the source. Raises WeightsError."""
    if public.single_file:
        public.shape(f"{public.prefix}input_blocks.1.0.in_layers.2.weight")
        stem = re.compile(re.escape(public.prefix) + r"input_blocks\.(\d+)\.(0\.op\.weight)?")
        found = [match for match in map(stem.match, public.tensors) if match]
        blocks = {int(match[1]) for match in found}
        halvings = sorted(int(match[1]) for match in found if match[2])
        layers = halvings[0] - 1 if halvings else max(blocks)
        firsts = [1, *(block + 1 for block in halvings)]
        attends = tuple(f"{public.prefix}input_blocks.{first}.1.norm.weight" in public.tensors for first in firsts)
    else:
        public.shape("down_blocks.0.resnets.0.spatial_res_block.conv1.weight")
        layers = public.count("down_blocks.0.resnets.{}.spatial_res_block.norm1.weight")
        levels = public.count("down_blocks.{}.resnets.0.spatial_res_block.norm1.weight")
        attends = tuple(f"down_blocks.{level}.attentions.0.norm.weight" in public.tensors for level in range(levels))
    names = _names(public, unet_table(attends, layers))

    def shape(name: str) -> tuple[int, ...]:
        return public.shape(names([name])[name])

    firsts_of_levels = [
        f"down_blocks.{level}.resnets.0.spatial_res_block.conv1.weight" for level in range(len(attends))
    ]
    widths = tuple(shape(name)[0] for name in firsts_of_levels)
    added = shape("add_embedding.linear_1.weight")[1]
    if added % ADDED_TIME_VALUES:
        raise WeightsError(
            f"{public.path} takes {added} numbers for its frame rate, motion and noise, not three embeddings of one "
            "size; give Stable Video Diffusion, not a network made from it."
        )
    try:
        config = replace(
            FULL.ethd,
            in_channels=shape("conv_in.weight")[1],
            out_channels=shape("conv_out.weight")[0],
            block_channels=widths,
            attends=() if attends == (True,) * (len(attends) - 1) + (False,) else attends,
            layers_per_block=layers,
            head_dim=head_dim(public.description, widths),
            norm_groups=norm_groups(public.description, FULL.ethd.norm_groups, widths),
            cross_dim=shape("mid_block.attentions.0.transformer_blocks.0.attn2.to_k.weight")[1],
            addition_embed_dim=added // ADDED_TIME_VALUES,
        )
    except SettingsError as error:
        raise WeightsError(f"{public.path} is not Stable Video Diffusion: {error}") from error
    return config, names


def _vae_config(public: PublicTensors) -> tuple[VAEConfig, Names]:
    if public.single_file:
        level, layer = "encoder.down.{}.block.0.norm1.weight", "encoder.down.0.block.{}.norm1.weight"
    else:
        level, layer = "encoder.down_blocks.{}.resnets.0.norm1.weight", "encoder.down_blocks.0.resnets.{}.norm1.weight"
    levels, layers = public.count(level), public.count(layer)
    names = _names(public, vae_table(levels, layers))

    def shape(name: str) -> tuple[int, ...]:
        return public.shape(names([name])[name])

    config = replace(
        FULL.vae,
        block_channels=tuple(shape(f"encoder.down_blocks.{i}.resnets.0.conv1.weight")[0] for i in range(levels)),
        layers_per_block=layers,
        latent_channels=shape("decoder.conv_in.weight")[1],
    )
    groups = norm_groups(public.description, config.norm_groups, config.block_channels)
    check_scaling(public.description, config.scaling_factor)
    return replace(config, norm_groups=groups), names


def _names(public: PublicTensors, table: Table) -> Names:
    if public.single_file:
        return lambda ours: single_file_names(ours, table, public.prefix)
    return lambda ours: {name: name for name in ours}


def _inherit(public: PublicTensors, wanted: Mapping[str, tuple[int, ...]], names: Names) -> list[StreamedTensor]:
    """The public tensors under our names; they must be all of the network's and nothing else."""
    theirs = names(wanted)
    for problem, keys in (
        ("lacks", [name for name in theirs.values() if name not in public.tensors]),
        ("has the unknown", sorted(set(public.tensors) - set(theirs.values()))),
    ):
        if keys:
            more = f" and {len(keys) - 3} more" if len(keys) > 3 else ""
            raise WeightsError(
                f"{public.path} {problem} {', '.join(keys[:3])}{more}, so it is not a whole Stable Video Diffusion; "
                "give its own file or folder, unaltered."
            )
    inherited = []
    for name, shape in wanted.items():
        tensor = public.tensors[theirs[name]]
        # The single file writes the autoencoder's attention as convolutions of one pixel: the same numbers.
        if _squeezed(tensor.shape) != _squeezed(shape):
            raise WeightsError(
                f"{public.path} does not fit: {theirs[name]} is {list(tensor.shape)}, and {list(shape)} is needed; "
                "give Stable Video Diffusion's own weights."
            )
        inherited.append(replace(tensor, name=name, shape=shape))
    return inherited


def _squeezed(shape: tuple[int, ...]) -> tuple[int, ...]:
    while len(shape) > 2 and shape[-1] == 1:
        shape = shape[:-1]
    return shape


def _open(source: Path, kind: str) -> PublicTensors:
    """One network of either layout, every key of its file accounted for. WeightsError for anything else."""
    part, prefix = ("unet", UNET_PREFIX) if kind == "ethd" else ("vae", VAE_PREFIX)
    if source.is_dir():
        path = _in_folder(source / part)
        return PublicTensors(path, "folder", "", stored_tensors(path, _header(path)), ())
    if not source.is_file():
        raise WeightsError(f"{source} does not exist; give Stable Video Diffusion's safetensors file or its folder.")
    header = _header(source)
    names = [name for name in header if name != "__metadata__"]
    if not any(name.startswith(UNET_PREFIX) for name in names):
        raise WeightsError(
            f"{source} holds no key that begins with {UNET_PREFIX}, so it is not Stable Video Diffusion's single file; "
            "give svd_xt.safetensors, or the folder that has unet and vae in it."
        )
    unused = [name for name in names if not name.startswith(prefix)]
    for name in unused:
        if not name.startswith((UNET_PREFIX, VAE_PREFIX, *OTHER_PREFIXES)):
            raise WeightsError(
                f"{source} has the unknown key {name}, which is not part of Stable Video Diffusion; "
                "give its own file, unaltered."
            )
    asked = {name: header[name] for name in names if name.startswith(prefix)}
    if not asked:
        raise WeightsError(f"{source} holds no key that begins with {prefix}, so it has no {kind}; give a whole file.")
    return PublicTensors(source, "single file", prefix, stored_tensors(source, asked), tuple(unused))


def _in_folder(folder: Path) -> Path:
    """The full-precision file where both are there."""
    for name in (f"{_FILE}.safetensors", f"{_FILE}.fp16.safetensors"):
        if (folder / name).is_file():
            return folder / name
    pickles = sorted(path.name for path in folder.glob("*.bin"))
    found = f"only {pickles[0]}, a pickle, which is not read" if pickles else f"no {_FILE}.safetensors"
    raise WeightsError(f"{folder} holds {found}; download that file, or {_FILE}.fp16.safetensors.")


def _header(path: Path) -> dict:
    header = read_header(path)
    if "network" in header.get("__metadata__", {}):
        raise WeightsError(f"{path} is already a file of this project; use it as it is.")
    return header


def _bytes(tensor: torch.Tensor, dtype: str) -> bytes:
    return tensor.detach().to(_TORCH_TYPES[dtype]).contiguous().view(torch.uint8).numpy().tobytes()
