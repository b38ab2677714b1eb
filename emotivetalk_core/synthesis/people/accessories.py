"""What a person wears: a neckline painted and raised on the mesh, glasses, earrings."""

import numpy as np

from .anatomy import Anatomy
from .mesh import BODY
from .person import Person

_NECKLINES = {"crew neck": 5.50, "v-neck": 5.46, "turtleneck": 5.93, "scoop neck": 5.38}


def neckline(anatomy: Anatomy) -> np.ndarray:
    """How far below the neckline each vertex of the resting mesh lies, in decimetres: cloth where it is above 0,
    [m].
    """
    mesh, collar = anatomy.mesh, anatomy.person.collar
    x, y, z = mesh.rest.T
    behind = np.clip((0.45 - z) / 0.5, 0, 1)
    out = np.abs(x)
    if collar == "turtleneck":
        line = _NECKLINES[collar] - 0.05 * behind + 0.8 * np.clip(out - 0.9, 0, 1.5)
    else:
        line = (
            _NECKLINES[collar] + 0.22 * behind + 0.55 * np.clip(out - 0.35, 0, 0.5) + 1.3 * np.clip(out - 0.75, 0, 1.5)
        )
    if collar == "v-neck":
        line = line - np.clip(0.42 - 1.1 * out, 0, 1) * (z > 0.35)
    elif collar == "scoop neck":
        line = line - 0.5 * np.clip(0.25 - 0.9 * x * x, 0, 1) * (z > 0.35)
    under = np.where((mesh.part == BODY) & (mesh.masks["cavity"] < 0.5), line - y, -1)
    return np.clip(under, -1, 3).astype(np.float32)


def cloth_thickness(under: np.ndarray) -> np.ndarray:
    """How far cloth stands off the skin: [m]."""
    t = np.clip(under / 0.03, 0, 1)
    return t * t * (3 - 2 * t) * (0.022 + 0.07 * np.clip(under / 0.6, 0, 1))


def glasses(anatomy: Anatomy) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Wires of the frame at rest, each [k, 3]: rims with their bridge, and arms; none without glasses."""
    person = anatomy.person
    if person.glasses == "none":
        return [], []
    wide, high, power = {"round": (0.225, 0.215, 2.0), "square": (0.245, 0.175, 5.0), "oval": (0.24, 0.165, 2.5)}[
        person.glasses
    ]
    front = float(anatomy.rest[np.abs(anatomy.rest[:, 0]) < 0.5, 2].max())
    bridge = front - 0.17  # on the nose, well behind its tip
    angle = np.linspace(0, 2 * np.pi, 41)
    circle = np.stack([np.cos(angle), np.sin(angle)], 1)
    lens = np.sign(circle) * np.abs(circle) ** (2 / power) * (wide, high)
    spacing = float(np.abs(anatomy.eye_centres[:, 0]).mean())
    level = float(anatomy.eye_centres[:, 1].mean()) - 0.02

    def bent(x: np.ndarray) -> np.ndarray:
        return bridge - 0.22 * x**2  # frames curve round the face

    rims, arms = [], []
    for side in (1.0, -1.0):
        x, y = side * spacing + lens[:, 0], level + lens[:, 1]
        rims.append(np.stack([x, y, bent(x)], 1))
        hinge = side * (spacing + wide)
        ear = np.array([side * 0.80, level + 0.02, 0.35])
        start = np.array([hinge, level + 0.05, bent(np.array(hinge))])
        arms.append(start + np.linspace(0, 1, 8)[:, None] * (ear - start))
    x = np.linspace(-(spacing - wide), spacing - wide, 9)
    rims.append(np.stack([x, level + 0.03 + 0.03 * np.cos(np.pi * x / (2 * x[-1])), bent(x)], 1))
    return rims, arms


def earring_places(person: Person, anatomy: Anatomy) -> list[np.ndarray]:
    """The lobes' middles, where there are earrings: [3] each."""
    if not person.earrings:
        return []
    mesh = anatomy.mesh
    places = []
    for side in (1, -1):
        ear = np.flatnonzero((mesh.masks["ears"] > 0.5) & (mesh.rest[:, 0] * side > 0.6))
        low = ear[np.argsort(mesh.rest[ear, 1])[:12]]
        places.append(anatomy.rest[low].mean(0) + (0.02 * side, -0.03, 0.03))
    return places
