"""Runs the checks of one file inside the host's own Python, with the pack loaded as the host loads it, but no server.

    HOST_PYTHON runner.py HOST_FOLDER BASE_FOLDER CHECKS_FILE RESULTS_FILE

BASE_FOLDER is laid out as a server's (server.py). Each check's outcome becomes one line of JSON in RESULTS_FILE as soon
as it is known: its name, its seconds, and the traceback where it failed.
"""

import asyncio
import importlib.util
import json
import sys
import time
import traceback
from pathlib import Path
from types import ModuleType

PACK_NAME = "custom_nodes_EmotiveTalk"
"""The checks import the pack under this name: `from custom_nodes_EmotiveTalk.nodes.audio import EncodeAudio`."""


def prepare_host(host: Path, base: Path) -> None:
    """The host's modules as `main.py --cpu --base-directory` leaves them."""
    sys.path[0] = str(host)  # in place of this file's folder, as for the host's main.py
    import comfy.cli_args

    comfy.cli_args.args.cpu = True
    comfy.cli_args.args.base_directory = str(base)


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


def run_checks(module: ModuleType, results: Path) -> None:
    import torch

    for name, check in list(vars(module).items()):
        if not name.startswith("check_") or check.__module__ != module.__name__:
            continue
        began, fault = time.perf_counter(), None
        try:
            with torch.inference_mode():
                check()
        except Exception:
            fault = traceback.format_exc()
        with results.open("a", encoding="utf-8") as file:
            print(json.dumps({"check": name, "seconds": time.perf_counter() - began, "fault": fault}), file=file)


if __name__ == "__main__":
    host, base, checks, results = (Path(argument) for argument in sys.argv[1:])
    prepare_host(host, base)
    asyncio.run(load_pack(base / "custom_nodes" / "EmotiveTalk"))
    run_checks(load_module(checks.stem, checks), results)
