"""The real front end in headless Chromium: every workflow opens whole, and Run on the quick start gives a video."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import Browser, ScriptError
from client import HostClient
from graphs import read_workflow
from installation import ROOT
from server import PORTRAIT, SPEECH, HostServer

WORKFLOWS = sorted((ROOT / "workflows").glob("*.json"))
TALK, OWN_FILES = (ROOT / "subgraphs" / f"{name}.json" for name in ("talk", "portrait_and_speech"))

MISSING = """
const known = LiteGraph.registered_node_types;
return app.graph._nodes.filter(node => !known[node.type] && !node.isSubgraphNode?.()).map(node => node.type);
"""
RED = "return app.graph._nodes.filter(node => node.has_errors).map(node => node.type);"
BOXES = """
return app.graph._nodes.map(node => [node.title, ...node.pos, node.size[0], node.flags.collapsed ? 0 : node.size[1]]);
"""
SET = """
const box = app.graph._nodes.find(node => node.title === arguments[0]);
box.widgets.find(widget => widget.name === arguments[1]).value = arguments[2];
"""
PROMPT = "return (await app.graphToPrompt()).output;"
EITHER_CODEC = ("codec", "format.codec")
"""Of Save Video: ComfyUI 0.28's name and 0.33's. The API workflows have both, an editor sends its own host's."""

SHORTEN = """
const source = app.graph._nodes.find(node => node.type === 'EmotiveTalkExampleInputs');
const trim = LiteGraph.createNode('TrimAudioDuration');
app.graph.add(trim);
trim.widgets.find(widget => widget.name === 'duration').value = arguments[0];
const speech = source.findOutputSlot('speech');
const listeners = source.outputs[speech].links.map(id => app.graph.links.get(id));
source.connect(speech, trim, 0);
for (const link of listeners) trim.connect(0, app.graph.getNodeById(link.target_id), link.target_slot);
const steps = app.graph._nodes.flatMap(node => node.widgets ?? []).filter(widget => widget.name === 'steps');
for (const widget of steps) widget.value = arguments[1];
"""
Page = Browser


