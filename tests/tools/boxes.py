"""Nodes folded into boxes, the editor's subgraphs: which boxes there are, and how one becomes a definition, a node that
stands for it, and a blueprint that the node library offers.
"""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from editor_graph import PACK, ROW, WIDGET_ROW, WIDTH, Graph, inputs_of, project_version


def identifier(name: str) -> str:
    """The same name gives the same identifier, so that composing twice changes nothing."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"emotivetalk/{name}"))


@dataclass(frozen=True)
class Box:
    """file: the blueprint's · name: on the box · settings, and sockets that may stay empty: what the box calls it, the
    type of the node inside, and that node's input. A setting that is named twice reaches both.
    """

    file: str
    name: str
    description: str
    settings: tuple[tuple[str, str, str], ...] = ()
    sockets: tuple[tuple[str, str, str], ...] = ()

    @property
    def identifier(self) -> str:
        """The subgraph's, which is the type of the node that stands for it."""
        return identifier(self.file)


TALK = Box(
    file="talk",
    name="Talk",
    description="Turns a portrait and speech into a talking video with the emotion of your choice.",
    settings=(
        ("emotion", "EmotiveTalkLoadEmotion", "emotion"),
        ("intensity", "EmotiveTalkLoadEmotion", "intensity"),
        ("seed", "EmotiveTalkWindowedSampler", "seed"),
    ),
    sockets=(
        ("bounding_box", "EmotiveTalkFaceRegions", "bounding_box"),
        ("face_mask", "EmotiveTalkFaceRegions", "face_mask"),
        ("transparency", "EmotiveTalkFaceRegions", "transparency"),
    ),
)
"""The quick start between its example inputs and its Save Video."""

OWN = Box(
    file="portrait_and_speech",
    name="Your Portrait and Speech",
    description="Your own picture and recording, from ComfyUI's input folder. Open it to upload them.",
    settings=(("portrait", "LoadImage", "image"), ("speech", "LoadAudio", "audio")),
)
"""So that the first example has six nodes with an artist's own files, too. The buttons that upload files stay inside:
on a box they work in ComfyUI 0.28 and do nothing in 0.33.
"""

LOAD = Box(
    file="load_emotivetalk",
    name="Load EmotiveTalk",
    description="All of EmotiveTalk's networks, loaded once. Open it to choose other weights.",
)
DIRECT = Box(
    file="direct_talking_face",
    name="Direct Talking Face",
    description="Listens to the speech, finds the face, and decides how lips, expression and head will move.",
    settings=(
        ("emotion", "EmotiveTalkLoadEmotion", "emotion"),
        ("intensity", "EmotiveTalkLoadEmotion", "intensity"),
        ("head_sway", "EmotiveTalkSwayHead", "amount"),
        ("seed", "EmotiveTalkSampleExpression", "seed"),
        ("seed", "EmotiveTalkSwayHead", "seed"),
    ),
    sockets=(("bounding_box", "EmotiveTalkFaceRegions", "bounding_box"),),
)
SAMPLE = Box(
    file="sample_talking_face",
    name="Sample Talking Face",
    description="Samples the face for every frame, as latents.",
    settings=(
        ("seed", "EmotiveTalkWindowedSampler", "seed"),
        ("steps", "EmotiveTalkWindowedSampler", "steps"),
    ),
)
DECODE = Box(
    file="decode_talking_face",
    name="Decode Talking Face",
    description="Decodes the latents and puts the face back into its picture, as a video with sound.",
    settings=(("detail", "EmotiveTalkDecodeVideo", "detail"),),
)

BOXES = {"a_talking_portrait": {"2": LOAD, "3": DIRECT, "4": SAMPLE, "5": DECODE}}
"""By workflow, and by what stands before the colon in the ids of the nodes inside."""

BOX_STAGES = (
    ("Portrait, speech and weights", "#3f789e", ("EmotiveTalkExampleInputs", LOAD.identifier)),
    ("Direction", "#a1309b", (DIRECT.identifier,)),
    ("Video", "#b06634", (SAMPLE.identifier,)),
    ("Result", "#3f7a4f", (DECODE.identifier, "SaveVideo")),
)
"""The columns of a workflow of boxes."""

LOWER = {DIRECT.identifier: 140, SAMPLE.identifier: 290}
"""Pixels by which a column stands lower than the others, so that the wires that go past it are seen above it."""

Workflow = dict[str, dict[str, Any]]
Socket = tuple[str, int]
"""The id of a node, and the number of one of its outputs."""


