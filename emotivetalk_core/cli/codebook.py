"""`codebook`: eight emotions of your own, built from pictures, looked at, edited and merged."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import FaceError, InputError, OutputError, SettingsError
from ..film.faults import OWN_CODEBOOK, SHOW_A_FACE, face_fault, loaded, on_the_command_line
from ..film.files import PICTURE_SUFFIXES, check_place, same_file, write_picture
from ..models.bundled import BUNDLED_WEIGHTS
from . import values
from .demo import ASSETS
from .progress import StageBars

if TYPE_CHECKING:
    import torch

    from ..face.sequence import FacePlace
    from ..models.codebook import EmotionCodebook
    from ..models.model_set import ModelSet
    from ..types import FaceRegions, Portrait

FILE_NAME = "emotion_codebook.safetensors"
SHEET_FRAMES = 9
"""Of the short film from which each face of the sheet is taken: its middle has neighbours on both sides."""


def add_verb(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    what = "build, look at, edit and merge the emotions that --emotion names"
    parser = verbs.add_parser("codebook", help=what, description=what.capitalize() + ".")
    actions = parser.add_subparsers(title="actions", required=True, metavar="ACTION")

    build = _action(actions, "build", _build, "make a codebook of a folder of labelled faces")
    build.add_argument(
        "folder",
        type=Path,
        metavar="FOLDER",
        help="pictures in a sub-folder for each emotion, or named after it: happy/1.png, happy_1.png",
    )
    _out(build, "the codebook to write")
    build.add_argument("--base", type=Path, metavar="FILE", help="a codebook for the emotions without pictures")
    _weights(build)

    show = _action(actions, "show", _show, "print the emotions, and how far they are from each other")
    _source(show, optional=True)

    sheet = _action(actions, "sheet", _sheet, "draw a face with each emotion, the mouth at rest")
    _source(sheet, optional=True)
    _out(sheet, "the picture to write, such as sheet.png")
    sheet.add_argument("--portrait", type=Path, metavar="FILE", help="whose face; without it the bundled portrait")
    sheet.add_argument("--intensity", type=values.intensity, default=1.0, help="of the emotions: 0 to 2 (1)")
    sheet.add_argument("--seed", type=values.seed, default=0, help="the same seed gives the same sheet (0)")
    sheet.add_argument(
        "--chart", action="store_true", help="instead: distances and channels as a chart, which needs no portrait"
    )
    _weights(sheet)

    edit = _action(
        actions,
        "edit",
        _edit,
        "change single emotions; what is given is done in the order: from, set, rename, drop",
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
        help="take an emotion, which may be new, from the face in a picture: angry=face.png",
    )
    edit.add_argument(
        "--set",
        dest="strengths",
        nargs="+",
        action="extend",
        default=[],
        metavar="NAME=NUMBER",
        help="make an emotion stronger or weaker, seen from neutral: angry=1.3",
    )
    edit.add_argument(
        "--rename", nargs="+", action="extend", default=[], metavar="OLD=NEW", help="call an emotion otherwise"
    )
    edit.add_argument("--drop", nargs="+", action="extend", default=[], metavar="NAME", help="leave an emotion out")
    _weights(edit)

    merge = _action(actions, "merge", _merge, "the weighted mean of codebooks of one model")
    merge.add_argument("files", type=Path, nargs="+", metavar="FILE", help="two codebooks or more")
    _out(merge, "the codebook to write")
    merge.add_argument(
        "--weights",
        type=float,
        nargs="+",
        metavar="NUMBER",
        help="one for each, of which the proportions count (all 1)",
    )


def _action(
    actions: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    run: Callable[[argparse.Namespace], None],
    what: str,
) -> argparse.ArgumentParser:
    parser = actions.add_parser(name, help=what, description=what[0].upper() + what[1:] + ".")
    parser.set_defaults(run=run)
    return parser


def _source(parser: argparse.ArgumentParser, optional: bool = False) -> None:
    what = "a codebook, or a weights folder that has one"
    if optional:
        what += "; without it the bundled one"
    parser.add_argument("file", type=Path, nargs="?" if optional else None, metavar="FILE", help=what)


def _out(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="FILE", help=what)


def _weights(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--weights", type=Path, metavar="DIR", help="the weights that read and draw faces; without it the bundled ones"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps (auto)")
    parser.add_argument("--quiet", action="store_true", help="no progress bars")


def _build(arguments: argparse.Namespace) -> None:
    from ..direction.codebook_build import build_codebook, labelled_pictures, read_labelled

    check_place(arguments.out, ".safetensors")
    pictures, notes = labelled_pictures(arguments.folder)
    base = _load(arguments.base) if arguments.base else None
    express = _reader(arguments)
    with StageBars(hidden=arguments.quiet) as bars:
        faces = read_labelled(pictures, express, lambda done, total: bars("reading faces", done, total))
    for note in (*notes, *faces.notes):
        print(f"note: {on_the_command_line(note, SHOW_A_FACE)}")
    built = build_codebook(faces, base)
    built.codebook.save(arguments.out, {"built from": built.describe()}, licence="")
    print(built.describe())
    print(f"{len(built.codebook.names)} emotions: {arguments.out.resolve()}")


def _show(arguments: argparse.Namespace) -> None:
    codebook = _load(arguments.file)
    names, distances = codebook.names, codebook.distances()
    width = max(map(len, names))
    print(f"{len(names)} emotions, {codebook.latents.shape[1]} channels: {_found(arguments.file).resolve()}")
    print("distances, in standard deviations of the channels:")
    print(" " * (width + 2) + "".join(f"{name[:9]:>10}" for name in names))
    for name, row in zip(names, distances.tolist()):
        print(f"  {name:<{width}}" + "".join(f"{value:>10.2f}" for value in row))


def _sheet(arguments: argparse.Namespace) -> None:
    from ..direction.codebook_sheet import contact_sheet, draw_codebook

    check_place(arguments.out, *PICTURE_SUFFIXES)
    path = arguments.portrait or ASSETS / "portrait.png"
    if same_file(arguments.out, path):
        raise OutputError(
            f"{arguments.out}: the sheet would replace the portrait that it is drawn from; choose another name with "
            "--out."
        )
    codebook = _load(arguments.file)
    if arguments.chart:
        picture = draw_codebook(codebook)
    else:
        from ..face.portrait import read_portrait
        from ..film.film import load_models
        from ..models.model_set import ModelSet

        portrait = read_portrait(path)
        models = load_models(arguments.weights, arguments.device)
        if not isinstance(models, ModelSet):
            raise SettingsError(
                f"{arguments.weights}: these are weights of DICE-Talk or Sonic, and a sheet is drawn by EmotiveTalk's "
                "own; give their folder with --weights, or take --chart."
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
    models: "ModelSet",
    codebook: "EmotionCodebook",
    regions: "FaceRegions",
    *,
    intensity: float = 1.0,
    seed: int = 0,
    on_step: Callable[[int, int], None] | None = None,
) -> "torch.Tensor":
    """A portrait with each emotion of a codebook [names, 3, s, s] RGB 0…1, its mouth at rest: the latent itself leads
    the backbone, without Di-CTE, for a film so short that it is one window, of which the middle is kept.

    InputError where the codebook belongs to other weights.
    """
    from dataclasses import replace

    import torch

    from ..models.codebook import NEUTRAL
    from ..pipeline import default_settings, portrait_conditions, read_face, render

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


def _edit(arguments: argparse.Namespace) -> None:
    check_place(arguments.out, ".safetensors")
    pictures = [_pair(text, "--from", "angry=face.png") for text in arguments.pictures]
    strengths = [_pair(text, "--set", "angry=1.3") for text in arguments.strengths]
    names = [_pair(text, "--rename", "worried=uneasy") for text in arguments.rename]
    if not (pictures or strengths or names or arguments.drop):
        raise SettingsError("Nothing was asked to be changed; give --from, --set, --rename or --drop.")
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


def _merge(arguments: argparse.Namespace) -> None:
    from ..models.codebook import merge

    check_place(arguments.out, ".safetensors")
    if len(arguments.files) < 2:
        raise SettingsError("One codebook alone was given to be merged; give two or more.")
    weights: Sequence[float] = arguments.weights or [1.0] * len(arguments.files)
    merged = merge([_load(file) for file in arguments.files], weights)
    parts = [f"{file.name} {weight:g}" for file, weight in zip(arguments.files, weights)]
    merged.save(arguments.out, {"merged from": ", ".join(parts)}, licence="")
    print(f"{', '.join(merged.names)}: {arguments.out.resolve()}")


def _with_pictures(
    codebook: "EmotionCodebook",
    pictures: Sequence[tuple[str, str]],
    express: "Callable[[Portrait, FacePlace], torch.Tensor]",
) -> "EmotionCodebook":
    """Emotions by name taken from picture files; a fault names the file."""
    from ..face.portrait import read_portrait
    from ..face.sequence import FacePlace

    for name, path in pictures:
        portrait = read_portrait(path)
        try:
            latent = express(portrait, FacePlace())
        except FaceError as error:
            raise face_fault(path, error, SHOW_A_FACE) from error
        codebook = codebook.replaced(name, latent)
    return codebook


def _reader(arguments: argparse.Namespace) -> "Callable[[Portrait, FacePlace], torch.Tensor]":
    """What reads a picture's expression by the chosen weights, of which it loads no more than that takes."""
    from functools import partial

    from ..device import pick_device
    from ..direction.codebook_build import face_expression
    from ..models.checkpoint import load_network
    from ..models.face_finder import FaceFinder, FaceFinderConfig
    from ..models.model_set import read_sampling_defaults
    from ..models.motion_encoder import MotionEncoder, MotionEncoderConfig

    folder, device = arguments.weights or BUNDLED_WEIGHTS, pick_device(arguments.device)
    finder = folder / "face_finder.safetensors"
    return partial(
        face_expression,
        load_network(
            folder / "motion_encoder.safetensors", "motion_encoder", MotionEncoder, MotionEncoderConfig, device
        ),
        detector=load_network(finder, "face_finder", FaceFinder, FaceFinderConfig).find if finder.exists() else None,
        size=read_sampling_defaults(folder / "ethd.safetensors").size,
        device=device,
    )


def _face_in(path: Path, portrait: "Portrait", models: "ModelSet") -> "FaceRegions":
    from ..face.regions import face_regions

    detector = models.find_faces
    try:
        return face_regions(portrait, detector=detector, size=models.picture_size)
    except FaceError as error:
        raise face_fault(path, error, SHOW_A_FACE) from error


def _found(file: Path | None) -> Path:
    """The codebook's file: itself, the one in a weights folder, or the bundled one."""
    file = file or BUNDLED_WEIGHTS
    return file / FILE_NAME if file.is_dir() else file


def _load(file: Path | None) -> "EmotionCodebook":
    from ..models.codebook import EmotionCodebook

    return loaded(EmotionCodebook.load, _found(file), f"{OWN_CODEBOOK}, or a weights folder that has one")


def _pair(text: str, option: str, example: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name.strip() or not value.strip():
        raise SettingsError(
            f'{option} is given as "{text}"; an emotion, = and a value are expected, such as {example}.'
        )
    return name.strip(), value.strip()
