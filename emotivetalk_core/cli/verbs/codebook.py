"""`codebook`: builds, shows, draws, edits and merges emotions of one's own."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from ...device import pick_device
from ...direction.codebook_build import (
    LabelledPicture,
    build_codebook,
    face_expression,
    labelled_pictures,
    read_labelled,
)
from ...direction.codebook_sheet import contact_sheet, draw_codebook
from ...errors import FaceError, InputError, OutputError, SettingsError
from ...face.portrait import read_portrait
from ...face.regions import face_regions
from ...face.sequence import FacePlace
from ...film.faults import OWN_CODEBOOK, SHOW_A_FACE, face_fault, loaded, with_way_out
from ...film.files import PICTURE_SUFFIXES, check_place, same_file, write_picture
from ...film.film import load_models
from ...models.codebook import NEUTRAL, EmotionCodebook
from ...models.codebook import merge as weighted_mean
from ...models.face_finder import FaceFinder, FaceFinderConfig
from ...models.face_reading import detector_for
from ...models.model_set import ModelSet, read_sampling_defaults
from ...models.motion_encoder import MotionEncoder, MotionEncoderConfig
from ...pipeline import default_settings, portrait_conditions, read_face, render
from ...training.job import OF_THE_DATA, provenance_of
from ...training.labelled import labelled_frames
from ...training.source import INDEX, Source
from ...types import FaceRegions, Portrait
from ...weight_files.bundled import BUNDLED_WEIGHTS
from ...weight_files.checkpoint import load_network
from .. import values
from ..demo import ASSETS
from ..progress import StageBars

FILE_NAME = "emotion_codebook.safetensors"
SHEET_FRAMES = 9
"""Of the short film from which each face of the sheet is taken: its middle has neighbours on both sides."""


def build(arguments: argparse.Namespace) -> None:
    check_place(arguments.out, ".safetensors")
    pictures, notes = _labelled(arguments.folder, arguments.levels)
    base = _load(arguments.base) if arguments.base else None
    express = _reader(arguments)
    with StageBars(hidden=arguments.quiet) as bars:
        faces = read_labelled(pictures, express, lambda done, total: bars("reading faces", done, total))
    for note in (*notes, *faces.notes):
        print(f"note: {with_way_out(note, SHOW_A_FACE)}")
    built = build_codebook(faces, base)
    record: dict[str, Any] = {"built from": built.describe()}
    licence = ""
    if any(arguments.folder.glob(INDEX)):
        record["data"] = provenance_of([arguments.folder])
        licence = OF_THE_DATA if record["data"]["stated"] else ""
    built.codebook.save(arguments.out, record, licence=licence)
    print(built.describe())
    print(f"{len(built.codebook.names)} emotions: {arguments.out.resolve()}")


def _labelled(folder: Path, levels: Sequence[str]) -> tuple[list[LabelledPicture], list[str]]:
    if any(folder.glob(INDEX)):
        return labelled_frames(Source.open(folder), levels), []
    if levels:
        raise SettingsError(f"--levels is for prepared films, and {folder} holds none; leave it out.")
    return labelled_pictures(folder)


def show(arguments: argparse.Namespace) -> None:
    codebook = _load(arguments.file)
    names, distances = codebook.names, codebook.distances()
    width = max(map(len, names))
    print(f"{len(names)} emotions, {codebook.latents.shape[1]} channels: {_found(arguments.file).resolve()}")
    print("distances, in standard deviations of the channels:")
    print(" " * (width + 2) + "".join(f"{name[:9]:>10}" for name in names))
    for name, row in zip(names, distances.tolist()):
        print(f"  {name:<{width}}" + "".join(f"{value:>10.2f}" for value in row))


def sheet(arguments: argparse.Namespace) -> None:
    check_place(arguments.out, *PICTURE_SUFFIXES)
    path = arguments.portrait or ASSETS / "portrait.png"
    if same_file(arguments.out, path):
        raise OutputError(
            f"{arguments.out}: the sheet would overwrite the portrait that it is drawn from; choose another name with "
            "--out."
        )
    codebook = _load(arguments.file)
    if arguments.chart:
        picture = draw_codebook(codebook)
    else:
        portrait = read_portrait(path)
        models = load_models(arguments.weights, arguments.device)
        if not isinstance(models, ModelSet):
            raise SettingsError(
                f"{arguments.weights}: these are weights of DICE-Talk or Sonic, but only EmotiveTalk's own can draw a "
                "sheet; give a folder of those with --weights, or use --chart."
            )
        regions = _face_in(path, portrait, models)
        with StageBars(hidden=arguments.quiet) as bars:
            pictures = rendered_emotions(
                models,
                codebook,
                regions,
                intensity=arguments.intensity,
                seed=arguments.seed,
                on_step=lambda done, total: bars("emotions", done, total),
            )
        picture = contact_sheet(pictures, codebook.names)
    write_picture(picture, arguments.out)
    print(f"{len(codebook.names)} emotions, {picture.shape[2]}x{picture.shape[1]}: {arguments.out.resolve()}")


def rendered_emotions(
    models: ModelSet,
    codebook: EmotionCodebook,
    regions: FaceRegions,
    *,
    intensity: float = 1.0,
    seed: int = 0,
    on_step: Callable[[int, int], None] | None = None,
) -> torch.Tensor:
    """A portrait with each emotion of a codebook [names, 3, s, s] RGB 0…1, its mouth at rest: the latent itself leads
    the backbone, without Di-CTE, for a film so short that it is one window, of which the middle is kept.

    InputError where the codebook belongs to other weights.
    """

    wanted = models.ethd.config.expression_dim
    if codebook.latents.shape[1] != wanted:
        raise InputError(
            f"The codebook's latents are {codebook.latents.shape[1]} wide, but these weights draw those that are "
            f"{wanted}; give the weights that it was built with (--weights)."
        )
    own = default_settings(models, regions.crop.shape[-1])
    frames = min(SHEET_FRAMES, own.video.window)
    settings = replace(own, video=replace(own.video, window=frames, overlap=0, seed=seed))
    pictures = []
    with torch.no_grad():
        face = read_face(models, regions)
        lip = face.lip.new_zeros(
            frames, face.lip.shape[1]
        )  # z-normalised: 0 is the mean mouth, as with no lip strength
        neutral = codebook.lookup(NEUTRAL).to(face.expression).expand(frames, -1)
        conditions = portrait_conditions(models, regions, face, lip, neutral, settings)
        for done, name in enumerate(codebook.names, 1):
            expression = codebook.lookup(name, intensity).to(face.expression).expand(frames, -1)
            film = torch.cat(list(render(models, replace(conditions, driving_expression=expression), settings)))
            pictures.append(film[frames // 2].float().cpu())
            if on_step is not None:
                on_step(done, len(codebook.names))
    return torch.stack(pictures)


def edit(arguments: argparse.Namespace) -> None:
    check_place(arguments.out, ".safetensors")
    pictures = [_pair(text, "--from", "angry=face.png") for text in arguments.pictures]
    strengths = [_pair(text, "--set", "angry=1.3") for text in arguments.strengths]
    names = [_pair(text, "--rename", "worried=uneasy") for text in arguments.rename]
    if not (pictures or strengths or names or arguments.drop):
        raise SettingsError("No change was asked for; give --from, --set, --rename or --drop.")
    codebook = _load(arguments.file)
    if pictures:
        codebook = _with_pictures(codebook, pictures, _reader(arguments))
    for name, number in strengths:
        codebook = codebook.strengthened(name, values.number_between(number, 0.0, 10.0, f"The strength of {name}"))
    for name, new in names:
        codebook = codebook.renamed(name, new)
    for name in arguments.drop:
        codebook = codebook.without(name)
    codebook.save(arguments.out, {"edited": "by hand"}, licence="")
    print(f"{', '.join(codebook.names)}: {arguments.out.resolve()}")


def merge(arguments: argparse.Namespace) -> None:
    check_place(arguments.out, ".safetensors")
    if len(arguments.files) < 2:
        raise SettingsError("Only one codebook was given to merge; give two or more.")
    shares: Sequence[float] = arguments.shares or [1.0] * len(arguments.files)
    merged = weighted_mean([_load(file) for file in arguments.files], shares)
    parts = [f"{file.name} {share:g}" for file, share in zip(arguments.files, shares)]
    merged.save(arguments.out, {"merged from": ", ".join(parts)}, licence="")
    print(f"{', '.join(merged.names)}: {arguments.out.resolve()}")


def _with_pictures(
    codebook: EmotionCodebook,
    pictures: Sequence[tuple[str, str]],
    express: Callable[[Portrait, FacePlace], torch.Tensor],
) -> EmotionCodebook:
    """Emotions by name taken from picture files; a fault names the file."""
    for name, path in pictures:
        portrait = read_portrait(path)
        try:
            latent = express(portrait, FacePlace())
        except FaceError as error:
            raise face_fault(path, error, SHOW_A_FACE) from error
        codebook = codebook.replaced(name, latent)
    return codebook


def _reader(arguments: argparse.Namespace) -> Callable[[Portrait, FacePlace], torch.Tensor]:
    """What reads a picture's expression by the chosen weights, of which it loads no more than that takes."""

    folder, device = arguments.weights or BUNDLED_WEIGHTS, pick_device(arguments.device)
    finder = folder / "face_finder.safetensors"
    encoder = load_network(
        folder / "motion_encoder.safetensors", "motion_encoder", MotionEncoder, MotionEncoderConfig, device
    )
    find = load_network(finder, "face_finder", FaceFinder, FaceFinderConfig).find if finder.exists() else None
    return partial(
        face_expression,
        encoder,
        detector=detector_for(encoder.config, find),
        size=read_sampling_defaults(folder / "ethd.safetensors").size,
        device=device,
    )


def _face_in(path: Path, portrait: Portrait, models: ModelSet) -> FaceRegions:
    detector = models.find_faces
    try:
        return face_regions(portrait, detector=detector, size=models.picture_size)
    except FaceError as error:
        raise face_fault(path, error, SHOW_A_FACE) from error


def _found(file: Path | None) -> Path:
    """The codebook's file: itself, the one in a weights folder, or the bundled one."""
    file = file or BUNDLED_WEIGHTS
    return file / FILE_NAME if file.is_dir() else file


def _load(file: Path | None) -> EmotionCodebook:
    return loaded(EmotionCodebook.load, _found(file), f"{OWN_CODEBOOK}, or a weights folder that has one")


def _pair(text: str, option: str, example: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name.strip() or not value.strip():
        raise SettingsError(
            f'{option} is given as "{text}"; an emotion, = and a value are expected, such as {example}.'
        )
    return name.strip(), value.strip()
