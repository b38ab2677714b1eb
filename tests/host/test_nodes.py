"""The nodes as the host offers them: all there, as saved workflows know them, and explained."""

import ast
import json

import pytest
from freeze_nodes import FROZEN, PREFIX, our_signatures
from installation import ROOT

FROZEN_NODES = json.loads(FROZEN.read_text(encoding="utf-8"))


def node_classes() -> set[str]:
    """The classes that extension.py hands to the host."""
    tree = ast.parse((ROOT / "nodes" / "extension.py").read_text(encoding="utf-8"))
    function = next(
        node for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef) and node.name == "get_node_list"
    )
    returned = next(node.value for node in ast.walk(function) if isinstance(node, ast.Return))
    return {element.id for element in returned.elts}


def test_the_host_offers_every_node_and_no_other(definitions):
    offered = {name for name, node in definitions.items() if "EmotiveTalk" in node["python_module"]}
    assert offered == {f"{PREFIX}{name}" for name in node_classes()}


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


@pytest.mark.parametrize("node_id", FROZEN_NODES)
def test_nodes_explain_themselves(node_id, definitions):
    node = definitions[node_id]
    assert node["category"] == "EmotiveTalk"
    assert node["display_name"] != node_id
    assert node["description"].endswith(".")
    assert node["search_aliases"]
    given = {name: given for group in ("required", "optional") for name, given in node["input"].get(group, {}).items()}
    assert [name for name, (_, options) in given.items() if not options.get("tooltip")] == []
