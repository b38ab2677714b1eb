"""Lays the API workflows out as graphs for the editor: `workflows/api/NAME.json` becomes `workflows/NAME.json`, and the
quick start's middle the blueprint `subgraphs/talk.json`.

    python tests/tools/compose_workflows.py http://127.0.0.1:8188

The running host at that address says what its nodes look like. What each workflow's note says stands in `notes.py`.
"""

import json
import sys
import urllib.request
import uuid
from pathlib import Path
from typing import Any

from editor_graph import GAP, PACK, ROOT, TALLEST, TITLE, WIDEST, WIDTH, Graph, inputs_of, project_version
from notes import NOTES, TALK

NOTE_LETTER, NOTE_LINE, NOTE_BREAK, NOTE_HEAD = 7, 19, 12, 50
"""Pixels of a Markdown note: a letter's width, a line's height, the space between paragraphs, and what is above."""

_LOADERS = ("LoadAudioEncoder", "LoadVAID", "LoadFaceEncoders", "LoadETHD")
COLLAPSED = {
    "duet": (
        *(
            f"EmotiveTalk{name}"
            for name in (*_LOADERS, "ProjectLips", "EncodeExpression", "ExampleFaces", "DecodeVideo")
        ),
        *("TrimAudioDuration", "EmptyAudio", "AudioConcat", "AudioMerge", "GetVideoComponents", "CreateVideo"),
    ),
    "eight_emotions": (
        *(f"EmotiveTalk{name}" for name in (*_LOADERS, "LoadEmotion", "ProjectLips")),
        *("GetVideoComponents", "CreateVideo"),
    ),
    "emotions_of_your_own": (
        *(f"EmotiveTalk{name}" for name in (*_LOADERS, "ExampleFaces", "LoadCodebook", "LoadEmotion", "ProjectLips")),
        "BatchImagesNode",
    ),
}
"""Node types that show their title alone, in the workflows that would not be readable as a whole otherwise."""


def editor_workflow(name: str, workflow: dict[str, Any], definitions: dict[str, Any], version: str) -> dict[str, Any]:
    """The whole file, with its note below the first group."""
    graph = Graph(workflow, definitions, version, COLLAPSED.get(name, ()))
    nodes = graph.ordered()
    text = NOTES[name]
    place, size = note_place(graph.groups, text)
    if place[0] < 0:
        graph.place(workflow, WIDEST + place[0])
    note = {
        "id": max(node["id"] for node in nodes) + 1,
        "type": "MarkdownNote",
        "pos": place,
        "size": size,
        "flags": {},
        "order": len(nodes),
        "mode": 0,
        "inputs": [],
        "outputs": [],
        "title": "Read me",
        "properties": {},
        "widgets_values": [text],
        "widgets_values_named": {"text": text},
        "color": "#222",
        "bgcolor": "#000",
    }
    return {
        "id": identifier(name),
        "revision": 0,
        "last_node_id": note["id"],
        "last_link_id": len(graph.links),
        "nodes": [*nodes, note],
        "links": graph.links,
        "groups": graph.groups,
        "config": {},
        "extra": {"ds": {"scale": 0.65, "offset": [120, 140]}},
        "version": 0.4,
    }


def note_place(groups: list[dict[str, Any]], text: str) -> tuple[list[int], list[int]]:
    """Position and size of a note that shows its whole text: below the first group, or those next to each other, that
    leave it room; left of them all where none do.
    """
    boxes = [group["bounding"] for group in groups]
    places = []
    for span in range(1, len(boxes) + 1):
        for first in range(len(boxes) - span + 1):
            row = boxes[first : first + span]
            left, right = row[0][0], row[-1][0] + row[-1][2]
            top = max(box[3] for box in row) + GAP + TITLE
            places.append(([left, top], [right - left, text_height(text, right - left)]))
    fitting = (place for place in places if place[0][1] + place[1][1] <= TALLEST)
    return next(fitting, ([-WIDTH - 2 * GAP, TITLE], [WIDTH, text_height(text, WIDTH)]))


