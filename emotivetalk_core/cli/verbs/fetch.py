"""`fetch`: brings public weights, or lists them."""

import argparse
from pathlib import Path

from ...downloads.hub import fetch
from ...downloads.public_files import PUBLIC_MODELS, public_model
from ...errors import SettingsError


def run(arguments: argparse.Namespace) -> None:
    if arguments.name is None:
        for model in PUBLIC_MODELS:
            size = model.known_size / 1e6
            print(f"{model.name:<16}{f'{size:,.0f} MB' if size else '':>10}  {model.repository}")
            print(f"{'':<28}revision {model.revision or 'not pinned: give --revision'}")
            print(f"{'':<28}licence: {model.licence}")
            print(f"{'':<28}{model.use}")
            for _, companion in model.companions:
                print(f"{'':<28}with {companion.repository}: {companion.use}; licence: {companion.licence}")
        return
    model = public_model(arguments.name)
    if model is None:
        names = ", ".join(model.name for model in PUBLIC_MODELS)
        raise SettingsError(f'The weights are given as "{arguments.name}"; one of {names} is expected.')
    folder = arguments.folder or Path(model.name)
    for part in (model, *(companion for _, companion in model.companions)):
        print(f"{part.repository}, licence: {part.licence}")

    def report(path: str, what: str) -> None:
        print(f"  {path}: {what}", flush=True)

    print(f"{len(fetch(model, folder, revision=arguments.revision, on_file=report))} files: {folder.resolve()}")
