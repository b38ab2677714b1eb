"""`prepare`: films of people become training data. Stopped at any moment, the same command goes on where it was."""

import argparse
from pathlib import Path

from . import values


def add_verb(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = verbs.add_parser(
        "prepare",
        help="make training data out of films",
        description="Make training data out of films of people: shots, faces followed, pieces of five to ten seconds, "
        "checked for size, sharpness, other faces, sound, and lips in step with it. The films are only read. Give "
        "the same command again, on other machines too, to share the work or to go on. docs/training.md says more.",
    )
    parser.add_argument(
        "films",
        type=Path,
        nargs="+",
        metavar="FOLDER",
        help="films; with HDTF's lists beside them, or MEAD's tree, too",
    )
    parser.add_argument(
        "-o", "--out", type=values.folder, required=True, metavar="DATA", help="the folder for the data"
    )
    parser.add_argument("--size", type=values.resolution, metavar="N", help="pixels of a picture's side (512)")
    parser.add_argument(
        "--people",
        choices=("folder", "film"),
        default="folder",
        help="a film shows the person whose folder it lies in (the default), or each film shows a person of its own",
    )
    parser.add_argument("--settings", type=Path, metavar="FILE", help="a JSON file with thresholds and other numbers")
    parser.add_argument("--licence", metavar="TEXT", help="the films' licence, as it goes into the weights' records")
    parser.add_argument("--consent", metavar="TEXT", help="what the people in them agreed to, likewise")
    parser.add_argument("--workers", type=values.workers, default=1, metavar="N", help="processes that work (1)")
    networks = parser.add_argument_group("networks", "weights that do not come along")
    networks.add_argument("--vae", type=Path, metavar="FILE", help="an autoencoder's weights: write its latents, too")
    networks.add_argument(
        "--latents",
        type=values.resolution,
        nargs="+",
        default=[],
        metavar="N",
        help="of pictures of which sizes, such as 512 1024 (of the size that is written)",
    )
    networks.add_argument(
        "--syncnet",
        type=Path,
        metavar="FILE",
        help="SyncNet's weights, as `convert` makes them: it says whether lips and sound go together (our own "
        "correlation of mouth and loudness)",
    )
    parser.set_defaults(verb="prepare.run")
