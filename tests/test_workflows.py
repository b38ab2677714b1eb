"""What can be said of the example workflows, help pages and translations without a host."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import pytest
from safetensors import safe_open

ROOT = Path(__file__).resolve().parent.parent
OLDER_HOSTS = ("SaveVideo", "codec")
"""An input that ComfyUI 0.28 wants of an API workflow, and 0.33 by another name. An editor sends its own host's."""

NAMES = sorted(path.stem for path in (ROOT / "workflows" / "api").glob("*.json"))
EXPECTED = {
    "a_talking_portrait",
    "quick_start",
    "talking_person",
    "compare_two_takes",
    "emotion_from_a_picture",
    "emotion_from_a_driving_video",
    "eight_emotions",
    "long_speech",
    "paste_back",
    "stock_ksampler",
    "emotion_from_text",
    "emotion_from_speech",
    "own_expression",
    "emotion_timeline",
    "duet",
    "head_pose",
    "keep_my_take",
    "play_a_take",
    "mixed_feelings",
    "emotions_of_your_own",
    "head_pose_from_a_driving_video",
    "photograph_dice_talk",
    "photograph_sonic",
}
WITH_WEIGHTS_OF_OTHERS = {"photograph_dice_talk": "dice/", "photograph_sonic": "sonic/"}
"""Whose weights cannot come along; and the folder that their user puts them into."""
LANGUAGES = ("en", "zh")
Json = dict[str, Any]


def read(*parts: str) -> Json:
    return json.loads(ROOT.joinpath(*parts).read_text(encoding="utf-8"))


def boxes_of(workflow: Json) -> dict[str, Json]:
    """The subgraphs of an editor's workflow, by the type of the node that stands for each."""
    return {box["id"]: box for box in workflow.get("definitions", {}).get("subgraphs", [])}


def in_api_format(workflow: Json) -> dict[str, tuple[str, Json]]:
    """What the editor would send: class and inputs of each node, by id; boxes are opened."""
    boxes = boxes_of(workflow)
    canvas = {node["id"]: node for node in workflow["nodes"] if node["type"] != "MarkdownNote"}
    wires = {link[0]: link[1:3] for link in workflow["links"]}

    def source_of(link: int) -> list[Any]:
        """Of a link on the canvas: the node that it comes from, in its box where it lies in one."""
        key, slot = wires[link]
        if canvas[key]["type"] not in boxes:
            return [str(key), slot]
        box = boxes[canvas[key]["type"]]
        last = next(link for link in box["links"] if [link["target_id"], link["target_slot"]] == [-20, slot])
        return [f"{key}:{last['origin_id']}", last["origin_slot"]]

    nodes = {}
    for key, node in canvas.items():
        if node["type"] not in boxes:
            nodes[str(key)] = (node["type"], values_of(node, source_of))
            continue
        inner_wires = {link["id"]: link for link in boxes[node["type"]]["links"]}

        def inner_source_of(link: int, key: int = key, node: Json = node, wires: Json = inner_wires) -> Any:
            origin, slot = wires[link]["origin_id"], wires[link]["origin_slot"]
            if origin != -10:
                return [f"{key}:{origin}", slot]
            outer = node["inputs"][slot]["link"]
            return None if outer is None else source_of(outer)

        for inner in boxes[node["type"]]["nodes"]:
            nodes[f"{key}:{inner['id']}"] = (inner["type"], values_of(inner, inner_source_of))
    return nodes


def values_of(node: Json, source_of: Callable[[int], Any]) -> Json:
    """Widgets and links of a node; a link that leads to an open socket leaves the widget as it is."""
    linked = {s["name"]: source_of(s["link"]) for s in node["inputs"] if s["link"] is not None}
    widgets = {name: value for name, value in node["widgets_values_named"].items() if name != "control_after_generate"}
    return widgets | {name: source for name, source in linked.items() if source is not None}


def test_every_example_is_there_in_both_formats():
    assert set(NAMES) == EXPECTED
    assert {path.stem for path in (ROOT / "workflows").glob("*.json")} == EXPECTED


@pytest.mark.parametrize("name", NAMES)
def test_the_graph_says_what_the_api_workflow_says(name: str):
    """`tests/tools/compose_workflows.py` makes the one from the other."""
    meant, shown = read("workflows", "api", f"{name}.json"), in_api_format(read("workflows", f"{name}.json"))
    assert set(shown) == set(meant)
    for key, node in meant.items():
        assert shown[key][0] == node["class_type"]
        inputs = {name: value for name, value in node["inputs"].items() if (node["class_type"], name) != OLDER_HOSTS}
        assert shown[key][1] | inputs == shown[key][1], key


def shown_box(node: Json) -> tuple[int, int, int, int]:
    """x, y, width and height of what is below a node's title bar: nothing of one that is collapsed."""
    return (*node["pos"], node["size"][0], 0 if node["flags"].get("collapsed") else node["size"][1])


