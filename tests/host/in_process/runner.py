"""Runs checks inside the host's own Python, with the pack loaded as the host loads it, but no server.

    HOST_PYTHON runner.py HOST_FOLDER BASE_FOLDER RESULTS_FILE DEVICE FILE.CHECK...

BASE_FOLDER is laid out as a server's (server.py). Each check's outcome becomes one line of JSON in RESULTS_FILE as soon
as it is known: its name, its seconds of processor time, and the traceback where it failed. DEVICE is cpu, or one of
MOCK_BYTES.
"""

import asyncio
import contextlib
import importlib.util
import json
import sys
import time
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

FOLDER = Path(__file__).parent
PLENTY, NEXT_TO_NONE = 24 * 1024**3, 384 * 1024**2
MOCK_BYTES = {"gpu_only": PLENTY, "low_vram": NEXT_TO_NONE, "dynamic_vram": PLENTY}
"""Of memory, that the mock of a card says it has: plenty, or so little that the host keeps weights off it."""

PACK_NAME = "custom_nodes_EmotiveTalk"
"""The checks import the pack under this name: `from custom_nodes_EmotiveTalk.nodes.audio import EncodeAudio`."""

Card = contextlib.AbstractContextManager[Any]
"""Within it the card computes."""


def prepare_host(host: Path, base: Path, device: str) -> Card:
    """The host's modules as `main.py --base-directory` leaves them, and where the checks are to run."""
    card: Card = contextlib.nullcontext()
    if device != "cpu":
        card = load_module("mock_gpu", FOLDER / "mock_gpu.py").install(MOCK_BYTES[device])
    sys.path[0] = str(host)  # in place of this file's folder, as for the host's main.py
    import comfy.cli_args

    comfy.cli_args.args.cpu = device == "cpu"
    # a card's rounding is not the question, and main memory is slow at halves
    comfy.cli_args.args.fp32_unet = comfy.cli_args.args.fp32_vae = True
    comfy.cli_args.args.gpu_only = device == "gpu_only"
    comfy.cli_args.args.base_directory = str(base)
    if device == "dynamic_vram":
        load_module("mock_dynamic_vram", FOLDER / "mock_dynamic_vram.py").install()
    return card


def load_module(name: str, path: Path, folder: Path | None = None) -> ModuleType:
    places = None if folder is None else [str(folder)]
    spec = importlib.util.spec_from_file_location(name, path, submodule_search_locations=places)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


async def load_pack(folder: Path) -> None:
    """As nodes.load_custom_node does for a pack of V3 nodes."""
    pack = load_module(PACK_NAME, folder / "__init__.py", folder)
    extension = await pack.comfy_entrypoint()
    await extension.on_load()
    for node in await extension.get_node_list():
        node.GET_SCHEMA()


def run_checks(checks: list[str], results: Path, card: Card) -> None:
    import torch

    for check in checks:
        stem, name = check.split(".")
        module = sys.modules.get(stem) or load_module(stem, FOLDER / f"{stem}.py")
        began, fault = time.process_time(), None
        try:
            with torch.inference_mode(), card:
                getattr(module, name)()
        except Exception:
            fault = traceback.format_exc()
        with results.open("a", encoding="utf-8") as file:
            print(json.dumps({"check": check, "seconds": time.process_time() - began, "fault": fault}), file=file)


if __name__ == "__main__":
    host, base, results = (Path(argument) for argument in sys.argv[1:4])
    card = prepare_host(host, base, sys.argv[4])
    asyncio.run(load_pack(base / "custom_nodes" / "EmotiveTalk"))
    run_checks(sys.argv[5:], results, card)
