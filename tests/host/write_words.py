"""Writes locales/en/nodeDefs.json: the words that the nodes' own schemas use, as a running host tells them.

    python tests/host/write_words.py

Run it when a name, tooltip or description changed; then translate the same places in locales/zh/nodeDefs.json.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

from client import HostClient
from freeze_nodes import PREFIX
from installation import HOW_TO_ENABLE, ROOT, find_installation
from server import HostServer

ENGLISH = ROOT / "locales" / "en" / "nodeDefs.json"


def our_words(definitions: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What there is to translate of this pack's nodes, by id, in the layout that the front end reads."""
    return {name: _words(node) for name, node in sorted(definitions.items()) if name.startswith(PREFIX)}


def _words(definition: dict[str, Any]) -> dict[str, Any]:
    given = definition["input"].get("required", {}) | definition["input"].get("optional", {})
    inputs = {
        name: {"name": options.get("display_name", name), "tooltip": options["tooltip"]}
        for name, (_, options) in given.items()
    }
    outputs = {}
    for slot, (name, tip) in enumerate(zip(definition["output_name"], definition["output_tooltips"])):
        outputs[str(slot)] = {"name": name} | ({"tooltip": tip} if tip else {})
    words = {"display_name": definition["display_name"], "description": definition["description"]}
    return words | ({"inputs": inputs} if inputs else {}) | {"outputs": outputs}


def main() -> None:
    installation = find_installation()
    if installation is None:
        raise SystemExit(HOW_TO_ENABLE)
    with tempfile.TemporaryDirectory() as base, HostServer(installation, Path(base)) as server:
        words = our_words(HostClient(server.url, server.base).node_definitions())
    ENGLISH.write_text(json.dumps(words, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{len(words)} nodes")


if __name__ == "__main__":
    main()