class Folded:
    """Some nodes of a workflow in a box. definition: the subgraph · inputs: who outside feeds its first inputs, in
    their order · outputs: who inside feeds its outputs.
    """

    def __init__(
        self, box: Box, workflow: Workflow, members: set[str], definitions: dict[str, Any], version: str
    ) -> None:
        """workflow: the whole one, with plain ids · members: the ids of those that go into the box."""
        self.box, self.definitions = box, definitions
        self.inner = {key: node for key, node in workflow.items() if key in members}
        crossing = [
            (key, name, (value[0], value[1]))
            for key, node in workflow.items()
            for name, value in node["inputs"].items()
            if isinstance(value, list) and (value[0] in members) != (key in members)
        ]
        entering = [link for link in crossing if link[0] in members]
        self.inputs: list[Socket] = in_order(source for *_, source in entering)
        self.outputs: list[Socket] = in_order(source for key, _, source in crossing if key not in members)
        outside = {(key, name) for key, name, _ in entering}
        graph = Graph(
            {
                key: node | {"inputs": {k: v for k, v in node["inputs"].items() if (key, k) not in outside}}
                for key, node in self.inner.items()
            },
            definitions,
            version,
        )
        self.edges = [
            (*output_of(workflow, source, definitions), [(key, name) for key, name, fed in entering if fed == source])
            for source in self.inputs
        ]
        self.edges += [self._edge(label, box.settings) for label in dict.fromkeys(label for label, *_ in box.settings)]
        self.edges += [self._edge(label, box.sockets) for label, *_ in box.sockets]
        for _, _, targets in self.edges[len(self.inputs) :]:
            for key, name in targets:
                open_socket(graph, key, name, self.definitions)
        self.exits = [output_of(workflow, source, definitions) for source in self.outputs]
        self.definition = self._definition(graph)

    def _edge(self, label: str, offered: tuple[tuple[str, str, str], ...]) -> tuple[str, str, list[tuple[str, str]]]:
        """Name and type of an input of the box, and the (node, input) pairs inside that it feeds."""
        targets = [(node_of(self.inner, kind), name) for known, kind, name in offered if known == label]
        key, name = targets[0]
        return label, kind_of(self.inner[key]["class_type"], name, self.definitions), targets

    def _definition(self, graph: Graph) -> dict[str, Any]:
        """The subgraph, with every link to its edge."""
        names = ("id", "origin_id", "origin_slot", "target_id", "target_slot", "type")
        links = [dict(zip(names, link, strict=True)) for link in graph.links]
        inputs = [self._boundary(name, kind, [-150, 130 + 20 * row]) for row, (name, kind, _) in enumerate(self.edges)]
        right = max(group["bounding"][0] + group["bounding"][2] for group in graph.groups)
        outputs = [
            self._boundary(name, kind, [right + 100, 130 + 20 * row]) for row, (name, kind) in enumerate(self.exits)
        ]
        for slot, (_, kind, targets) in enumerate(self.edges):
            for key, name in targets:
                sockets = graph.nodes[key]["inputs"]
                target = next(i for i, socket in enumerate(sockets) if socket["name"] == name)
                sockets[target]["link"] = link = len(links) + 1
                links.append(dict(zip(names, (link, -10, slot, int(key), target, kind), strict=True)))
                inputs[slot]["linkIds"].append(link)
        for slot, (key, origin_slot) in enumerate(self.outputs):
            link = len(links) + 1
            links.append(dict(zip(names, (link, int(key), origin_slot, -20, slot, self.exits[slot][1]), strict=True)))
            graph.nodes[key]["outputs"][origin_slot]["links"].append(link)
            outputs[slot]["linkIds"].append(link)
        nodes = graph.ordered()
        return {
            "id": self.box.identifier,
            "version": 1,
            "state": {
                "lastGroupId": len(graph.groups),
                "lastNodeId": max(node["id"] for node in nodes),
                "lastLinkId": len(links),
                "lastRerouteId": 0,
            },
            "revision": 0,
            "config": {},
            "name": self.box.name,
            "description": self.box.description,
            "inputNode": {"id": -10, "bounding": [-250, 110, 120, 40 + 20 * len(inputs)]},
            "outputNode": {"id": -20, "bounding": [right + 80, 110, 120, 40 + 20 * len(outputs)]},
            "inputs": inputs,
            "outputs": outputs,
            "widgets": [],
            "nodes": nodes,
            "groups": graph.groups,
            "links": links,
            "extra": {},
        }

    def _boundary(self, name: str, kind: str, place: list[int]) -> dict[str, Any]:
        """A socket at the subgraph's edge."""
        return {"id": identifier(f"{self.box.file} {name}"), "name": name, "type": kind, "linkIds": [], "pos": place}

    def node(self, key: int) -> dict[str, Any]:
        """The one node that stands for the subgraph; its widgets are those of the nodes inside."""
        labels = list(dict.fromkeys(label for label, *_ in self.box.settings))
        firsts = {name: targets[0] for name, _, targets in self.edges if name in labels}
        rows = max(len(self.edges) - len(labels), len(self.exits))
        return {
            "id": key,
            "type": self.definition["id"],
            "pos": [0, 0],
            "size": [WIDTH, ROW * rows + WIDGET_ROW * len(labels) + 16],
            "flags": {},
            "order": 0,
            "mode": 0,
            "inputs": [
                {"name": name, "type": kind, "link": None} | ({"widget": {"name": name}} if name in labels else {})
                for name, kind, _ in self.edges
            ],
            "outputs": [{"name": name, "type": kind, "links": []} for name, kind in self.exits],
            "title": self.box.name,
            "properties": {
                "proxyWidgets": [list(firsts[label]) for label in labels],
                "cnr_id": PACK,
                "ver": project_version(),
            },
            "widgets_values": [],
        }

    def as_type(self) -> dict[str, Any]:
        """The box as the host would describe a node of its kind, without what may stay empty."""
        fed = self.edges[: len(self.inputs)]
        return {
            "input": {"required": {name: [kind, {}] for name, kind, _ in fed}},
            "output": [kind for _, kind in self.exits],
            "output_name": [name for name, _ in self.exits],
            "python_module": "custom_nodes",
        }

    def blueprint(self) -> dict[str, Any]:
        """The file that the node library offers."""
        key = self.definition["state"]["lastNodeId"] + 1
        return {
            "id": identifier(f"{self.box.file} blueprint"),
            "revision": 0,
            "last_node_id": key,
            "last_link_id": 0,
            "nodes": [self.node(key)],
            "links": [],
            "version": 0.4,
            "definitions": {"subgraphs": [self.definition]},
            "extra": {},
        }


