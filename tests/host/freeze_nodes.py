"""Writes frozen_nodes.json: the ids, inputs and outputs that saved workflows rely on, as a running host tells them.

    python tests/host/freeze_nodes.py

Run it when nodes, inputs or outputs were added, and look at the difference: a line that is gone or changed breaks the
workflows that people have saved.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

from client import HostClient
from installation import HOW_TO_ENABLE, find_installation
from server import HostServer

FROZEN = Path(__file__).parent / "frozen_nodes.json"
PREFIX = "EmotiveTalk"


def signature(definition: dict[str, Any]) -> dict[str, list[list[str]]]:
    """What must stay of a node: [name, type] of its inputs and outputs, in the order in which workflows store them."""
    return {
        "required": [_named(name, given) for name, given in definition["input"].get("required", {}).items()],
        "optional": [_named(name, given) for name, given in definition["input"].get("optional", {}).items()],
        "outputs": [list(pair) for pair in zip(definition["output_name"], definition["output"])],
    }


def our_signatures(definitions: dict[str, Any]) -> dict[str, dict[str, list[list[str]]]]:
    """The signatures of this pack's nodes by id."""
    ours = {node_id: node for node_id, node in definitions.items() if node_id.startswith(PREFIX)}
    return {node_id: signature(node) for node_id, node in sorted(ours.items())}


def _named(name: str, given: list[Any]) -> list[str]:
    return [name, given[0] if isinstance(given[0], str) else "COMBO"]


def main() -> None:
    installation = find_installation()
    if installation is None:
        raise SystemExit(HOW_TO_ENABLE)
    with tempfile.TemporaryDirectory() as base, HostServer(installation, Path(base)) as server:
        frozen = our_signatures(HostClient(server.url, server.base).node_definitions())
    lines = [f"  {json.dumps(node_id)}: {json.dumps(node)}" for node_id, node in frozen.items()]
    FROZEN.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    print(f"{len(frozen)} nodes")


if __name__ == "__main__":
    main()