@pytest.mark.parametrize("name", NAMES)
def test_the_graph_opens_readable(name: str):
    """The editor shows a template at three quarters of its window, here of 1920 x 937 pixels as on a screen of 1920 x
    1080, and no text below 8/14 of the size; a title bar alone shows 20 letters.
    """
    nodes = read("workflows", f"{name}.json")["nodes"]
    lefts, tops, widths, heights = zip(*map(shown_box, nodes), strict=True)
    wide = max(map(sum, zip(lefts, widths, strict=True))) - min(lefts) + 20
    high = max(map(sum, zip(tops, heights, strict=True))) - (min(tops) - 30) + 20
    assert min(0.75 * 1920 / wide, 0.75 * 937 / high) > 0.58
    for node in nodes:
        if node["flags"].get("collapsed"):
            assert len(node.get("title", "")) <= 20, node["title"]


@pytest.mark.parametrize("name", NAMES)
def test_a_note_that_invites_photographs_says_what_becomes_of_them(name: str):
    (note,) = (node for node in read("workflows", f"{name}.json")["nodes"] if node["type"] == "MarkdownNote")
    text = note["widgets_values"][0]
    known = name in WITH_WEIGHTS_OF_OTHERS  # photographs are what these are for
    assert known or "Load Image" not in text or "a photograph keeps its likeness" in text.replace("\n", " ")


@pytest.mark.parametrize("name", NAMES)
def test_the_graph_is_neat(name: str):
    """It flows from left to right, each node lies in one group, nothing overlaps, and a note says what to do."""
    workflow = read("workflows", f"{name}.json")
    boxes = {node["id"]: shown_box(node) for node in workflow["nodes"]}
    groups = [group["bounding"] for group in workflow["groups"]]
    for node in workflow["nodes"]:
        x, y, width, height = boxes[node["id"]]
        around = [
            g for g in groups if g[0] <= x and g[1] <= y - 30 and x + width <= g[0] + g[2] and y + height <= g[1] + g[3]
        ]
        assert len(around) == (node["type"] != "MarkdownNote"), node["type"]
    for key, (x, y, width, height) in boxes.items():
        for other, (left, top, *size) in boxes.items():
            apart = x + width <= left or left + size[0] <= x or y + height <= top - 30 or top + size[1] <= y - 30
            assert key == other or apart
    for _, origin, _, target, _, _ in workflow["links"]:
        assert boxes[origin][0] <= boxes[target][0]
    (note,) = (node for node in workflow["nodes"] if node["type"] == "MarkdownNote")
    assert note["widgets_values"][0].startswith("## ")


@pytest.mark.parametrize("name", NAMES)
def test_nodes_say_which_pack_they_come_from(name: str):
    workflow = read("workflows", f"{name}.json")
    boxes = boxes_of(workflow)
    for node in [*workflow["nodes"], *(node for box in boxes.values() for node in box["nodes"])]:
        if node["type"] != "MarkdownNote":
            ours = node["type"].startswith("EmotiveTalk") or node["type"] in boxes
            assert node["properties"]["cnr_id"] == ("emotivetalk" if ours else "comfy-core")
            assert re.fullmatch(r"\d+\.\d+\.\d+", node["properties"]["ver"])


@pytest.mark.parametrize("name", NAMES)
def test_examples_run_with_nothing_copied(name: str):
    """No file of the user's is asked for, and the weights are the bundled ones, but for the models of others."""
    for node in read("workflows", "api", f"{name}.json").values():
        assert node["class_type"] not in ("LoadImage", "LoadAudio", "LoadVideo")
        for value in node["inputs"].values():
            if isinstance(value, str) and value.endswith(".safetensors") and name in WITH_WEIGHTS_OF_OTHERS:
                ours = node["class_type"].startswith("EmotiveTalk")
                assert value.startswith((WITH_WEIGHTS_OF_OTHERS[name], "demo/")) if ours else node["_meta"]["models"]
            elif isinstance(value, str) and value.endswith(".safetensors"):
                folder = "assets" if node["class_type"] == "EmotiveTalkLoadTake" else "weights/demo"
                assert (ROOT / "emotivetalk_core" / folder / value.removeprefix("demo/")).is_file()


@pytest.mark.parametrize("name", NAMES)
def test_thumbnails_are_small_pictures(name: str):
    path = ROOT / "workflows" / f"{name}.jpg"
    picture = cv2.imread(str(path))
    assert picture is not None and picture.shape[1] == 400
    assert path.stat().st_size < 40_000


BLUEPRINTS = {
    "talk": ["portrait", "speech", "emotion", "intensity", "seed", "bounding_box", "face_mask", "transparency"],
    "portrait_and_speech": ["portrait", "speech"],
    "load_emotivetalk": [],
    "direct_talking_face": [
        *("portrait", "speech", "audio encoder", "lip projector", "expression sampler", "face encoders", "VAE"),
        *("emotion", "intensity", "head_sway", "seed", "bounding_box"),
    ],
    "sample_talking_face": ["MODEL", "positive", "latent", "seed", "steps"],
    "decode_talking_face": ["portrait", "speech", "VAE", "crop", "crop record", "head pose", "latent", "detail"],
}
"""What each box of the node library takes."""
FOR_OTHER_PLACES = ("talk", "portrait_and_speech")
"""Boxes that the first example does not have."""