def text_height(text: str, width: int) -> int:
    """Of a Markdown note of that many pixels' width, with a little to spare."""
    paragraphs = [part.replace("\n", " ") for part in text.split("\n\n")]
    rows = [part for part in text.splitlines() if part.startswith("|")]
    lines = sum(-(-len(part) // (width // NOTE_LETTER)) for part in paragraphs)
    return NOTE_HEAD + NOTE_LINE * lines + NOTE_BREAK * (len(paragraphs) + 2 * len(rows))


def talk_blueprint(workflow: dict[str, Any], definitions: dict[str, Any], version: str) -> dict[str, Any]:
    """The quick start between its example inputs and its Save Video, as one box with the settings that matter."""
    source, sink = (node_of(workflow, kind) for kind in ("EmotiveTalkExampleInputs", "SaveVideo"))
    inner = {key: node for key, node in workflow.items() if key not in (source, sink)}
    open_inputs = {
        (key, name): value
        for key, node in inner.items()
        for name, value in node["inputs"].items()
        if isinstance(value, list) and value[0] == source
    }
    for key, name in open_inputs:
        inner[key] = inner[key] | {"inputs": {k: v for k, v in inner[key]["inputs"].items() if k != name}}
    graph = Graph(inner, definitions, version)
    links = [
        dict(zip(("id", "origin_id", "origin_slot", "target_id", "target_slot", "type"), link)) for link in graph.links
    ]
    inputs = [
        boundary(name, kind, [(k, n) for (k, n), value in open_inputs.items() if value[1] == slot])
        for slot, (name, kind) in enumerate((("portrait", "IMAGE"), ("speech", "AUDIO")))
    ]
    for label, node_type, name in TALK["settings"]:
        key = node_of(inner, node_type)
        kind = next(kind for known, kind, *_ in inputs_of(definitions[node_type]) if known == name)
        inputs.append(boundary(label, kind, [(key, name)]))
        graph.nodes[key]["inputs"].append({"name": name, "type": kind, "widget": {"name": name}, "link": None})
    for label, node_type, name in TALK["sockets"]:
        kind = next(kind for known, kind, *_ in inputs_of(definitions[node_type]) if known == name)
        inputs.append(boundary(label, kind, [(node_of(inner, node_type), name)]))
    for slot, given in enumerate(inputs):
        for key, name in given.pop("targets"):
            sockets = graph.nodes[key]["inputs"]
            target = next(i for i, socket in enumerate(sockets) if socket["name"] == name)
            sockets[target]["link"] = link = len(links) + 1
            links.append(
                dict(
                    id=link, origin_id=-10, origin_slot=slot, target_id=int(key), target_slot=target, type=given["type"]
                )
            )
            given["linkIds"].append(link)
    last, last_slot = workflow[sink]["inputs"]["video"]
    link = len(links) + 1
    links.append(dict(id=link, origin_id=int(last), origin_slot=last_slot, target_id=-20, target_slot=0, type="VIDEO"))
    graph.nodes[last]["outputs"][last_slot]["links"].append(link)
    output = boundary("video", "VIDEO", []) | {"linkIds": [link]}
    del output["targets"]
    width = max(group["bounding"][0] + group["bounding"][2] for group in graph.groups)
    for position, given in enumerate(inputs):
        given["pos"] = [-150, 130 + 20 * position]
    output["pos"] = [width + 100, 130]
    nodes = graph.ordered()
    definition = {
        "id": identifier("talk"),
        "version": 1,
        "state": {
            "lastGroupId": len(graph.groups),
            "lastNodeId": max(node["id"] for node in nodes),
            "lastLinkId": len(links),
            "lastRerouteId": 0,
        },
        "revision": 0,
        "config": {},
        "name": TALK["name"],
        "description": TALK["description"],
        "inputNode": {"id": -10, "bounding": [-250, 110, 120, 40 + 20 * len(inputs)]},
        "outputNode": {"id": -20, "bounding": [width + 80, 110, 120, 60]},
        "inputs": inputs,
        "outputs": [output],
        "widgets": [],
        "nodes": nodes,
        "groups": graph.groups,
        "links": links,
        "extra": {},
    }
    return {
        "id": identifier("talk blueprint"),
        "revision": 0,
        "last_node_id": max(node["id"] for node in nodes) + 1,
        "last_link_id": 0,
        "nodes": [talk_box(definition, inner, definitions)],
        "links": [],
        "version": 0.4,
        "definitions": {"subgraphs": [definition]},
        "extra": {},
    }


def talk_box(definition: dict[str, Any], inner: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """The one node that stands for the subgraph; its widgets are those of the nodes inside."""
    widgets = [(label, node_of(inner, node_type), name) for label, node_type, name in TALK["settings"]]
    sockets = [
        {"name": given["name"], "type": given["type"], "link": None}
        | ({"widget": {"name": given["name"]}} if given["name"] in [label for label, *_ in widgets] else {})
        for given in definition["inputs"]
    ]
    return {
        "id": definition["state"]["lastNodeId"] + 1,
        "type": definition["id"],
        "pos": [0, 0],
        "size": [WIDTH, 160],
        "flags": {},
        "order": 0,
        "mode": 0,
        "inputs": sockets,
        "outputs": [{"name": "video", "type": "VIDEO", "links": []}],
        "title": definition["name"],
        "properties": {
            "proxyWidgets": [[key, name] for _, key, name in widgets],
            "cnr_id": PACK,
            "ver": project_version(),
        },
        "widgets_values": [],
    }


def boundary(name: str, kind: str, targets: list[tuple[str, str]]) -> dict[str, Any]:
    """A socket at the subgraph's edge, and the (node, input) pairs inside that it feeds."""
    return {"id": identifier(f"talk {name}"), "name": name, "type": kind, "linkIds": [], "targets": targets}


def identifier(name: str) -> str:
    """The same name gives the same identifier, so that composing twice changes nothing."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"emotivetalk/{name}"))


def node_of(workflow: dict[str, Any], node_type: str) -> str:
    return next(key for key, node in workflow.items() if node["class_type"] == node_type)


def ask(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=60) as answer:
        return json.load(answer)


def write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(path.relative_to(ROOT))


def main() -> None:
    host = sys.argv[1].rstrip("/")
    definitions = ask(f"{host}/object_info")
    version = ask(f"{host}/system_stats")["system"]["comfyui_version"]
    for path in sorted((ROOT / "workflows" / "api").glob("*.json")):
        workflow = json.loads(path.read_text(encoding="utf-8"))
        write(ROOT / "workflows" / path.name, editor_workflow(path.stem, workflow, definitions, version))
    quick_start = json.loads((ROOT / "workflows" / "api" / "quick_start.json").read_text(encoding="utf-8"))
    write(ROOT / "subgraphs" / "talk.json", talk_blueprint(quick_start, definitions, version))


if __name__ == "__main__":
    main()
