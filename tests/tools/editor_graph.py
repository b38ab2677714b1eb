"""A workflow in API format as nodes, links and groups of the editor, in columns by stage."""

from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
WIDGETS = {"INT", "FLOAT", "STRING", "BOOLEAN", "COMBO", "COLOR", "COMFY_DYNAMICCOMBO_V3"}
PACK, HOST = "emotivetalk", "comfy-core"

STAGES = (
    (
        "Portrait and speech",
        "#3f789e",
        ("EmotiveTalkExampleInputs", "LoadImage", "LoadAudio", "EmotiveTalkExampleFaces", "TrimAudioDuration",
         "EmptyAudio", "AudioConcat", "AudioMerge", "EmptyImage", "ImageCompositeMasked", "ImageStitch",
         "BatchImagesNode", "PrimitiveBoundingBox"),
    ),
    (
        "Hear and see",
        "#3f789e",
        ("EmotiveTalkLoadAudioEncoder", "EmotiveTalkEncodeAudio", "EmotiveTalkLoadFaceEncoders",
         "EmotiveTalkFaceRegions", "CLIPVisionLoader", "CLIPVisionEncode",
         "EmotiveTalkEncodeExpression", "EmotiveTalkLoadSpeechEmotion", "PreviewImage",
         "PreviewAny"),
    ),
    (
        "Lips and expression",
        "#a1309b",
        ("EmotiveTalkLoadEmotion", "EmotiveTalkEmotionFromText", "EmotiveTalkHearEmotion", "EmotiveTalkTimeline",
         "CreateList", "EmotiveTalkLoadCodebook", "EmotiveTalkBuildCodebook", "EmotiveTalkMergeCodebooks",
         "EmotiveTalkBlendEmotions", "EmotiveTalkScaleEmotion", "EmotiveTalkEditCodebook", "EmotiveTalkCodebookSheet",
         "EmotiveTalkSaveCodebook", "EmotiveTalkCodebookEmotion", "EmotiveTalkLoadTake", "EmotiveTalkLoadVAID",
         "EmotiveTalkProjectLips", "EmotiveTalkSampleExpression", "EmotiveTalkRetimeExpression", "EmotiveTalkSaveTake",
         "EmotiveTalkEditTake", "EmotiveTalkPreviewExpression", "EmotiveTalkHeadPoseKeys", "EmotiveTalkReadHeadPose",
         "EmotiveTalkSwayHead"),
    ),
    (
        "Video",
        "#b06634",
        ("EmotiveTalkLoadETHD", "EmotiveTalkCondition", "EmotiveTalkWindowedSampler", "KSampler",
         "EmotiveTalkLoadPhotograph", "EmotiveTalkConditionPhotograph", "EmotiveTalkPhotographGuider",
         "DualCFGGuider", "BasicScheduler", "KSamplerSelect", "RandomNoise", "SamplerCustomAdvanced", "VAEDecode"),
    ),
    (
        "Result",
        "#3f7a4f",
        ("EmotiveTalkDecodeVideo", "GetVideoComponents", "EmotiveTalkPasteBack", "ImageMergeTileList", "CreateVideo",
         "EmotiveTalkMeasureVideo", "SaveVideo"),
    ),
)  # fmt: skip
"""Title, colour and node types of each group, in the order in which its nodes stand below each other."""

SIZES = {
    "SaveVideo": (340, 240),
    "EmotiveTalkMeasureVideo": (340, 470),
    "EmotiveTalkPreviewExpression": (340, 260),
    "PreviewImage": (340, 260),
    "PreviewAny": (340, 180),
    "EmotiveTalkTimeline": (340, 620),
    "EmotiveTalkEmotionFromText": (340, 240),
    "EmotiveTalkHeadPoseKeys": (340, 200),
    "EmotiveTalkSaveTake": (340, 300),
    "EmotiveTalkLoadTake": (340, 200),
    "EmotiveTalkReadHeadPose": (340, 260),
    "EmotiveTalkBuildCodebook": (340, 320),
    "EmotiveTalkCodebookSheet": (340, 260),
    "EmotiveTalkSaveCodebook": (340, 160),
}
"""Of nodes that show a picture or a text; all others are as large as their sockets and widgets."""

WIDTH, ROW, WIDGET_ROW, TITLE, GAP, MARGIN = 340, 20, 24, 30, 14, 14
NARROW, WIDE = 24, 90
"""Pixels between two groups: at least, and at most."""

