"""Makes a workflow's thumbnail: one frame of the video that it made.

python tests/tools/make_thumbnail.py quick_start ComfyUI/output/video/emotivetalk_00001_.mp4 1.5
"""

import sys
from pathlib import Path

import av
import cv2

WORKFLOWS = Path(__file__).resolve().parent.parent.parent / "workflows"
WIDTH, QUALITY = 400, 88


def main() -> None:
    name, video, second = sys.argv[1], sys.argv[2], float(sys.argv[3])
    with av.open(video) as container:
        frame = next(frame for frame in container.decode(video=0) if frame.time >= second)
    picture = frame.to_ndarray(format="bgr24")
    height = round(WIDTH * picture.shape[0] / picture.shape[1])
    picture = cv2.resize(picture, (WIDTH, height), interpolation=cv2.INTER_CUBIC)
    cv2.imwrite(str(WORKFLOWS / f"{name}.jpg"), picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])


if __name__ == "__main__":
    main()
