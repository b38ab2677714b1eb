"""The one place where a device and a number format are chosen; networks are told both."""

import contextlib
import os

import torch
from torch import autocast as torch_autocast

from .errors import SettingsError

PRECISIONS = ("auto", "float32", "bfloat16")


def pick_device(name: str = "auto") -> torch.device:
    """The device of that name; "auto" takes CUDA, then Apple's MPS, then the CPU. SettingsError if it is not there."""
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise SettingsError(f'The device "{name}" is unknown; choose auto, cpu, cuda or mps.') from error
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    beyond = device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count()
    if not available.get(device.type, False) or beyond:
        raise SettingsError(f'The device "{name}" is not available on this machine; choose --device auto or cpu.')
    return device


def total_memory(device: torch.device) -> int | None:
    """Bytes of memory that the device has in all; None where it does not say."""
    if device.type == "cuda":
        return torch.cuda.get_device_properties(device).total_memory
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")  # Apple's MPS computes in it as well
    except (AttributeError, OSError, ValueError):
        return None


def pick_dtype(device: torch.device) -> torch.dtype:
    """float32, except on CUDA cards with bfloat16, whose exponent range spares the temporal VAE its black frames."""
    if device.type == "cuda":
        # since Ampere; torch's own question counts emulation too, or takes an argument that torch 2.3 does not know
        native = torch.version.hip is not None or torch.cuda.get_device_capability(device) >= (8, 0)
        return torch.bfloat16 if native else torch.float32
    return torch.float32


def pick_picture_dtype(device: torch.device) -> torch.dtype:
    """Of the two networks that make the pictures, and nearly all of the work: bfloat16 on processors that compute in it
    too. The small networks before them stay as `pick_dtype` says, for what they say drives every frame.
    """
    return torch.bfloat16 if device.type == "cpu" and bfloat16_unit() else pick_dtype(device)


def bfloat16_unit() -> str:
    """What this machine's processor computes in bfloat16 with, "AMX" or "AVX-512 BF16"; empty where it has nothing."""
    units = {"AMX": "_is_amx_tile_supported", "AVX-512 BF16": "_is_avx512_bf16_supported"}
    for unit, question in units.items():
        if getattr(torch.cpu, question, bool)():  # torch before 2.6 cannot be asked, and the answer is no
            return unit
    return ""


def autocast(device: torch.device, precision: str = "auto") -> contextlib.AbstractContextManager:
    """The number format that a training computes in: float32, bfloat16, or auto.

    auto: bfloat16 where the processor computes in it (CUDA; AMX or AVX-512 BF16 on recent servers), float32 elsewhere.
    """
    if precision not in PRECISIONS:
        raise SettingsError(f"There is no precision {precision!r}; choose one of {', '.join(PRECISIONS)}.")
    quick = device.type == "cuda" or (device.type == "cpu" and bool(bfloat16_unit()))
    fast = precision == "bfloat16" or (precision == "auto" and quick)
    return torch_autocast(device.type, torch.bfloat16) if fast else contextlib.nullcontext()
