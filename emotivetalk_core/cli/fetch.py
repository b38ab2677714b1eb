"""`fetch`: public weights from the Hugging Face Hub, on request."""

import argparse
from pathlib import Path


def add_verb(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = verbs.add_parser(
        "fetch",
        help="download public weights from the Hugging Face Hub",
        description="Download public weights from the Hugging Face Hub, or list them. Nothing else in this program "
        "downloads anything. docs/weights.md says what they are for.",
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="which weights to download; without it, list them")
    parser.add_argument("--folder", type=Path, metavar="DIR", help="where to put them (./NAME)")
    parser.add_argument("--revision", metavar="COMMIT", help="a revision other than the pinned one")
    parser.set_defaults(verb="fetch.run")
