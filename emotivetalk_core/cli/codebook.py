"""`codebook`: eight emotions of your own, built from pictures, looked at, edited and merged."""

import argparse
from pathlib import Path

from . import values


def add_verb(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    what = "build, view, edit and merge the emotions that --emotion can name"
    parser = verbs.add_parser("codebook", help=what, description=what.capitalize() + ".")
    actions = parser.add_subparsers(title="actions", required=True, metavar="ACTION")

    build = _action(actions, "build", "make a codebook from a folder of labelled faces")
    build.add_argument(
        "folder",
        type=Path,
        metavar="FOLDER",
        help="pictures in a subfolder for each emotion, or named after it: happy/1.png, happy_1.png; or data that "
        "`prepare` made from films whose emotions are known",
    )
    build.add_argument(
        "--levels",
        nargs="+",
        default=(),
        metavar="LEVEL",
        help="from such data, use only emotions of these levels, such as level_3 (all)",
    )
    _out(build, "the codebook to write")
    build.add_argument("--base", type=Path, metavar="FILE", help="a codebook to take emotions without pictures from")
    _weights(build)

    show = _action(actions, "show", "print the emotions, and how far apart they are")
    _source(show, optional=True)

    sheet = _action(actions, "sheet", "draw a face with each emotion, the mouth at rest")
    _source(sheet, optional=True)
    _out(sheet, "the picture to write, such as sheet.png")
    sheet.add_argument("--portrait", type=Path, metavar="FILE", help="whose face to draw (the bundled portrait)")
    sheet.add_argument(
        "--intensity", type=values.intensity, default=1.0, metavar="N", help="of the emotions: 0 to 2 (1)"
    )
    sheet.add_argument(
        "--seed", type=values.seed, default=0, metavar="N", help="the same number gives the same sheet (0)"
    )
    sheet.add_argument(
        "--chart", action="store_true", help="draw a chart of distances and channels instead, without a portrait"
    )
    _weights(sheet)

    edit = _action(
        actions,
        "edit",
        "change individual emotions; changes are made in this order: from, set, rename, drop",
        usage="python -m emotivetalk_core codebook edit FILE -o FILE [--from NAME=PICTURE] [--set NAME=NUMBER] [...]",
    )
    _source(edit)
    _out(edit, "the codebook to write; may be FILE itself")
    edit.add_argument(
        "--from",
        dest="pictures",
        nargs="+",
        action="extend",
        default=[],
        metavar="NAME=PICTURE",
        help="replace an emotion, or add one, from the face in a picture: angry=face.png",
    )
    edit.add_argument(
        "--set",
        dest="strengths",
        nargs="+",
        action="extend",
        default=[],
        metavar="NAME=NUMBER",
        help="make an emotion stronger or weaker, relative to neutral: angry=1.3",
    )
    edit.add_argument(
        "--rename", nargs="+", action="extend", default=[], metavar="OLD=NEW", help="give an emotion another name"
    )
    edit.add_argument("--drop", nargs="+", action="extend", default=[], metavar="NAME", help="remove an emotion")
    _weights(edit)

    merge = _action(actions, "merge", "mix codebooks of the same model, as a weighted mean")
    merge.add_argument("files", type=Path, nargs="+", metavar="FILE", help="two codebooks or more")
    _out(merge, "the codebook to write")
    merge.add_argument(
        "--shares",
        "--weights",  # as it was called first; elsewhere that is a folder
        type=float,
        nargs="+",
        metavar="NUMBER",
        help="how much of each; only the proportions count (1 for each)",
    )


def _action(
    actions: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    what: str,
    usage: str | None = None,
) -> argparse.ArgumentParser:
    parser = actions.add_parser(name, usage=usage, help=what, description=what[0].upper() + what[1:] + ".")
    parser.set_defaults(verb=f"codebook.{name}")
    return parser


def _source(parser: argparse.ArgumentParser, optional: bool = False) -> None:
    what = "a codebook, or a weights folder that has one"
    if optional:
        what += " (the bundled one)"
    parser.add_argument("file", type=Path, nargs="?" if optional else None, metavar="FILE", help=what)


def _out(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="FILE", help=what)


def _weights(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--weights", type=Path, metavar="DIR", help="the weights that read and draw faces (the bundled ones)"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps (auto)")
    parser.add_argument("--quiet", action="store_true", help="no progress bars")
