"""`prepare`: films of people become training data. Stopped at any moment, the same command goes on where it was."""

import argparse
from pathlib import Path

from . import values


def add_verb(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = verbs.add_parser(
        "prepare",
        help="make training data out of films",
        description="Make training data out of films of people: find shots, follow faces, cut pieces of five to ten "
        "seconds, and check them for size, sharpness, other faces, sound, and lips in sync with it. The films are only "
        "read. Give the same command again to continue, or on other machines to share the work. docs/training.md says "
        "more.",
    )
    parser.add_argument(
        "films",
        type=Path,
        nargs="+",
        metavar="FOLDER",
        help="folders of films; HDTF's lists beside them, or MEAD's folder tree, are understood",
    )
    parser.add_argument(
        "-o", "--out", type=values.folder, required=True, metavar="DATA", help="the folder to write the data to"
    )
    parser.add_argument("--size", type=values.resolution, metavar="N", help="side of the pictures in pixels (512)")
    parser.add_argument(
        "--people",
        choices=("folder", "film"),
        default="folder",
        help="whether all films in a folder show the same person, or each film another one (folder)",
    )
    parser.add_argument("--settings", type=Path, metavar="FILE", help="a JSON file with thresholds and other numbers")
    parser.add_argument("--licence", metavar="TEXT", help="the films' licence, to be noted in the weights' records")
    parser.add_argument("--consent", metavar="TEXT", help="what the people in them agreed to, noted there too")
    parser.add_argument("--workers", type=values.workers, default=1, metavar="N", help="how many processes to use (1)")
    networks = parser.add_argument_group("networks", "weights that are not included")
    networks.add_argument("--vae", type=Path, metavar="FILE", help="an autoencoder's weights: also write its latents")
    networks.add_argument(
        "--latents",
        type=values.resolution,
        nargs="+",
        default=[],
        metavar="N",
        help="the picture sizes to write latents for, such as 512 1024 (the size of the pictures)",
    )
    networks.add_argument(
        "--syncnet",
        type=Path,
        metavar="FILE",
        help="SyncNet's weights, as `convert` writes them: it then judges whether lips and sound match (our own "
        "correlation of mouth and loudness)",
    )
    parser.set_defaults(verb="prepare.run")
