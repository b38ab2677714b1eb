"""Draws the losses of a training's stages over their steps, from the logs that it leaves.

    python tests/tools/plot_training.py DIR losses.png encoders:loss v_aid:lip v_aid:expression ethd:loss

Thin: batches of the training, by ten seconds; thick: people who are held out.
"""

import argparse
import json
import math
from pathlib import Path

import numpy as np
from PIL import Image

from emotivetalk_core.sheet import Sheet

PAPER, PANEL, TEXT, FAINT = (24, 26, 32), (33, 36, 44), (226, 229, 236), (150, 156, 170)
TRAINED, HELD_OUT = (110, 168, 254), (255, 213, 112)
WIDTH, HEIGHT, LEFT, TOP, BELOW = 250, 230, 44, 34, 28


def draw(folder: Path, wanted: list[tuple[str, str]]) -> Sheet:
    sheet = Sheet(WIDTH * len(wanted) + 12, HEIGHT, PAPER, 3)
    for number, (stage, figure) in enumerate(wanted):
        lines = (folder / "training" / f"{stage}.log.jsonl").read_text(encoding="utf-8").splitlines()
        entries = [json.loads(line) for line in lines]
        draw_panel(sheet, WIDTH * number + LEFT, f"{stage}: {figure}", entries, figure)
    return sheet


def draw_panel(sheet: Sheet, left: int, title: str, entries: list[dict], figure: str) -> None:
    across, high = WIDTH - LEFT - 8, HEIGHT - TOP - BELOW
    curves = {
        colour: [(entry["step"], entry[name]) for entry in entries if name in entry]
        for colour, name in ((TRAINED, figure), (HELD_OUT, f"validation/{figure}"))
    }
    last = entries[-1]["step"]
    most = max(value for curve in curves.values() for _, value in curve)
    step = 10 ** math.floor(math.log10(most))
    step = next(s for s in (step / 5, step / 2, step, 2 * step) if most / s <= 6)
    top = math.ceil(most / step) * step
    sheet.box(left, TOP, across, high, PANEL)
    sheet.text(title, left, TOP - 10, TEXT, 13)
    for tick in np.arange(0, top + step / 2, step):
        sheet.text(f"{tick:g}", left - 5, TOP + high * (1 - tick / top) + 4, FAINT, 10, "right")
    sheet.text("0", left, HEIGHT - BELOW + 16, FAINT, 10)
    sheet.text(f"{last} steps", left + across, HEIGHT - BELOW + 16, FAINT, 10, "right")
    for (colour, curve), width in zip(curves.items(), (1.0, 2.4)):
        if curve:
            sheet.line([(left + across * at / last, TOP + high * (1 - v / top)) for at, v in curve], colour, width)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="the weights folder that `train` fills")
    parser.add_argument("out", type=Path, help="the picture to write")
    parser.add_argument("figures", nargs="+", metavar="STAGE:FIGURE")
    arguments = parser.parse_args()
    wanted = [(stage, figure) for stage, figure in (each.split(":", 1) for each in arguments.figures)]
    picture = draw(arguments.folder, wanted).finished()
    pixels = (picture.permute(1, 2, 0) * 255).round().byte().numpy()
    Image.fromarray(pixels).quantize(64).save(arguments.out, optimize=True)


if __name__ == "__main__":
    main()
