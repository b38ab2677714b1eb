"""`talk`'s options for emotion and movement."""

import argparse
from dataclasses import fields
from pathlib import Path

from ..film.request import RETIME, SWAY, Direction
from . import values


def add_direction_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--emotion",
        metavar="SOURCE",
        help='happy, angry, sad, surprised, fear, disgusted, worried or neutral; or "text: slightly worried", '
        '"image: FILE", "speech", "speech: FILE", "portrait", or a blend such as "0.7 happy + 0.3 surprised"; without '
        "it the portrait's own",
    )
    parser.add_argument("--intensity", type=values.intensity, default=1.0, help="of the emotion: 0 to 2 (1)")
    parser.add_argument(
        "--timeline",
        metavar="FILE|TEXT",
        help='emotions over time, a line each or between semicolons: "0 neutral; 2.5 happy 0.7 over 0.4; 80%% sad", '
        'or a sentence: "starts calm, then gets angry"',
    )
    parser.add_argument(
        "--transcript",
        metavar="FILE|TEXT",
        help="what is said, as text, SRT, VTT or JSON, for a timeline's spoken words",
    )
    parser.add_argument(
        "--emotion-guidance", type=values.guidance, help="how closely the emotion is followed: 0 to 10 (*)"
    )
    parser.add_argument("--driving-video", type=Path, metavar="FILE", help="a video whose expressions drive the face")
    parser.add_argument("--retime", choices=RETIME, help=f"how video or take fits the speech ({RETIME[0]})")
    parser.add_argument("--take", type=Path, metavar="FILE", help="a kept take, in the place of a new one")
    parser.add_argument("--save-take", type=Path, metavar="FILE", help="keep the expression as a .safetensors file")
    parser.add_argument("--motion", type=values.motion, help="how much the head sways: 0 to 255 (*)")
    parser.add_argument(
        "--head-pose",
        metavar=f"{SWAY}|FILE|TEXT",
        help=f'where the head stands: "{SWAY}", keyframes such as "0 yaw=0; 1.5 yaw=12", or a video whose head leads',
    )
    parser.add_argument("--codebook", type=Path, metavar="FILE", help="another codebook than the weights' own")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the course over the speech first, as a .png")
    parser.add_argument("--plot-only", action="store_true", help="stop after the plot")


def direction_of(arguments: argparse.Namespace) -> Direction:
    """Each option is called as its field is."""
    return Direction(**{each.name: getattr(arguments, each.name) for each in fields(Direction)})
