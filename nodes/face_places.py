"""Where faces are, as the host and other packs say it: FACE_LANDMARKS and BOUNDING_BOX as the core's places."""

import contextlib
from collections.abc import Iterator, Sequence
from numbers import Real
from typing import Any

import torch
from comfy_api.latest import io

from ..emotivetalk_core.errors import FaceError
from ..emotivetalk_core.face.finder import Box, box_area
from ..emotivetalk_core.face.regions import GIVE_A_BOX
from ..emotivetalk_core.face.sequence import FacePlace

LandmarksSocket = io.Custom("FACE_LANDMARKS")
"""{"frames": [[face, …], …], "image_size": (h, w)}, each face with "landmarks_xy" [478, 2]; or bare points [k, 2]"""

BOX_TYPES: list[Any] = [io.BoundingBox, io.Custom("BOUNDING_BOXES")]
"""A box {x, y, width, height}, a list of them, or such a list for each picture"""


def face_places(landmarks: Any, boxes: Any, picture: torch.Tensor) -> tuple[list[FacePlace], str]:
    """A place for each picture that something is said of, for an IMAGE [b, h, w, c]; and a note where of several faces
    the largest was taken. None of both: an empty list. Raises FaceError where what was connected holds no face.
    """
    height, width = picture.shape[1:3]
    points = _landmarks_by_picture(landmarks, width, height) if landmarks is not None else []
    found = _boxes_by_picture(boxes) if boxes is not None else []
    if landmarks is not None and not any(points):
        raise FaceError(
            "The face landmarks hold no face: lower the detector's min_confidence, or connect a face box or a face "
            "mask instead."
        )
    if boxes is not None and not any(found):
        raise FaceError("The face box holds no face: connect one around the face, or leave it out.")
    places = []
    for index in range(max(len(points), len(found))):
        box = max(_of_picture(found, index), key=box_area, default=None)
        places.append(FacePlace(box, _fitting(_of_picture(points, index), box)))
    crowd = max((len(faces) for faces in (*points, *found)), default=0)
    note = f"{crowd} faces were given and the largest is used; connect one face's box to choose." if crowd > 1 else ""
    return places, note


@contextlib.contextmanager
def node_words(*places: str) -> Iterator[None]:
    """Within it the core's way out where no face is found is this node's: to connect one of these inputs."""
    try:
        yield
    except FaceError as error:
        way_out = f"connect {' or '.join(places)}, so that the node knows where the face is"
        raise FaceError(str(error).replace(GIVE_A_BOX, way_out)) from error


def _of_picture(by_picture: Sequence[list[Any]], index: int) -> list[Any]:
    """What is said of one picture; a single entry holds for all."""
    if len(by_picture) == 1:
        return by_picture[0]
    return by_picture[index] if index < len(by_picture) else []


def _fitting(faces: list[torch.Tensor], box: Box | None) -> torch.Tensor | None:
    """The points of the face in the box; without a box, of the largest face."""
    if box is None:
        return max(faces, key=lambda points: float((points.amax(0) - points.amin(0)).prod()), default=None)
    centre = torch.tensor([(box[0] + box[2]) / 2, (box[1] + box[3]) / 2])
    return min(faces, key=lambda points: float((points.mean(0) - centre).norm()), default=None)


def _landmarks_by_picture(value: Any, width: int, height: int) -> list[list[torch.Tensor]]:
    if not isinstance(value, dict):
        return [[_points(value)]]
    size = value.get("image_size")
    if size is not None and tuple(size) != (height, width):
        raise FaceError(
            f"The face landmarks were found in a picture of {size[1]}x{size[0]} pixels, but this one has "
            f"{width}x{height}: find them in this same picture."
        )
    if "frames" not in value:
        raise FaceError("The face landmarks name no frames: connect those of Detect Face Landmarks, or a face box.")
    return [[_points(face["landmarks_xy"]) for face in faces] for faces in value["frames"]]


def _points(value: Any) -> torch.Tensor:
    """[k, 2] float32."""
    try:
        points = torch.as_tensor(value).float().cpu()
    except (TypeError, ValueError, RuntimeError) as error:
        raise FaceError("The face landmarks are not a list of x and y: connect others, or a face box.") from error
    if points.dim() != 2 or points.shape[1] < 2:
        raise FaceError(
            f"The face landmarks have the shape {list(points.shape)}: points of x and y were expected, or a face box."
        )
    return points[:, :2]


def _boxes_by_picture(value: Any) -> list[list[Box]]:
    """One box, boxes of one picture, or boxes for each picture."""
    if isinstance(value, dict) or _is_four_numbers(value):
        return [[_box(value)]]
    if not isinstance(value, list | tuple):
        raise _no_box(value)
    if all(isinstance(entry, dict) or _is_four_numbers(entry) for entry in value):
        return [[_box(entry) for entry in value]]
    if not all(isinstance(entry, list | tuple) for entry in value):
        raise _no_box(value)
    return [[_box(box) for box in entry] for entry in value]


def _is_four_numbers(value: Any) -> bool:
    return isinstance(value, list | tuple) and len(value) == 4 and all(isinstance(number, Real) for number in value)


def _box(value: Any) -> Box:
    """{x, y, width, height}, or left, top, right, bottom."""
    if _is_four_numbers(value):
        return (float(value[0]), float(value[1]), float(value[2]), float(value[3]))
    if not isinstance(value, dict) or any(name not in value for name in ("x", "y", "width", "height")):
        raise _no_box(value)
    left, top = float(value["x"]), float(value["y"])
    return (left, top, left + float(value["width"]), top + float(value["height"]))


def _no_box(value: Any) -> FaceError:
    return FaceError(
        f"The face box {str(value)[:60]} is not understood: x, y, width and height in pixels are expected, as from "
        "Bounding Box or Detect Face Landmarks."
    )