WIDEST, TALLEST = 2360, 1180
"""Pixels of a graph. The editor opens a template as large as three quarters of its window, and below 58 % it hides all
text; on a screen of 1920 x 1080 pixels that leaves so much.
"""


class Graph:
    """One workflow under way to the editor's format."""

    def __init__(
        self,
        workflow: dict[str, Any],
        definitions: dict[str, Any],
        version: str,
        collapsed: tuple[str, ...] = (),
        stages: tuple[tuple[str, str, tuple[str, ...]], ...] = STAGES,
    ) -> None:
        """collapsed: types of nodes that show their title alone until they are opened."""
        self.definitions, self.host_version, self.collapsed, self.stages = definitions, version, collapsed, stages
        self.links: list[list[Any]] = []
        self.groups: list[dict[str, Any]] = []
        self.nodes = {identifier: self._node(int(identifier), node) for identifier, node in workflow.items()}
        for identifier, node in workflow.items():
            self._link(identifier, node["inputs"])
        self.place(workflow)

    def _node(self, identifier: int, node: dict[str, Any]) -> dict[str, Any]:
        """A node with its sockets and widget values, in the order of the host's definition."""
        definition = self.definitions[node["class_type"]]
        sockets, named = [], {}
        for name, kind, options, optional in inputs_of(definition):
            value = node["inputs"].get(name, default_of(kind, options))
            if kind == "COMFY_AUTOGROW_V3":
                sockets += grown(name, node["inputs"])
            elif kind not in WIDGETS or options.get("forceInput"):
                sockets.append({"name": name, "type": kind, "link": None} | ({"shape": 7} if optional else {}))
            elif not options.get("hidden"):
                if isinstance(value, list):
                    sockets.append({"name": name, "type": kind, "widget": {"name": name}, "link": None})
                    value = default_of(kind, options)
                named[name] = value
                if kind == "COMFY_DYNAMICCOMBO_V3":
                    named |= {key: value for key, value in node["inputs"].items() if key.startswith(f"{name}.")}
                if options.get("control_after_generate"):
                    named["control_after_generate"] = "fixed"
        names = definition.get("output_name") or definition["output"]
        outputs = [{"name": name, "type": kind, "links": []} for name, kind in zip(names, definition["output"])]
        ours = definition["python_module"].startswith("custom_nodes")
        rows = max(sum("widget" not in socket for socket in sockets), len(outputs))
        size = SIZES.get(node["class_type"], (WIDTH, ROW * rows + WIDGET_ROW * len(named) + 16))
        result = {
            "id": identifier,
            "type": node["class_type"],
            "pos": [0, 0],
            "size": list(size),
            "flags": {"collapsed": True} if node["class_type"] in self.collapsed else {},
            "order": 0,
            "mode": 0,
            "inputs": sockets,
            "outputs": outputs,
            "properties": {
                "cnr_id": PACK if ours else HOST,
                "ver": project_version() if ours else self.host_version,
                "Node name for S&R": node["class_type"],
            },
            "widgets_values": list(named.values()),
            "widgets_values_named": named,
        }
        meta = node.get("_meta", {})
        if "models" in meta:  # the editor offers to download what is missing of these
            result["properties"]["models"] = meta["models"]
        return result | ({"title": meta["title"]} if "title" in meta else {})

    def _link(self, identifier: str, inputs: dict[str, Any]) -> None:
        for slot, socket in enumerate(self.nodes[identifier]["inputs"]):
            value = inputs.get(socket["name"])
            if not isinstance(value, list):
                continue
            origin, origin_slot = self.nodes[value[0]], value[1]
            output = origin["outputs"][origin_slot]
            link = len(self.links) + 1
            self.links.append([link, origin["id"], origin_slot, int(identifier), slot, output["type"]])
            output["links"].append(link)
            socket["link"] = link

    def place(self, workflow: dict[str, Any], widest: int = WIDEST) -> None:
        """A column for each stage; one that would be too tall goes on in another column, in the same group. Wires have
        what is left of the width between the groups.
        """
        self._lay_out(workflow, NARROW)
        last = self.groups[-1]["bounding"]
        spare = (widest - last[0] - last[2]) / max(1, len(self.groups) - 1)
        self._lay_out(workflow, round(min(max(NARROW, NARROW + spare), WIDE)))

    def _lay_out(self, workflow: dict[str, Any], between: int) -> None:
        """between: pixels from group to group."""
        self.groups, left = [], 0
        stages = self._stages(workflow)
        for stage, (title, colour, types) in enumerate(self.stages):
            members = [self.nodes[key] for key in workflow if stages[key] == stage]
            if not members:
                continue
            members.sort(key=lambda node: self._rank(node, types))
            x, y, widest, low = left + MARGIN, TITLE + MARGIN, 0, 0
            for node in members:
                if widest and y + shown_height(node) > TALLEST:
                    x, y, widest = x + widest + GAP, TITLE + MARGIN, 0
                node["pos"] = [x, y + TITLE]
                widest = max(widest, node["size"][0])
                y += shown_height(node) + TITLE + GAP
                low = max(low, y - GAP + MARGIN)
            right = x + widest + MARGIN
            self.groups.append(
                {
                    "id": stage + 1,
                    "title": title,
                    "bounding": [left, 0, right - left, low],
                    "color": colour,
                    "font_size": 24,
                    "flags": {},
                }
            )
            left = right + between

    def _rank(self, node: dict[str, Any], types: tuple[str, ...]) -> float:
        """The place of a node in its group; one that its sources brought here stands just below them."""
        if node["type"] in types:
            return types.index(node["type"])
        sources = [self.nodes[str(link[1])]["type"] for link in self.links if link[3] == node["id"]]
        return max(types.index(kind) for kind in sources if kind in types) + 0.5

    def _stages(self, workflow: dict[str, Any]) -> dict[str, int]:
        """The stage of each node: that of its type, but never before that of a node that it takes something from."""
        own = {kind: stage for stage, (*_, types) in enumerate(self.stages) for kind in types}
        stages: dict[str, int] = {}
        for node in self.ordered():
            sources = [stages[str(link[1])] for link in self.links if link[3] == node["id"]]
            stages[str(node["id"])] = max([own[node["type"]], *sources])
        return stages

    def ordered(self) -> list[dict[str, Any]]:
        """The nodes, each after all that it takes something from."""
        order: list[dict[str, Any]] = []
        waiting = list(self.nodes.values())
        while waiting:
            done = {node["id"] for node in order}
            ready = [n for n in waiting if all(link[1] in done for link in self.links if link[3] == n["id"])]
            order += ready
            waiting = [node for node in waiting if node not in ready]
        for position, node in enumerate(order):
            node["order"] = position
        return order


