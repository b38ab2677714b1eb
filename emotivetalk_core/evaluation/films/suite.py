"""`evaluate --suite films`: two folders of films, generated and true, against each other."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import EmotiveTalkError, InputError
from ...measuring.syncnet import METHOD
from ...version import __version__
from ..frechet import Estimate, frechet_over_clips, mean_over_clips
from .paper import HDTF, MEAD
from .reading import FilmVectors, MetricNetworks, read_vectors

FVD_FRAMES = (HDTF.fvd_frames, MEAD.fvd_frames)
ENDINGS = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v", ".mpg")

OnStep = Callable[[str, int, int], None]
"""on_step(section, done, total)."""


def pairs_of(generated: Path, true: Path) -> tuple[list[tuple[Path, Path]], list[str]]:
    """Films of the same name, whatever its ending, in their order; and the names that only one folder has. InputError
    where there is no pair.
    """
    sides = [
        {path.relative_to(folder).with_suffix("").as_posix(): path for path in sorted(folder.rglob("*"))
         if path.suffix.lower() in ENDINGS}
        for folder in (generated, true)
    ]  # fmt: skip
    names = sorted(set(sides[0]) & set(sides[1]))
    if not names:
        raise InputError(
            f"{generated} and {true} have no film of the same name; give two folders in which each generated film is "
            f"called as the true one ({', '.join(ENDINGS)})."
        )
    return [(sides[0][name], sides[1][name]) for name in names], sorted(set(sides[0]) ^ set(sides[1]))


def measure_folders(
    networks: MetricNetworks,
    generated: Path,
    true: Path,
    archive: Path,
    *,
    coefficients: Mapping[str, np.ndarray] | None = None,
    fvd_frames: Sequence[int] = FVD_FRAMES,
    most: int | None = None,
    only: Sequence[str] | None = None,
    on_step: OnStep | None = None,
) -> dict[str, Any]:
    """The report: figures of both folders, as `figures_of`, and what could not be measured and why. most: frames of
    each film that count, the first ones · only: films of these names, without their endings; None: all · what is read
    of each film lies in `archive`. Raises InputError where no pair is left.
    """
    pairs, alone = pairs_of(generated, true)
    if only is not None:
        pairs = [pair for pair in pairs if pair[0].relative_to(generated).with_suffix("").as_posix() in only]
        alone = [name for name in alone if name in only]
        if not pairs:
            raise InputError(f"{generated} and {true} have none of the films {', '.join(only)} in common.")
    read: list[tuple[FilmVectors, FilmVectors]] = []
    names, faults = [], {name: "it has no counterpart of the same name" for name in alone}
    for done, (first, second) in enumerate(pairs):
        name = first.relative_to(generated).with_suffix("").as_posix()
        if on_step is not None:
            on_step("films", done, len(pairs))
        try:
            sides = [
                _vectors(networks, path, archive, tuple(fvd_frames), sound, most)
                for path, sound in ((first, second), (second, None))
            ]
        except EmotiveTalkError as error:  # one film's fault is a row, never the end
            faults[name] = str(error)
            continue
        read.append((sides[0], sides[1]))
        names.append(name)
    if on_step is not None:
        on_step("films", len(pairs), len(pairs))
    if not read:
        raise InputError(f"None of the {len(pairs)} pairs can be read; the first: {next(iter(faults.values()))}")
    return {
        "meta": {
            "version": __version__,
            "generated": str(generated),
            "true": str(true),
            "films": names,
            "networks_missing": list(networks.missing),
            "networks": networks.digest,
            "fid": "all frames, whole, at 299 x 299, bilinear; Inception of 2015-12-05",
            "fvd": "logits of I3D at 224 x 224, its whole pictures",
            "sync": METHOD,
            "expression": "action units as our probe of drawn heads reads them; not E-FID",
            "intervals": "1.96 standard deviations of a bootstrap over clips",
        },
        "figures": figures_of(names, read, coefficients),
        "faults": faults,
    }


def figures_of(
    names: Sequence[str],
    read: Sequence[tuple[FilmVectors, FilmVectors]],
    coefficients: Mapping[str, np.ndarray] | None = None,
) -> dict[str, Any]:
    """fid · fvd_N of the first N frames · sync_c, sync_d, sync_offset, and the same of the true films · e_fid: only of
    the given `coefficients` · expression_frechet: ours. None where nothing was read for it.
    """
    figures: dict[str, Estimate | None] = {"fid": None}
    if all(len(side.pictures) for pair in read for side in pair):
        figures["fid"] = frechet_over_clips([a.pictures for a, _ in read], [b.pictures for _, b in read])
    for frames in sorted({frames for pair in read for side in pair for frames in side.films}, reverse=True):
        both = [(a.films[frames], b.films[frames]) for a, b in read if frames in a.films and frames in b.films]
        if len(both) > 1:
            figures[f"fvd_{frames}"] = frechet_over_clips([a[None] for a, _ in both], [b[None] for _, b in both])
    for place, side in enumerate(("", "true_")):
        found = [pair[place].sync for pair in read]
        known = [sync for sync in found if sync is not None]
        for name, part in (("sync_c", "confidence"), ("sync_d", "distance"), ("sync_offset", "offset")):
            figures[side + name] = mean_over_clips([getattr(s, part) for s in known]) if known else None
    figures["e_fid"] = None if coefficients is None else _e_fid(names, coefficients)
    seen = [(a.units, b.units) for a, b in read if len(a.units) and len(b.units)]
    enough = seen and sum(len(a) for a, _ in seen) > 2
    figures["expression_frechet"] = frechet_over_clips(*map(list, zip(*seen, strict=True))) if enough else None
    return {name: None if figure is None else figure.plain() for name, figure in figures.items()}


def read_coefficients(path: Path) -> dict[str, np.ndarray]:
    """Expression coefficients of every film, as some 3D reconstruction gave them: a safetensors file of matrices
    [frames, d] called generated/NAME and true/NAME. Raises InputError.
    """
    from safetensors.numpy import load_file

    try:
        found = load_file(path)
    except Exception as error:
        raise InputError(f"{path}: this is not a safetensors file of coefficients ({error}).") from error
    wrong = [name for name, value in found.items() if value.ndim != 2 or not name.startswith(("generated/", "true/"))]
    if wrong or not found:
        raise InputError(
            f"{path}: it holds {wrong[0] if wrong else 'nothing'}, but matrices [frames, d] called generated/NAME and "
            "true/NAME are expected; NAME is the film's, without its ending."
        )
    return {name: value.astype(np.float64) for name, value in found.items()}


def _e_fid(names: Sequence[str], coefficients: Mapping[str, np.ndarray]) -> Estimate:
    both = [(coefficients.get(f"generated/{name}"), coefficients.get(f"true/{name}")) for name in names]
    known = [(a, b) for a, b in both if a is not None and b is not None]
    if not known:
        raise InputError(
            f"The coefficients are of none of the films: generated/{names[0]} and true/{names[0]} are expected."
        )
    return frechet_over_clips([a for a, _ in known], [b for _, b in known])


def _vectors(
    networks: MetricNetworks, path: Path, archive: Path, fvd: tuple[int, ...], sound: Path | None, most: int | None
) -> FilmVectors:
    """Read, or taken from the archive, where the same file was read by the same networks."""
    facts = path.stat()
    key = f"{path.resolve()} {facts.st_size} {facts.st_mtime_ns} {networks.digest} {fvd} {sound} {most}"
    file = archive / f"{path.stem}-{hashlib.sha256(key.encode()).hexdigest()[:16]}.npz"
    if not file.exists():
        read_vectors(networks, path, fvd, sound=sound, most=most).save(file)
    return FilmVectors.load(file)