@pytest.fixture(scope="module")
def page(host: HostServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    missing = Browser.missing()
    if missing:
        pytest.skip(missing)
    with Browser(tmp_path_factory.mktemp("chromium")) as browser:
        browser.open(host.url)
        browser.wait("window.app?.vueAppReady && window.app?.graph && window.LiteGraph")
        yield browser


def load(page: Page, workflow: dict[str, Any]) -> None:
    page.run("await app.loadGraphData(arguments[0], true, true, 'opened', {openSource: 'template'});", workflow)
    page.wait("app.graph._nodes.length > 0")


def shown(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_opens_whole(page: Page, path: Path, tmp_path: Path):
    workflow = shown(path)
    load(page, workflow)
    assert page.run(MISSING) == []
    red = page.run(RED)
    if path.stem.startswith("photograph_"):  # whose weights are others', and the user's to bring
        assert red and all("Load" in kind for kind in red)
    else:
        assert red == []
    assert len(page.run(BOXES)) == len(workflow["nodes"])
    # the editor's own measure, below which it leaves out all text
    page.wait("app.canvas.ds.scale * 14 >= app.canvas.min_font_size_for_lod")
    page.screenshot(tmp_path / f"{path.stem}.png")
    assert (tmp_path / f"{path.stem}.png").stat().st_size > 20_000


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_no_node_is_deprecated(path: Path, definitions: dict[str, Any]):
    kinds = {node["class_type"] for node in read_workflow(ROOT / "workflows" / "api" / path.name).values()}
    assert [kind for kind in kinds if definitions[kind].get("deprecated")] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_no_node_lies_on_another(page: Page, path: Path):
    """With the sizes that the front end really gives them."""
    load(page, shown(path))
    title = 30
    boxes = [(name, x, y - title, x + width, y + height) for name, x, y, width, height in page.run(BOXES)]
    for index, (name, left, top, right, bottom) in enumerate(boxes):
        for other, *box in boxes[index + 1 :]:
            apart = right <= box[0] or box[2] <= left or bottom <= box[1] or box[3] <= top
            assert apart, f"{name} and {other} overlap"


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_the_editor_sends_what_the_api_workflow_says(page: Page, path: Path):
    load(page, shown(path))
    sent = page.run(PROMPT)
    meant = read_workflow(ROOT / "workflows" / "api" / path.name)
    assert {key: node["class_type"] for key, node in sent.items()} == {
        key: node["class_type"] for key, node in meant.items()
    }
    for key, node in meant.items():
        if node["class_type"] == "SaveVideo":
            assert any(name in sent[key]["inputs"] for name in EITHER_CODEC)
        for name, value in node["inputs"].items():
            if name in EITHER_CODEC and name not in sent[key]["inputs"]:
                continue
            assert sent[key]["inputs"][name] == value, f"{node['class_type']} {name}"


def test_run_on_the_quick_start_gives_a_video(page: Page, client: HostClient):
    load(page, shown(ROOT / "workflows" / "quick_start.json"))
    page.run(SHORTEN, 0.2, 2)
    before = set(page.run("return Object.keys(await (await fetch('/history')).json());"))
    page.run("await app.queuePrompt(0);")
    page.wait(f"Object.keys(await (await fetch('/history')).json()).length > {len(before)}", seconds=280)
    history = page.run("return await (await fetch('/history')).json();")
    (entry,) = (entry for key, entry in history.items() if key not in before)
    assert entry["status"]["status_str"] == "success", entry["status"]["messages"]
    shown_items = [item for output in entry["outputs"].values() for items in output.values() for item in items]
    assert any(str(item["filename"]).endswith(".mp4") for item in shown_items if isinstance(item, dict))


def test_the_box_talk_stands_for_the_quick_start(page: Page):
    """Its settings reach the nodes inside, and what it sends is the quick start but for the inputs left open."""
    load(page, shown(TALK))
    assert page.run(MISSING) == []
    page.run("app.graph._nodes[0].widgets.find(widget => widget.name === 'emotion').value = 'angry';")
    sent = {node["class_type"]: node["inputs"] for node in page.run(PROMPT).values()}
    assert sent["EmotiveTalkLoadEmotion"]["emotion"] == "angry"
    meant = read_workflow(ROOT / "workflows" / "api" / "quick_start.json")
    assert set(sent) == {node["class_type"] for node in meant.values()} - {"EmotiveTalkExampleInputs", "SaveVideo"}


def test_an_artists_own_files_are_chosen_on_one_box(page: Page):
    load(page, shown(OWN_FILES))
    assert page.run(MISSING) == []
    page.run(SET, "Your Portrait and Speech", "portrait", PORTRAIT)
    page.run(SET, "Your Portrait and Speech", "speech", SPEECH)
    sent = {node["class_type"]: node["inputs"] for node in page.run(PROMPT).values()}
    assert sent["LoadImage"]["image"] == PORTRAIT and sent["LoadAudio"]["audio"] == SPEECH


def test_settings_of_the_first_example_reach_the_nodes_in_its_boxes(page: Page):
    load(page, shown(ROOT / "workflows" / "a_talking_portrait.json"))
    for box, setting, value in (
        ("Direct Talking Face", "emotion", "sad"),
        ("Direct Talking Face", "intensity", 0.5),
        ("Direct Talking Face", "head_sway", 30),
        ("Direct Talking Face", "seed", 7),
        ("Sample Talking Face", "seed", 8),
        ("Sample Talking Face", "steps", 9),
        ("Decode Talking Face", "detail", 0.25),
    ):
        page.run(SET, box, setting, value)
    sent = {node["class_type"]: node["inputs"] for node in page.run(PROMPT).values()}
    assert (sent["EmotiveTalkLoadEmotion"]["emotion"], sent["EmotiveTalkLoadEmotion"]["intensity"]) == ("sad", 0.5)
    assert (sent["EmotiveTalkSwayHead"]["amount"], sent["EmotiveTalkSwayHead"]["seed"]) == (30, 7)
    assert sent["EmotiveTalkSampleExpression"]["seed"] == 7
    assert (sent["EmotiveTalkWindowedSampler"]["seed"], sent["EmotiveTalkWindowedSampler"]["steps"]) == (8, 9)
    assert sent["EmotiveTalkDecodeVideo"]["detail"] == 0.25


def test_every_node_has_its_help_page_and_its_words(page: Page, definitions: dict[str, Any]):
    ours = [name for name in definitions if name.startswith("EmotiveTalk")]
    for name in ours:
        text = page.run("return await (await fetch(`/extensions/EmotiveTalk/docs/${arguments[0]}.md`)).text();", name)
        assert text.startswith("# "), name
        picture = text.split("![The node](")[1].split(")")[0]
        status = "return (await fetch(`/extensions/EmotiveTalk/docs/${arguments[0]}`)).status;"
        assert page.run(status, picture) == 200, name
    words = page.run("return await (await fetch('/i18n')).json();")
    for language in ("en", "zh"):
        assert set(ours) <= set(words[language]["nodeDefs"]), language


def test_a_broken_page_would_be_noticed(page: Page):
    load(
        page,
        {"nodes": [{"id": 1, "type": "NoSuchNode", "pos": [0, 0], "size": [200, 80]}], "links": [], "version": 0.4},
    )
    assert page.run(MISSING) == ["NoSuchNode"]
    with pytest.raises(ScriptError):
        page.run("throw new Error('no');")
