"""Importing the pack into the host changes nothing around it, and is quick."""

import json
import subprocess

import pytest
from installation import Installation, clean_environment
from server import lay_out

IMPORT_THE_PACK = """
import asyncio, contextlib, gc, importlib.util, json, os, pathlib, random, sys, time, warnings
host, base = sys.argv[1:]
sys.path[0] = host
import comfy.cli_args
comfy.cli_args.args.cpu, comfy.cli_args.args.base_directory = True, base
began = time.process_time()
import numpy, torch
torch_seconds = time.process_time() - began
with contextlib.suppress(ImportError):  # a host needs none
    import cv2  # OpenCV itself sets LD_LIBRARY_PATH when it is loaded
import comfy.sd, comfy.samplers, comfy.utils, folder_paths, latent_preview
import comfy_api.latest, comfy_extras.nodes_video, comfy.audio_encoders.audio_encoders, comfy.context_windows

def state():
    return {
        "environment": dict(os.environ),
        "folder": os.getcwd(),
        "files": {str(path): path.stat().st_mtime for path in sorted(pathlib.Path(base).rglob("*"))},
        "random": random.getstate(),
        "numpy's random": numpy.random.get_state()[1].tolist(),
        "torch's random": torch.get_rng_state().tolist(),
        "default dtype": str(torch.get_default_dtype()),
        "gradients": torch.is_grad_enabled(),
        "threads": torch.get_num_threads(),
        "warnings": str(warnings.filters),
        "search path": list(sys.path),
        "model folders": str({name: str(value) for name, value in folder_paths.folder_names_and_paths.items()}),
    }

pack = pathlib.Path(base) / "custom_nodes" / "EmotiveTalk"
name = str(pack).replace(".", "_x_")
spec = importlib.util.spec_from_file_location(name, pack / "__init__.py", submodule_search_locations=[str(pack)])
gc.collect()
gc.freeze()  # a collection over all of the host's objects, which may fall into an import, is not the pack's
before, began = state(), time.process_time()
module = sys.modules[name] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
extension = asyncio.run(module.comfy_entrypoint())
nodes = asyncio.run(extension.get_node_list())
seconds, after = time.process_time() - began, state()
changed = [thing for thing in before if before[thing] != after[thing]]
print(json.dumps({"seconds": seconds, "torch's": torch_seconds, "nodes": len(nodes), "changed": changed}))
"""


@pytest.fixture(scope="module")
def imported(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> dict:
    base = tmp_path_factory.mktemp("import")
    lay_out(base)
    command = [str(installation.python), "-c", IMPORT_THE_PACK, str(installation.folder), str(base)]
    environment = clean_environment() | {"PYTHONDONTWRITEBYTECODE": "1"}  # Python's own files are not the pack's
    finished = subprocess.run(
        command, cwd=installation.folder, env=environment, capture_output=True, text=True, timeout=200
    )
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout.splitlines()[-1])


def test_importing_the_pack_changes_nothing_around_it(imported):
    assert imported["nodes"] > 10
    assert imported["changed"] == []


def test_importing_the_pack_is_quick(imported):
    """Beside torch's own import in the same process, for machines differ threefold in both; seconds of the processor,
    which other programs disturb least.
    """
    assert imported["seconds"] < imported["torch's"] / 2
