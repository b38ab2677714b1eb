"""From talking crops to what the motion encoder reads in them, picture by picture and for whole sequences."""

from collections.abc import Callable, Iterable
from itertools import islice

import torch

from ..errors import FaceError, InputError, NumericalError
from ..face.alignment import align_face
from ..face.finder import FaceDetector, photograph_faces, photographs_first
from ..types import MotionLatents
from .motion_encoder import MotionEncoder, MotionEncoderConfig

READ_AT_ONCE = 16
"""Faces that go through the encoder together, so that memory stays flat however long the sequence is."""


BYTES_PER_PIXEL = {"fan": 1776, "small": 336}
"""What a picture takes at its peak, for each of its pixels and by kind of trunk: measured in float32, where it is the
same from 1 to 16 pictures and from 128 to 224 pixels. The small trunk's is that of the demo's widths.
"""


def reading_memory(config: MotionEncoderConfig) -> int:
    """Bytes that `read_faces` needs beside the weights, however many faces there are."""
    return READ_AT_ONCE * config.input_size**2 * BYTES_PER_PIXEL[config.trunk]


def detector_for(config: MotionEncoderConfig, drawn: FaceDetector | None) -> FaceDetector | None:
    """What finds the faces that an encoder of this config shall read. drawn: a finder of drawn heads, if there is one.

    An encoder that wants its faces aligned knows photographs, and aligns them by their eyes and mouth, which MTCNN
    places better there, in a box that is given as well. One that does not knows drawn heads.
    """
    if not config.aligned:
        return drawn
    return photograph_faces if drawn is None else photographs_first(drawn)


def encoder_face(config: MotionEncoderConfig, crop: torch.Tensor, eyes_mouth: torch.Tensor | None) -> torch.Tensor:
    """The face [3, s, s] as an encoder of this config expects it: the talking crop [3, s, s] itself, or that crop
    brought to PD-FGC's place by its eyes and mouth [3, 2]. FaceError where those are needed and not known.
    """
    if not config.aligned:
        return crop
    if eyes_mouth is None:
        raise FaceError(
            "These weights need to know where the eyes and the mouth are, and only a face was found; "
            "give landmarks, or a portrait that shows the face from the front."
        )
    return align_face(crop, eyes_mouth, config.input_size)


@torch.no_grad()
def read_faces(
    encoder: MotionEncoder,
    faces: Iterable[torch.Tensor],
    *,
    count: int,
    device: torch.device | str,
    on_step: Callable[[int, int], None] | None = None,
) -> MotionLatents:
    """The latents of all `count` faces [3, s, s] as `encoder_face` gives them: each [count, d], on `device`, where the
    encoder computes.

    The faces are taken as they come, READ_AT_ONCE at a time. on_step(done, count) is told after each batch; what it
    raises ends the reading. Raises InputError without a face and NumericalError where the answer is not finite.
    """
    coming = iter(faces)
    pieces: list[MotionLatents] = []
    done = 0
    while batch := list(islice(coming, READ_AT_ONCE)):
        latents = encoder(torch.stack(batch).to(device))
        if not torch.isfinite(latents.expression).all():
            raise NumericalError(
                f"The motion encoder read no finite expression from picture {done + 1} or one of the next "
                f"{len(batch) - 1}; load its weights again, in float32."
            )
        pieces.append(latents)
        done += len(batch)
        if on_step is not None:
            on_step(done, count)
    if not pieces:
        raise InputError("There is no picture to read an expression from; at least one is needed.")
    return MotionLatents(
        lip=torch.cat([piece.lip for piece in pieces]),
        expression=torch.cat([piece.expression for piece in pieces]),
        pose=torch.cat([piece.pose for piece in pieces]),
        eye=torch.cat([piece.eye for piece in pieces]),
        identity=torch.cat([piece.identity for piece in pieces]),
    )
