"""Times one forward of the full ETHD, the paper's size, with random weights: docs/benchmarks.md is made with it.

    python tests/tools/time_full_forward.py --frames 4 --size 512 --dtype bfloat16 --device cpu

Prints one line of JSON: seconds of every forward, and those that its processor threads were at work; peak memory; FLOPs
as torch counts them (two for each multiplication with its addition); and whether all was finite.
"""

import argparse
import json
import sys
import time

import torch
from torch.utils.flop_counter import FlopCounterMode

from emotivetalk_core.layers.resnet import as_pictures_lie
from emotivetalk_core.models.ethd import ETHD
from emotivetalk_core.models.presets import FULL
from emotivetalk_core.types import MotionConditions


def random_network(device: str, dtype: torch.dtype) -> ETHD:
    """Built in its number format at once, so that float32 weights never exist. Every weight is a piece of one row of
    random numbers, scaled by its width: drawing 1.6 billion takes minutes, and no layer is zero so."""
    network = ETHD(FULL.ethd, dtype=dtype, device="meta").eval().requires_grad_(False)
    if device == "meta":
        return network
    network.to_empty(device=device)
    numbers = torch.randn(2**25, generator=torch.Generator().manual_seed(0)).to(device, dtype)
    for index, (name, parameter) in enumerate(network.named_parameters()):
        if parameter.dim() > 1:
            start = 4099 * index % (2**25 - parameter.numel())
            values = numbers[start : start + parameter.numel()].view_as(parameter)
            torch.mul(values, parameter[0].numel() ** -0.5, out=parameter)
        else:
            parameter.fill_(float("norm" in name and name.endswith("weight")))
    as_pictures_lie(network)  # as `talk` does
    return network


def random_inputs(frames: int, height: int, width: int, device: str, dtype: torch.dtype) -> tuple:
    """What one forward takes, for one video; height and width of the picture in pixels."""
    config, place = FULL.ethd, {"device": device, "dtype": dtype}
    masks = torch.zeros(2, 1, 1, height, width, device=device)
    masks[0, ..., height // 8 : -height // 8, width // 8 : -width // 8] = 1
    masks[1, ..., height * 5 // 8 : height * 3 // 4, width * 3 // 8 : width * 5 // 8] = 1
    conditions = MotionConditions(
        lip=torch.randn(1, frames, config.lip_dim, **place),
        driving_expression=torch.randn(1, frames, config.expression_dim, **place),
        reference_expression=torch.randn(1, config.expression_dim, **place),
        face_mask=masks[0],
        lip_mask=masks[1],
    )
    x = torch.randn(1, frames, config.in_channels, height // 8, width // 8, **place)
    return x, torch.zeros(1, device=device), conditions, torch.tensor([[24.0, 60.0, 0.0]], device=device)


def peak_bytes(device: str) -> int:
    if torch.device(device).type == "cuda":
        return torch.cuda.max_memory_allocated()
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=4)
    parser.add_argument("--size", type=int, default=512, help="side of the picture in pixels")
    parser.add_argument("--dtype", choices=("bfloat16", "float16", "float32"), default="bfloat16")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--repeat", type=int, default=2, help="forwards; the first warms up")
    chosen = parser.parse_args()
    shape, dtype = (chosen.frames, chosen.size, chosen.size), getattr(torch, chosen.dtype)

    counter = FlopCounterMode(display=False)
    with torch.inference_mode(), counter:
        random_network("meta", dtype)(*random_inputs(*shape, "meta", dtype))
    network = random_network(chosen.device, dtype)
    inputs = random_inputs(*shape, chosen.device, dtype)
    seconds, busy, finite = [], [], True
    for _ in range(chosen.repeat):
        began, worked = time.perf_counter(), time.process_time()
        with torch.inference_mode():
            finite &= bool(torch.isfinite(network(*inputs)).all())  # to read the answer is to wait for it
        seconds.append(time.perf_counter() - began)
        busy.append(time.process_time() - worked)
    flops = counter.get_total_flops()
    report = {
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "frames": chosen.frames,
        "size": chosen.size,
        "dtype": chosen.dtype,
        "seconds": [round(value, 1) for value in seconds],
        "processor_seconds": [round(value, 1) for value in busy],
        "teraflop": round(flops / 1e12, 3),
        "teraflop_per_second": round(flops / min(seconds) / 1e12, 3),
        "peak_gigabytes": round(peak_bytes(chosen.device) / 1e9, 2),
        "finite": finite,
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
