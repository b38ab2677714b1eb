"""What `talk` can be told with the weights of DICE-Talk or Sonic alone."""

import argparse

from . import values


def add_photograph_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("only with the weights of DICE-Talk or Sonic (docs/weights.md)")
    group.add_argument(
        "--emotion-strength",
        type=values.lip_strength,
        metavar="N",
        help="how far the emotion moves the face: 0 to 2 (1)",
    )
    group.add_argument(
        "--lip-guidance", type=values.guidance, metavar="N", help="how closely the speech is followed: 0 to 10 (*)"
    )
    group.add_argument(
        "--picture-guidance",
        type=values.guidance,
        metavar="N",
        help="how closely the portrait is followed: 0 to 10 (*)",
    )
    group.add_argument(
        "--no-interpolation",
        action="store_false",
        dest="interpolate",
        help="show each of the 12.5 frames sampled per second twice, instead of interpolating between them",
    )
