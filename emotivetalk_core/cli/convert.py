"""`convert`: public weights become files of this project."""

import argparse
from pathlib import Path

PHOTOGRAPHS = ("dice-talk", "sonic")
METRICS = ("inception", "i3d", "syncnet")
KINDS = ("svd", "wav2vec2", "wavlm-emotion", "pd-fgc", *PHOTOGRAPHS, *METRICS)


def add_verb(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = verbs.add_parser(
        "convert",
        help="convert public weights for these networks",
        description="Convert public weights for these networks. Stable Video Diffusion becomes an untrained ETHD, "
        "which computes what Stable Video Diffusion does until it is trained. docs/weights.md says where to get them.",
    )
    parser.add_argument(
        "source", type=Path, metavar="SOURCE", help="a safetensors file, or a folder from the Hugging Face Hub"
    )
    parser.add_argument(
        "-o",
        "--out",
        type=Path,
        required=True,
        metavar="FILE",
        help="the weights to write; for dice-talk and sonic a folder",
    )
    parser.add_argument(
        "--kind",
        choices=KINDS,
        default="svd",
        metavar="KIND",
        help="what SOURCE is: svd, Stable Video Diffusion (the default); wav2vec2; wavlm-emotion, a WavLM classifier "
        "of emotions; pd-fgc, PD-FGC's motion network; dice-talk or sonic, as `fetch` downloads them; or a network for "
        "`evaluate --suite films`: inception (for FID), i3d (for FVD) or syncnet",
    )
    parser.add_argument("--vae-out", type=Path, metavar="FILE", help="also write Stable Video Diffusion's autoencoder")
    parser.add_argument(
        "--half",
        action="store_true",
        help="dice-talk and sonic in half precision: half the size, as their authors run them",
    )
    parser.add_argument("--list", action="store_true", help="list every new and every unused key")
    parser.set_defaults(verb="convert.run")
