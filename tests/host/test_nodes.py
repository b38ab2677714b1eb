"""The nodes as the host offers them: all there, as saved workflows know them, and explained."""

import ast
import json

import pytest
from freeze_nodes import FROZEN, PREFIX, our_signatures
from installation import ROOT

FOLDERS = ("load", "speech", "face", "emotion", "codebook", "expression", "head pose", "video", "example")
FROZEN_NODES = json.loads(FROZEN.read_text(encoding="utf-8"))


def node_classes() -> dict[str, str]:
    """The table in extension.py, as catalogues read it: ids, and names of classes."""
    tree = ast.parse((ROOT / "nodes" / "extension.py").read_text(encoding="utf-8"))
    (table,) = (node.value for node in ast.walk(tree) if isinstance(node, ast.AnnAssign))
    return {key.value: name.id for key, name in zip(table.keys, table.values, strict=True)}


def test_the_host_offers_every_node_and_no_other(definitions):
    offered = {name for name, node in definitions.items() if "EmotiveTalk" in node["python_module"]}
    assert offered == set(node_classes())
    assert all(node_id == f"{PREFIX}{name}" for node_id, name in node_classes().items())


def test_the_frozen_list_knows_every_node(definitions):
    """A new node is frozen with `python tests/host/freeze_nodes.py`."""
    assert set(our_signatures(definitions)) == set(FROZEN_NODES)


@pytest.mark.parametrize("node_id", FROZEN_NODES)
def test_saved_workflows_still_fit(node_id, definitions):
    """Names, types and order stay; what is new comes at the end."""
    offered = our_signatures(definitions)[node_id]
    for part, frozen in FROZEN_NODES[node_id].items():
        assert offered[part][: len(frozen)] == frozen


@pytest.mark.parametrize("node_id", FROZEN_NODES)
def test_inputs_that_saved_workflows_lack_have_defaults(node_id, definitions):
    known = {name for name, _ in FROZEN_NODES[node_id]["required"]}
    for name, given in definitions[node_id]["input"].get("required", {}).items():
        assert name in known or "default" in given[1], f"saved workflows have no {name}"


def test_nobody_else_has_our_names(definitions):
    """Nor a name of ours within a longer one: whoever looks for a node must see which is which."""
    ours = {node["display_name"].lower() for name, node in definitions.items() if name in FROZEN_NODES}
    others = {(node["display_name"] or "").lower() for name, node in definitions.items() if name not in FROZEN_NODES}
    assert len(ours) == len(FROZEN_NODES)
    assert {(name, other) for name in ours for other in others if name in other} == set()


@pytest.mark.parametrize("node_id", FROZEN_NODES)
def test_nodes_explain_themselves(node_id, definitions):
    node = definitions[node_id]
    assert node["category"] in {f"EmotiveTalk/{folder}" for folder in FOLDERS}
    assert node["display_name"] != node_id
    assert node["description"].endswith(".")
    assert node["search_aliases"]
    given = {name: given for group in ("required", "optional") for name, given in node["input"].get(group, {}).items()}
    assert [name for name, (_, options) in given.items() if not options.get("tooltip")] == []
