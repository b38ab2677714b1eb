"""`convert`: public weights become files of this project."""

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import SettingsError

if TYPE_CHECKING:
    from ..models.convert_svd import SVDConversion


def add_verb(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = verbs.add_parser(
        "convert",
        help="make public weights those of our networks",
        description="Make public weights those of our networks. Of Stable Video Diffusion comes a new-born ETHD: it "
        "computes what they compute, and its expression injector starts at zero. docs/weights.md says where to get "
        "them.",
    )
    parser.add_argument(
        "source", type=Path, metavar="SOURCE", help="a safetensors file, or a folder as the Hugging Face Hub has it"
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
        choices=tuple(KINDS),
        default="svd",
        help="what SOURCE is: Stable Video Diffusion (the default), a Wav2Vec2, a WavLM classifier of emotions, "
        "PD-FGC's motion network, or what `fetch` brought of DICE-Talk or Sonic",
    )
    parser.add_argument("--vae-out", type=Path, metavar="FILE", help="write Stable Video Diffusion's autoencoder too")
    parser.add_argument(
        "--half",
        action="store_true",
        help="dice-talk and sonic in half precision: half the size, as their authors run them",
    )
    parser.add_argument("--list", action="store_true", help="name every new and every unused key")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    if arguments.vae_out and arguments.kind != "svd":
        raise SettingsError(
            f"--vae-out is given with --kind {arguments.kind}, but only Stable Video Diffusion has an autoencoder; "
            "leave one of the two out."
        )
    if arguments.half and arguments.kind not in PHOTOGRAPHS:
        raise SettingsError(
            f"--half is given with --kind {arguments.kind}, but is for {' and '.join(PHOTOGRAPHS)}; leave it out, for "
            "the others keep the number format that they come in."
        )
    KINDS[arguments.kind](arguments)


def _svd(arguments: argparse.Namespace) -> None:
    from ..models.convert_svd import convert_svd

    targets = {"ethd": arguments.out, "vae": arguments.vae_out}
    for kind, conversion in convert_svd(arguments.source, arguments.out, arguments.vae_out).items():
        _report(kind, conversion, targets[kind], arguments.list)


def _speech_encoder(arguments: argparse.Namespace) -> None:
    from ..models.speech_encoder import convert_speech_encoder

    config = convert_speech_encoder(arguments.source, arguments.out)
    print(f"speech_encoder: {config.num_hidden_layers} layers, {config.hidden_size} wide: {arguments.out.resolve()}")


def _speech_emotion(arguments: argparse.Namespace) -> None:
    from ..models.speech_emotion import convert_speech_emotion, missing_note

    config = convert_speech_emotion(arguments.source, arguments.out)
    print(f"speech_emotion: {', '.join(config.labels)}: {arguments.out.resolve()}")
    if note := missing_note(config.labels):
        print(f"note: {note}")


def _pd_fgc(arguments: argparse.Namespace) -> None:
    from ..models.pd_fgc_keys import convert_pd_fgc

    conversion = convert_pd_fgc(arguments.source, arguments.out)
    print(f"motion_encoder: {arguments.out.resolve()}")
    _list("new", conversion.new, 1, arguments.list)
    _list("unused", conversion.unused, 2, arguments.list)


def _photograph(arguments: argparse.Namespace) -> None:
    from ..models.convert_photograph import LICENCE, PRESETS, convert_photograph

    written, missing = convert_photograph(arguments.kind, arguments.source, arguments.out, half=arguments.half)
    for file in written:
        parameters = f"{file.parameters:,} parameters, " if file.parameters is not None else ""
        note = f"  {file.note}" if file.note else ""
        print(f"{file.path.stem}: {parameters}{file.path.stat().st_size / 1e6:,.1f} MB{note}")
        if file.unused:
            _list("unused", file.unused, 2, arguments.list)
    print(f"licence: {LICENCE.format(name=PRESETS[arguments.kind].name)}")
    if missing:
        print(f"note: not found, so not in the folder yet: {', '.join(missing)}; `fetch {arguments.kind}` brings them.")
    print(f"weights: {arguments.out.resolve()}")


PHOTOGRAPHS = ("dice-talk", "sonic")
KINDS = {
    "svd": _svd,
    "wav2vec2": _speech_encoder,
    "wavlm-emotion": _speech_emotion,
    "pd-fgc": _pd_fgc,
    "dice-talk": _photograph,
    "sonic": _photograph,
}


def _report(kind: str, conversion: "SVDConversion", target: Path, everything: bool) -> None:
    print(
        f"{kind}: {conversion.parameters:,} parameters, {conversion.size / 1e6:,.1f} MB, "
        f"from the {conversion.layout}: {target.resolve()}"
    )
    print(f"  inherited: {len(conversion.inherited)} tensors")
    _list("new", conversion.new, 1, everything)
    _list("unused", conversion.unused, 2, everything)


def _list(what: str, names: Sequence[str], depth: int, everything: bool) -> None:
    """How many names begin alike, every injector counted as one part; and then all of them, if asked for."""
    groups = Counter("edi" if ".edi." in name else ".".join(name.split(".")[:depth]) for name in names)
    parts = ", ".join(f"{group} {count}" for group, count in groups.items())
    print(f"  {what}: {len(names)} tensors" + (f" ({parts})" if names else ""))
    if everything:
        for name in names:
            print(f"    {name}")
