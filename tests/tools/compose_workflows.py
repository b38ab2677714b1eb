"""Lays the API workflows out as graphs for the editor: `workflows/api/NAME.json` becomes `workflows/NAME.json`. Nodes
whose ids have a colon lie in boxes; each box becomes a blueprint of `subgraphs/` as well, and so do the quick start's
middle and an artist's own files.

    python tests/tools/compose_workflows.py http://127.0.0.1:8188

The running host at that address says what its nodes look like. What each workflow's note says stands in `notes.py`.
"""

import json
import sys
import urllib.request
from pathlib import Path
from typing import Any

from boxes import BOXES, OWN, TALK, Folded, fold, identifier, inner_id
from editor_graph import GAP, ROOT, TALLEST, TITLE, WIDEST, WIDTH, Graph
from notes import NOTES

NOTE_LETTER, NOTE_LINE, NOTE_BREAK, NOTE_HEAD = 7, 19, 12, 50
"""Pixels of a Markdown note: a letter's width, a line's height, the space between paragraphs, and what is above."""

_LOADERS = ("LoadAudioEncoder", "LoadVAID", "LoadFaceEncoders", "LoadETHD")
COLLAPSED = {
    "compare_two_takes": (
        *(f"EmotiveTalk{name}" for name in (*_LOADERS, "LoadEmotion", "ProjectLips", "EncodeAudio", "DecodeVideo")),
        *("EmotiveTalkEncodeExpression", "EmotiveTalkCondition", "GetVideoComponents"),
    ),
    "duet": (
        *(
            f"EmotiveTalk{name}"
            for name in (*_LOADERS, "ProjectLips", "EncodeExpression", "ExampleFaces", "Condition", "DecodeVideo")
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
    place, size = note_place(graph.groups, NOTES[name])
    if place[0] < 0:
        graph.place(workflow, WIDEST + place[0])
    return with_note(name, workflow, graph, place, size)


def with_note(name: str, workflow: dict[str, Any], graph: Graph, place: list[int], size: list[int]) -> dict[str, Any]:
    """The editor's file of a graph and its note, whose id is none of a node on the canvas or in a box."""
    nodes, text = graph.ordered(), NOTES[name]
    note = {
        "id": max(int(inner_id(key)) for key in workflow) + 1,
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
    around = ("EmotiveTalkExampleInputs", "SaveVideo")
    members = {key for key, node in workflow.items() if node["class_type"] not in around}
    return Folded(TALK, workflow, members, definitions, version).blueprint()


def own_files_blueprint(workflow: dict[str, Any], definitions: dict[str, Any], version: str) -> dict[str, Any]:
    """Load Image and Load Audio in the place of the quick start's example inputs, as one box."""
    (example,) = (key for key, node in workflow.items() if node["class_type"] == "EmotiveTalkExampleInputs")
    places = {0: "101", 1: "102"}
    own = {
        key: node
        | {
            "inputs": {
                name: [places[value[1]], 0] if isinstance(value, list) and value[0] == example else value
                for name, value in node["inputs"].items()
            }
        }
        for key, node in workflow.items()
        if key != example
    }
    own["101"] = {"class_type": "LoadImage", "inputs": {"image": "example.png"}}  # ComfyUI brings it along
    own["102"] = {"class_type": "LoadAudio", "inputs": {"audio": ""}}
    return Folded(OWN, own, set(places.values()), definitions, version).blueprint()


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
        if path.stem not in BOXES:
            write(ROOT / "workflows" / path.name, editor_workflow(path.stem, workflow, definitions, version))
            continue
        graph, boxes = fold(workflow, BOXES[path.stem], definitions, version)
        laid_out = with_note(path.stem, workflow, graph, *note_place(graph.groups, NOTES[path.stem]))
        laid_out["definitions"] = {"subgraphs": [box.definition for box in boxes.values()]}
        write(ROOT / "workflows" / path.name, laid_out)
        for box in boxes.values():
            write(ROOT / "subgraphs" / f"{box.box.file}.json", box.blueprint())
    quick_start = json.loads((ROOT / "workflows" / "api" / "quick_start.json").read_text(encoding="utf-8"))
    write(ROOT / "subgraphs" / "talk.json", talk_blueprint(quick_start, definitions, version))
    write(ROOT / "subgraphs" / f"{OWN.file}.json", own_files_blueprint(quick_start, definitions, version))


if __name__ == "__main__":
    main()
