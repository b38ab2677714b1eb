"""`convert`: makes public weights those of our networks, and says what became of their keys."""

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from ...conversion.metric_networks import METRIC_NETWORKS, convert_metric_network
from ...conversion.pd_fgc_keys import convert_pd_fgc
from ...conversion.photograph import LICENCE, PRESETS, convert_photograph
from ...conversion.svd import SVDConversion, convert_svd
from ...errors import SettingsError
from ...models.speech_emotion import convert_speech_emotion, missing_note
from ...models.speech_encoder import convert_speech_encoder
from ..convert import METRICS, PHOTOGRAPHS


def run(arguments: argparse.Namespace) -> None:
    if arguments.vae_out and arguments.kind != "svd":
        raise SettingsError(
            f"--vae-out is given with --kind {arguments.kind}, but only Stable Video Diffusion has an autoencoder; "
            "leave one of the two out."
        )
    if arguments.half and arguments.kind not in PHOTOGRAPHS:
        raise SettingsError(
            f"--half is given with --kind {arguments.kind}, but is only for {' and '.join(PHOTOGRAPHS)}; leave it out: "
            "other weights keep the number format that they come in."
        )
    _CONVERTERS[arguments.kind](arguments)


def _svd(arguments: argparse.Namespace) -> None:
    targets = {"ethd": arguments.out, "vae": arguments.vae_out}
    for kind, conversion in convert_svd(arguments.source, arguments.out, arguments.vae_out).items():
        _report(kind, conversion, targets[kind], arguments.list)


def _speech_encoder(arguments: argparse.Namespace) -> None:
    config = convert_speech_encoder(arguments.source, arguments.out)
    print(f"speech_encoder: {config.num_hidden_layers} layers, {config.hidden_size} wide: {arguments.out.resolve()}")


def _speech_emotion(arguments: argparse.Namespace) -> None:
    config = convert_speech_emotion(arguments.source, arguments.out)
    print(f"speech_emotion: {', '.join(config.labels)}: {arguments.out.resolve()}")
    if note := missing_note(config.labels):
        print(f"note: {note}")


def _pd_fgc(arguments: argparse.Namespace) -> None:
    conversion = convert_pd_fgc(arguments.source, arguments.out)
    print(f"motion_encoder: {arguments.out.resolve()}")
    _list("new", conversion.new, 1, arguments.list)
    _list("unused", conversion.unused, 2, arguments.list)


def _photograph(arguments: argparse.Namespace) -> None:
    written, missing = convert_photograph(arguments.kind, arguments.source, arguments.out, half=arguments.half)
    for file in written:
        parameters = f"{file.parameters:,} parameters, " if file.parameters is not None else ""
        note = f"  {file.note}" if file.note else ""
        print(f"{file.path.stem}: {parameters}{file.path.stat().st_size / 1e6:,.1f} MB{note}")
        if file.unused:
            _list("unused", file.unused, 2, arguments.list)
    print(f"licence: {LICENCE.format(name=PRESETS[arguments.kind].name)}")
    if missing:
        print(
            f"note: not found, so not in the folder yet: {', '.join(missing)}; get them with `fetch {arguments.kind}`."
        )
    print(f"weights: {arguments.out.resolve()}")


def _metric_network(arguments: argparse.Namespace) -> None:
    parameters = convert_metric_network(arguments.kind, arguments.source, arguments.out)
    known = METRIC_NETWORKS[arguments.kind]
    print(f"{arguments.kind}: {parameters:,} parameters, {known.origin}: {arguments.out.resolve()}")
    print(f"licence: {known.licence}")


_CONVERTERS = {
    "svd": _svd,
    "wav2vec2": _speech_encoder,
    "wavlm-emotion": _speech_emotion,
    "pd-fgc": _pd_fgc,
    "dice-talk": _photograph,
    "sonic": _photograph,
    **dict.fromkeys(METRICS, _metric_network),
}


def _report(kind: str, conversion: SVDConversion, target: Path, everything: bool) -> None:
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