def shown_height(node: dict[str, Any]) -> int:
    """Below its title bar, in pixels."""
    return 0 if node["flags"].get("collapsed") else node["size"][1]


def inputs_of(definition: dict[str, Any]) -> list[tuple[str, str, dict[str, Any], bool]]:
    """(name, type, options, optional) of each input. Old-style lists of choices are COMBOs."""
    found = []
    for part in ("required", "optional"):
        for name, (kind, *rest) in definition["input"].get(part, {}).items():
            options = rest[0] if rest else {}
            if isinstance(kind, list):
                kind, options = "COMBO", {"options": kind} | options
            found.append((name, kind, options, part == "optional"))
    return found


def default_of(kind: str, options: dict[str, Any]) -> Any:
    """What the editor would put into an untouched widget."""
    choices = options.get("options") or [None]
    first = choices[0]["key"] if isinstance(choices[0], dict) else choices[0]
    empty = {"INT": 0, "FLOAT": 0.0, "STRING": "", "BOOLEAN": False, "COLOR": "#ffffff"}
    return options.get("default", empty.get(kind, first))


def grown(name: str, inputs: dict[str, Any]) -> list[dict[str, Any]]:
    """The sockets of an input that grows: those in use, and the free one that the editor keeps at the end."""
    used = [key for key in inputs if key.startswith(f"{name}.")]
    prefix = used[0].rstrip("0123456789")
    sockets = [{"label": key.split(".")[1], "name": key, "type": "*", "link": None} for key in used]
    free = f"{prefix}{len(used)}"
    return [*sockets, {"label": free.split(".")[1], "name": free, "shape": 7, "type": "*", "link": None}]


def project_version() -> str:
    text = (ROOT / "emotivetalk_core" / "version.py").read_text(encoding="utf-8")
    return text.split('__version__ = "')[1].split('"')[0]