def fold(
    workflow: Workflow, boxes: dict[str, Box], definitions: dict[str, Any], version: str
) -> tuple[Graph, dict[str, Folded]]:
    """A workflow whose ids say in which box a node lies, as a graph of boxes; and the boxes by their ids."""
    home = {key.split(":")[1]: key.split(":")[0] for key in workflow if ":" in key}
    plain = {inner_id(key): node | {"inputs": plain_inputs(node["inputs"])} for key, node in workflow.items()}
    folded = {
        key: Folded(box, plain, {inner for inner, outer in home.items() if outer == key}, definitions, version)
        for key, box in boxes.items()
    }

    def on_canvas(value: Any) -> Any:
        """An input's value, with the output of a box in the place of one inside."""
        box = home.get(value[0]) if isinstance(value, list) else None
        return [box, folded[box].outputs.index(tuple(value))] if box else value

    canvas = {
        key: node | {"inputs": {name: on_canvas(value) for name, value in node["inputs"].items()}}
        for key, node in plain.items()
        if key not in home
    }
    for key, box in folded.items():
        names = [name for name, *_ in box.edges]
        fed = {name: on_canvas(list(source)) for name, source in zip(names, box.inputs, strict=False)}
        canvas[key] = {"class_type": box.box.identifier, "inputs": fed}
    types = {box.box.identifier: box.as_type() for box in folded.values()}
    graph = Graph(canvas, definitions | types, version, stages=BOX_STAGES)
    for key, box in folded.items():
        node, drawn = box.node(int(key)), graph.nodes[key]
        node["inputs"][: len(drawn["inputs"])] = drawn["inputs"]
        node["outputs"] = drawn["outputs"]
        graph.nodes[key] = node
    graph.place(canvas)
    for node in graph.nodes.values():
        lower = LOWER.get(node["type"], 0)
        for group in graph.groups:
            if group["bounding"][0] <= node["pos"][0] < group["bounding"][0] + group["bounding"][2]:
                group["bounding"][1] += lower
        node["pos"][1] += lower
    return graph, folded


def inner_id(key: str) -> str:
    return key.rpartition(":")[2]


def plain_inputs(inputs: dict[str, Any]) -> dict[str, Any]:
    return {name: [inner_id(v[0]), v[1]] if isinstance(v, list) else v for name, v in inputs.items()}


def in_order(sources: Iterable[Socket]) -> list[Socket]:
    """Each once, by node and by output."""
    return sorted(set(sources), key=lambda source: (int(source[0]), source[1]))


def output_of(workflow: Workflow, source: Socket, definitions: dict[str, Any]) -> tuple[str, str]:
    """Name and type of a node's output."""
    definition = definitions[workflow[source[0]]["class_type"]]
    names = definition.get("output_name") or definition["output"]
    return names[source[1]], definition["output"][source[1]]


def kind_of(node_type: str, name: str, definitions: dict[str, Any]) -> str:
    """The type of a node's input."""
    return next(kind for known, kind, *_ in inputs_of(definitions[node_type]) if known == name)


def open_socket(graph: Graph, key: str, name: str, definitions: dict[str, Any]) -> None:
    """Lets a link into a widget; what is no widget has its socket already."""
    sockets = graph.nodes[key]["inputs"]
    if name not in [socket["name"] for socket in sockets]:
        kind = kind_of(graph.nodes[key]["type"], name, definitions)
        sockets.append({"name": name, "type": kind, "widget": {"name": name}, "link": None})


def node_of(workflow: Workflow, node_type: str) -> str:
    return next(key for key, node in workflow.items() if node["class_type"] == node_type)
