"""Times the full ETHD beside the network it was born from, diffusers' SVD UNet: docs/benchmarks.md is made with it.

    python tests/tools/compare_with_svd.py --frames 4 --size 256 --dtype bfloat16 --device cpu

One process, the same weights and the same inputs, forwards in turn: what disturbs one of them disturbs both. Prints one
line of JSON: the processor seconds of each forward (on a GPU, seconds by the clock), their ratio pair by pair with its
median, the FLOPs of both as torch counts them, and whether a new-born ETHD still gives what the UNet gives.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable

import torch
from diffusers import UNetSpatioTemporalConditionModel
from time_full_forward import random_inputs, random_network
from torch.utils.flop_counter import FlopCounterMode

from emotivetalk_core.models.ethd import ETHD
from emotivetalk_core.models.presets import FULL


def unet_beside(network: ETHD) -> UNetSpatioTemporalConditionModel:
    """diffusers' UNet at SVD's size, on the very tensors that ETHD inherits, so that both fit into one memory; but the
    weights of convolutions lie in memory as that code expects them."""
    widths, config = FULL.ethd.block_channels, FULL.ethd
    with torch.device("meta"):
        unet = UNetSpatioTemporalConditionModel(
            num_attention_heads=tuple(width // config.head_dim for width in widths), num_frames=25
        )
    own = network.state_dict()
    unet.load_state_dict({name: own[name].contiguous() for name in unet.state_dict()}, assign=True)
    return unet.eval().requires_grad_(False)


def seconds_of(compute: Callable[[], torch.Tensor], device: torch.device) -> float:
    clock = time.process_time if device.type == "cpu" else time.perf_counter
    if device.type == "cuda":
        torch.cuda.synchronize()
    began = clock()
    compute()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return clock() - began


def flops_of(compute: Callable[[], torch.Tensor]) -> int:
    counter = FlopCounterMode(display=False)
    with counter:
        compute()
    return counter.get_total_flops()


def difference(network: ETHD, unet: UNetSpatioTemporalConditionModel, inputs: tuple) -> float:
    """Largest difference between the UNet and ETHD with EDI shut off and one token repeated, of the largest value: what
    rounding alone may leave."""
    x, c_noise, _, added_time = inputs
    token = torch.randn(1, 1, FULL.ethd.cross_dim, device=x.device, dtype=x.dtype)
    per_frame = token[:, None].expand(1, x.shape[1], FULL.ethd.context_tokens, -1)
    ones = torch.ones(1, 1, 64, 64, device=x.device)
    positions = network.frame_positions.weight.clone()
    network.frame_positions.weight.zero_()
    injectors = [site.edi.to_out.weight for site in network.modules() if getattr(site, "edi", None) is not None]
    kept = [weight.clone() for weight in injectors]
    for weight in injectors:
        weight.zero_()
    ours = network.forward_tokens(x, c_noise, per_frame, per_frame, per_frame[:, 0], ones, 0 * ones, added_time)
    network.frame_positions.weight.copy_(positions)
    for weight, values in zip(injectors, kept):
        weight.copy_(values)
    expected = unet(x, c_noise, token, added_time).sample
    return float((ours - expected).abs().max() / expected.abs().max())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=4)
    parser.add_argument("--size", type=int, default=256, help="side of the picture in pixels")
    parser.add_argument("--dtype", choices=("bfloat16", "float16", "float32"), default="bfloat16")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--pairs", type=int, default=5, help="pairs of forwards that count; one more warms up")
    parser.add_argument("--compile", action="store_true", help="torch.compile both")
    chosen = parser.parse_args()
    device, dtype = torch.device(chosen.device), getattr(torch, chosen.dtype)
    network = random_network(chosen.device, dtype)
    unet = unet_beside(network)
    inputs = random_inputs(chosen.frames, chosen.size, chosen.size, chosen.device, dtype)
    x, c_noise, _, added_time = inputs
    token = torch.randn(1, 1, FULL.ethd.cross_dim, device=device, dtype=dtype)
    own, rival = (torch.compile(net) if chosen.compile else net for net in (network, unet))

    with torch.inference_mode():
        apart = difference(network, unet, inputs)
        flops = [flops_of(lambda: network(*inputs)), flops_of(lambda: unet(x, c_noise, token, added_time).sample)]
        pairs = []
        for _ in range(chosen.pairs + 1):
            ours = seconds_of(lambda: own(*inputs), device)
            theirs = seconds_of(lambda: rival(x, c_noise, token, added_time).sample, device)
            pairs.append((ours, theirs))
    pairs = pairs[1:]
    ratios = [ours / theirs for ours, theirs in pairs]
    print(
        json.dumps(
            {
                "torch": torch.__version__,
                "device": str(device) if device.type == "cpu" else torch.cuda.get_device_name(device),
                "threads": torch.get_num_threads(),
                "frames": chosen.frames,
                "size": chosen.size,
                "dtype": chosen.dtype,
                "compiled": chosen.compile,
                "ethd_seconds": [round(ours, 2) for ours, _ in pairs],
                "svd_seconds": [round(theirs, 2) for _, theirs in pairs],
                "ratio": round(statistics.median(ratios), 3),
                "ratios": [round(ratio, 3) for ratio in ratios],
                "teraflop": [round(count / 1e12, 3) for count in flops],
                "difference_at_birth": apart,
            }
        )
    )


if __name__ == "__main__":
    main()
