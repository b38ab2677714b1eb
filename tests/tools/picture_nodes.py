"""Draws every node as the editor does, for the help pages: `web/docs/images/NODE_ID.png`.

    python tests/tools/picture_nodes.py
    python tests/tools/picture_nodes.py EmotiveTalkFaceRegions EmotiveTalkCondition

Starts a ComfyUI of its own with this pack, and a headless Chromium, both found as the host tests find them.
"""

import json
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "host"))

from browser import Browser  # noqa: E402 - found only once the folder is on the path
from installation import HOW_TO_ENABLE, find_installation  # noqa: E402
from server import HostServer  # noqa: E402

DOCS = ROOT / "web" / "docs"
WIDTH, TITLE, MARGIN, LARGEST = 400, 30, 12, 40_000
"""Widest picture and the nodes' title bar, in pixels; space around a node; bytes in a file."""

SETTINGS = {"Comfy.TutorialCompleted": True, "Comfy.NodeBadge.NodeSourceBadgeMode": "None"}
"""Or the editor opens its templates over the nodes, as it does for a newcomer; and no badge with the pack's name."""

READY = "window.app?.vueAppReady && window.app?.graph && window.LiteGraph"
SHOW = """
const [kind, margin, title, widest] = arguments;
// After app.graph.clear() a new node would have the old one's number, and then the editor gives it its values too.
for (const node of [...app.graph._nodes]) app.graph.remove(node);
const node = LiteGraph.createNode(kind);
app.graph.add(node);
node.pos = [0, 0];
node.setSize([Math.min(Math.max(node.size[0], 300), widest), node.computeSize()[1]]);
const canvas = app.canvas, box = canvas.canvas.getBoundingClientRect();
canvas.deselectAll?.();
canvas.ds.scale = 1;
canvas.ds.offset = [Math.round(box.width / 2 - node.size[0] / 2), Math.round(box.height / 2 - node.size[1] / 2)];
canvas.setDirty(true, true);
await new Promise(done => setTimeout(done, 700));
const [x, y] = canvas.ds.offset;
return [box.left + x - margin, box.top + y - title - margin, node.size[0] + 2 * margin,
        node.size[1] + title + 2 * margin].map(Math.round);
"""


def picture(page: Browser, kind: str, folder: Path) -> np.ndarray:
    """The node alone with a little of the canvas around it."""
    left, top, width, height = page.run(SHOW, kind, MARGIN, TITLE, WIDTH - 2 * MARGIN)
    page.screenshot(folder / "page.png")
    whole = cv2.imread(str(folder / "page.png"))
    return whole[top : top + height, left : left + width]


def write(path: Path, drawn: np.ndarray) -> None:
    """Raises ValueError where the file is too large for a help page."""
    path.parent.mkdir(exist_ok=True)
    cv2.imwrite(str(path), drawn, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    size = path.stat().st_size
    print(f"{path.relative_to(ROOT)}  {drawn.shape[1]} x {drawn.shape[0]}  {size} bytes")
    if size > LARGEST:
        raise ValueError(f"{path.name} has {size} bytes, more than {LARGEST}")


def main() -> None:
    kinds = sys.argv[1:] or sorted(page.stem for page in DOCS.glob("*.md"))
    installation = find_installation()
    missing = Browser.missing() if installation else HOW_TO_ENABLE
    if installation is None or missing:
        raise SystemExit(missing)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = HostServer(installation, folder / "host")
        settings = server.base / "user" / "default" / "comfy.settings.json"
        settings.parent.mkdir()
        settings.write_text(json.dumps(SETTINGS), encoding="utf-8")
        with server as host, Browser(folder / "chromium") as page:
            page.open(host.url)
            page.wait(READY)
            for kind in kinds:
                write(DOCS / "images" / f"{kind}.png", picture(page, kind, folder))


if __name__ == "__main__":
    main()
