"""`talk`'s options for emotion and movement."""

import argparse
from dataclasses import fields
from pathlib import Path

from ..film.request import RETIME, SWAY, Direction
from . import values


def add_direction_options(parser: argparse.ArgumentParser) -> None:
    emotion = parser.add_argument_group("the emotion")
    emotion.add_argument(
        "--emotion",
        metavar="SOURCE",
        help='happy, angry, sad, surprised, fear, disgusted, worried or neutral; or "text: slightly worried", '
        '"image: FILE", "speech", "speech: FILE", "portrait", or a blend such as "0.7 happy + 0.3 surprised" (the '
        "portrait's own)",
    )
    emotion.add_argument(
        "--intensity", type=values.intensity, default=1.0, metavar="N", help="how strong it is: 0 to 2 (1)"
    )
    emotion.add_argument(
        "--emotion-guidance",
        type=values.guidance,
        metavar="N",
        help="how closely it is followed: 0 to 10 (*)",
    )
    emotion.add_argument(
        "--timeline",
        metavar="FILE|TEXT",
        help="emotions over time, one per line or separated by semicolons, such as "
        '"0 neutral; 2.5 happy 0.7 over 0.4; 80%% sad"; or a sentence: "starts calm, then gets angry"',
    )
    emotion.add_argument(
        "--transcript",
        metavar="FILE|TEXT",
        help="what is said, as text, SRT, VTT or JSON, so that the timeline can name spoken words",
    )
    emotion.add_argument("--codebook", type=Path, metavar="FILE", help="a codebook to use (the weights' own)")
    emotion.add_argument("--plot", type=Path, metavar="FILE", help="first plot the emotions over the speech, as a .png")
    emotion.add_argument("--plot-only", action="store_true", help="stop after the plot")

    played = parser.add_argument_group("the expression of a video or a take, instead of an emotion")
    played.add_argument("--driving-video", type=Path, metavar="FILE", help="a video whose expressions drive the face")
    played.add_argument("--take", type=Path, metavar="FILE", help="a saved take")
    played.add_argument("--retime", choices=RETIME, help=f"how either is fitted to the speech ({RETIME[0]})")
    played.add_argument(
        "--save-take", type=Path, metavar="FILE", help="save this film's expression as a take, a .safetensors file"
    )

    movement = parser.add_argument_group("mouth and head")
    movement.add_argument(
        "--lip-strength", type=values.lip_strength, default=1.0, metavar="N", help="how far the mouth moves: 0 to 2 (1)"
    )
    movement.add_argument("--motion", type=values.motion, metavar="N", help="how much the head sways: 0 to 255 (*)")
    movement.add_argument(
        "--head-pose",
        metavar=f"{SWAY}|FILE|TEXT",
        help=f'how the head moves: "{SWAY}", keyframes such as "0 yaw=0; 1.5 yaw=12", or a video whose head to follow',
    )


def direction_of(arguments: argparse.Namespace) -> Direction:
    """Each option is called as its field is."""
    return Direction(**{each.name: getattr(arguments, each.name) for each in fields(Direction)})
