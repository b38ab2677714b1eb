"""What is kept of a video that the host has not finished, so that the same prompt goes on after a crash."""

from pathlib import Path
from typing import Any

import folder_paths
import torch
from comfy_api.latest import io

from ..emotivetalk_core.sampling.unfinished import UnfinishedFilm, film_key
from ..emotivetalk_core.version import __version__

STATE = "emotivetalk_unfinished"
"""Where a LATENT has the state that its sampler keeps: it may go once the video that is decoded from it is whole."""


def unfinished_film(node: type[io.ComfyNode], network: str, *makes: Any) -> UnfinishedFilm | None:
    """The state of what `node` makes: by `makes`, bit for bit, and by all that its input `network` is made of, as the
    prompt says it. None where that is not known: outside of a workflow, or with conditions of other packs.
    """
    if node.hidden is None or not node.hidden.prompt or node.hidden.unique_id not in node.hidden.prompt:
        return None
    prompt = node.hidden.prompt
    own = prompt[node.hidden.unique_id]
    try:
        key = film_key(
            __version__, torch.__version__, own["class_type"], _source(prompt, own["inputs"].get(network)), makes
        )
    except TypeError:
        return None
    return UnfinishedFilm(unfinished_folder(), key)


def unfinished_folder() -> Path:
    """Below the host's folder for what is a user's own."""
    return Path(folder_paths.get_user_directory()) / "__emotivetalk" / "unfinished"


def _source(prompt: dict[str, Any], value: Any) -> Any:
    """An input with its wire followed to the nodes that it comes from, and files with their size and age."""
    if isinstance(value, list) and len(value) == 2 and str(value[0]) in prompt:
        node = prompt[str(value[0])]
        inputs = {name: _source(prompt, given) for name, given in sorted(node["inputs"].items())}
        return [node["class_type"], value[1], inputs]
    if isinstance(value, str) and value.endswith(".safetensors"):
        paths = (folder_paths.get_full_path(folder, value) for folder in folder_paths.folder_names_and_paths)
        return [value, [[path, Path(path).stat().st_size, Path(path).stat().st_mtime_ns] for path in paths if path]]
    return value