@pytest.mark.parametrize("name", BLUEPRINTS)
def test_a_box_is_whole(name: str):
    """Every link inside ends at sockets that know it."""
    blueprint = read("subgraphs", f"{name}.json")
    (inside,) = blueprint["definitions"]["subgraphs"]
    (box,) = blueprint["nodes"]
    assert box["type"] == inside["id"]
    assert [socket["name"] for socket in box["inputs"]] == BLUEPRINTS[name]
    nodes = {node["id"]: node for node in inside["nodes"]}
    for link in inside["links"]:
        if link["origin_id"] in nodes:
            assert link["id"] in nodes[link["origin_id"]]["outputs"][link["origin_slot"]]["links"]
        else:
            assert link["id"] in inside["inputs"][link["origin_slot"]]["linkIds"]
        if link["target_id"] in nodes:
            assert nodes[link["target_id"]]["inputs"][link["target_slot"]]["link"] == link["id"]
        else:
            assert link["id"] in inside["outputs"][link["target_slot"]]["linkIds"]


def test_the_first_example_has_at_most_six_nodes_and_its_boxes_are_those_of_the_library():
    """First where templates are listed by name; the note does not count. With an artist's own files it has as many:
    one box takes the place of the example's inputs, with what they give.
    """
    assert min(EXPECTED) == "a_talking_portrait"
    workflow = read("workflows", "a_talking_portrait.json")
    assert len([node for node in workflow["nodes"] if node["type"] != "MarkdownNote"]) <= 6
    library = [name for name in BLUEPRINTS if name not in FOR_OTHER_PLACES]
    offered = [read("subgraphs", f"{name}.json")["definitions"]["subgraphs"] for name in library]
    assert workflow["definitions"]["subgraphs"] == [definition for (definition,) in offered]
    (example,) = (node for node in workflow["nodes"] if node["type"] == "EmotiveTalkExampleInputs")
    (own,) = read("subgraphs", "portrait_and_speech.json")["nodes"]
    used = [output["type"] for output in example["outputs"] if output["links"]]
    assert [output["type"] for output in own["outputs"]] == used


def nodes_used() -> set[str]:
    return {node["class_type"] for name in NAMES for node in read("workflows", "api", f"{name}.json").values()}


def test_every_node_is_explained_in_every_language_and_shown_in_an_example():
    pages = {path.stem for path in (ROOT / "web" / "docs").glob("*.md")}
    assert {name for name in nodes_used() if name.startswith("EmotiveTalk")} == pages
    for language in LANGUAGES:
        assert set(read("locales", language, "nodeDefs.json")) == pages


@pytest.mark.parametrize("path", sorted((ROOT / "web" / "docs").glob("*.md")), ids=lambda path: path.stem)
def test_help_pages_name_every_input_and_output(path: Path):
    words = read("locales", "en", "nodeDefs.json")[path.stem]
    text = path.read_text(encoding="utf-8")
    assert text.startswith(f"# {words['display_name']}\n")
    for name in words.get("inputs", {}):
        assert f"`{name}`" in text, name
    for output in words["outputs"].values():
        assert f"`{output['name']}`" in text, output["name"]


@pytest.mark.parametrize("path", sorted((ROOT / "web" / "docs").glob("*.md")), ids=lambda path: path.stem)
def test_help_pages_show_their_node(path: Path):
    """A path relative to the page is what the editor resolves. tests/tools/picture_nodes.py draws the pictures."""
    title, blank, shown, *_ = path.read_text(encoding="utf-8").splitlines()
    assert title.startswith("# ") and not blank
    assert shown == f"![The node](images/{path.stem}.png)"
    picture = path.parent / "images" / f"{path.stem}.png"
    assert picture.stat().st_size < 40_000
    assert cv2.imread(str(picture)).shape[1] <= 400


def test_no_help_picture_is_left_over():
    docs = ROOT / "web" / "docs"
    pictures = {path.stem for path in (docs / "images").iterdir()}
    assert pictures == {path.stem for path in docs.glob("*.md")}


def test_the_languages_cover_the_same_words():
    english, chinese = (read("locales", language, "nodeDefs.json") for language in LANGUAGES)
    for name, words in english.items():
        other = chinese[name]
        assert set(words) == set(other), name
        for part in ("inputs", "outputs"):
            assert {k: set(v) for k, v in words.get(part, {}).items()} == {
                k: set(v) for k, v in other.get(part, {}).items()
            }, name


def test_the_picture_of_eight_emotions_has_room_for_all_of_them():
    """One beside the other, as large as the bundled weights draw them."""
    with safe_open(ROOT / "emotivetalk_core" / "weights" / "demo" / "vae.safetensors", "np") as file:
        finer = json.loads(file.metadata()["config"])["finer"]
    nodes = read("workflows", "api", "eight_emotions.json").values()
    inputs = {node["class_type"]: node["inputs"] for node in nodes}
    side = finer * inputs["EmotiveTalkFaceRegions"]["size"]
    tiles = inputs["ImageMergeTileList"]
    assert len(inputs["CreateList"]) == 8
    assert tiles["final_width"] * tiles["final_height"] == 8 * side**2 and tiles["final_width"] % side == 0
