"""Times the frames of rendered people by hair style, and draws a sheet of some: docs/benchmarks.md and
docs/images/people.jpg.

    OMP_NUM_THREADS=1 PYTHONPATH=. python tests/tools/time_rendered_people.py [--sheet docs/images/people.jpg]

Prints milliseconds of one core at work for each frame (the best of five rounds), and the mean over the styles as often
as people wear them.
"""

import argparse
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from emotivetalk_core.synthesis.action_units import emotion_action_units
from emotivetalk_core.synthesis.head_state import HeadState
from emotivetalk_core.synthesis.people.person import HAIR_STYLES, LOOKS, sample_person
from emotivetalk_core.synthesis.people.render import render_person
from emotivetalk_core.types import EMOTIONS

TALKING = replace(HeadState.rest(), mouth=np.array([0.4, 0.2, 0, 0.5, 0], np.float32))


def milliseconds(person, size: int, frames: int = 4) -> float:
    render_person(person, TALKING, size)
    best = float("inf")
    for _ in range(5):
        began = time.process_time()
        for _ in range(frames):
            render_person(person, TALKING, size)
        best = min(best, (time.process_time() - began) / frames)
    return 1000 * best


def sheet(size: int = 256) -> np.ndarray:
    """Twelve people, then one with eight emotions, then one in four looks."""
    pictures = [render_person(replace(sample_person(seed), style="render"), HeadState.rest(), size) for seed in _PEOPLE]
    anna = replace(sample_person(27), style="render")
    for index, emotion in enumerate(EMOTIONS):
        mouth = TALKING.mouth * (index % 2)
        state = replace(HeadState.rest(), mouth=mouth, action_units=emotion_action_units(emotion))
        pictures.append(render_person(anna, state, size))
    happy = replace(TALKING, action_units=emotion_action_units("happy"))
    pictures += [render_person(replace(sample_person(31), style=look), happy, size) for look in LOOKS]
    rows = [np.concatenate(pictures[i : i + 6], 1) for i in range(0, len(pictures), 6)]
    return np.concatenate(rows)


_PEOPLE = (2, 30, 24, 20, 28, 25, 6, 33, 29, 22, 31, 34)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--sheet", type=Path, help="draw the sheet instead")
    arguments = parser.parse_args()
    if arguments.sheet:
        Image.fromarray(sheet(arguments.size)).save(arguments.sheet, quality=88)
    else:
        plain = replace(sample_person(27), style="render", glasses="none", beard="none")
        worn = Counter(sample_person(seed).hair_style for seed in range(1000))
        times = {style: milliseconds(replace(plain, hair_style=style), arguments.size) for style in HAIR_STYLES}
        for style, taken in times.items():
            print(f"{style:14} {taken:6.1f} ms")
        print(f"{'mean':14} {sum(times[style] * count for style, count in worn.items()) / worn.total():6.1f} ms")
