"""What `talk` can be told with the weights of DICE-Talk or Sonic alone."""

import argparse
from typing import TYPE_CHECKING

from ..errors import SettingsError
from . import values

if TYPE_CHECKING:
    from .talk import TalkJob


def add_photograph_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("with the weights of DICE-Talk or Sonic (docs/weights.md)")
    group.add_argument(
        "--emotion-strength", type=values.lip_strength, help="how far the emotion moves the face: 0 to 2 (1)"
    )
    group.add_argument("--lip-guidance", type=values.guidance, help="how closely the speech is followed: 0 to 10 (*)")
    group.add_argument(
        "--picture-guidance", type=values.guidance, help="how closely the portrait is followed: 0 to 10 (*)"
    )
    group.add_argument(
        "--no-interpolation",
        action="store_true",
        help="show each of the 12.5 frames that are sampled a second twice, and make none between them",
    )


def refuse_photograph_options(job: "TalkJob") -> None:
    """SettingsError where one of them is given with our own weights."""
    for option, given in {
        "--emotion-strength": job.emotion_strength,
        "--lip-guidance": job.lip_guidance,
        "--picture-guidance": job.picture_guidance,
        "--no-interpolation": job.no_interpolation or None,
    }.items():
        if given is not None:
            raise SettingsError(
                f"{option} belongs to the weights of DICE-Talk and Sonic; give their folder with --weights, or leave "
                "it out."
            )
