"""Workflows in API format, and the few ways in which tests change them."""

import copy
import json
from pathlib import Path
from typing import Any

from installation import ROOT

WORKFLOWS = ROOT / "workflows" / "api"
Workflow = dict[str, dict[str, Any]]


def read_workflow(path: Path) -> Workflow:
    return json.loads(path.read_text(encoding="utf-8"))


def only(workflow: Workflow, node_class: str) -> str:
    """The id of the one node of this class."""
    ids = [node_id for node_id, node in workflow.items() if node["class_type"] == node_class]
    assert len(ids) == 1, f"{len(ids)} nodes are {node_class}"
    return ids[0]


def changed(workflow: Workflow, node_class: str, **inputs: Any) -> Workflow:
    """A copy in which the one node of this class has other inputs; None takes an input away."""
    workflow = copy.deepcopy(workflow)
    node = workflow[only(workflow, node_class)]
    node["inputs"] |= inputs
    node["inputs"] = {name: value for name, value in node["inputs"].items() if value is not None}
    return workflow


def with_node(workflow: Workflow, node_id: str, node_class: str, **inputs: Any) -> Workflow:
    """A copy with one more node."""
    assert node_id not in workflow
    return copy.deepcopy(workflow) | {node_id: {"class_type": node_class, "inputs": inputs}}


def rewired(workflow: Workflow, source: list[Any], other: list[Any]) -> Workflow:
    """A copy in which every input that was wired to `source`, a [node id, slot], is wired to `other`."""
    workflow = copy.deepcopy(workflow)
    for node in workflow.values():
        node["inputs"] = {name: other if value == source else value for name, value in node["inputs"].items()}
    return workflow


def trimmed(workflow: Workflow, seconds: float, definitions: dict[str, Any], start: float = 0.0) -> Workflow:
    """A copy in which whatever hears or plays sound is given so many seconds of it from `start` on, by the host's
    trimming node; nodes that make one sound of others get them whole, and the sound of a video was cut before.
    """
    result = copy.deepcopy(workflow)
    for node in list(result.values()):
        if "AUDIO" in definitions[node["class_type"]]["output"]:
            continue
        for name, value in node["inputs"].items():
            if isinstance(value, list) and _kind_of(workflow, value, definitions) == "AUDIO":
                source, slot = value
                of_video = workflow[source]["class_type"] == "GetVideoComponents"
                inputs = {"audio": value, "start_index": 0.0 if of_video else start, "duration": seconds}
                trim_id = f"{source}-{slot}-trim"
                result[trim_id] = {"class_type": "TrimAudioDuration", "inputs": inputs}
                node["inputs"][name] = [trim_id, 0]
    return result


def _kind_of(workflow: Workflow, source: list[Any], definitions: dict[str, Any]) -> str:
    node_id, slot = source
    return definitions[workflow[node_id]["class_type"]]["output"][slot]


def quick_start(seconds: float, definitions: dict[str, Any]) -> Workflow:
    """The first example, as short as its seconds and with as few steps as it goes."""
    workflow = trimmed(read_workflow(WORKFLOWS / "quick_start.json"), seconds, definitions)
    workflow = changed(workflow, "EmotiveTalkSampleExpression", steps=2)
    return changed(workflow, "EmotiveTalkWindowedSampler", steps=1)
