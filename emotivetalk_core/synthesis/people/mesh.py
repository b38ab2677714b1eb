"""The head mesh: MakeHuman's, cut above the chest, smoothed once, with its targets and face units.

Units are decimetres: x to the picture's right, y up, z towards the viewer; the eyes lie at y 7.28, the chin at 6.2.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import scipy.sparse as sparse
from safetensors import safe_open

MESH_FILE = Path(__file__).resolve().parents[2] / "assets" / "head_mesh.safetensors"

PARTS = (
    "body", "helper-l-eye", "helper-r-eye", "helper-l-eyelashes-1", "helper-l-eyelashes-2", "helper-r-eyelashes-1",
    "helper-r-eyelashes-2", "helper-upper-teeth", "helper-lower-teeth", "helper-tongue",
)  # fmt: skip
"""Groups of the base mesh that are kept. The eyes' are only measured: `anatomy` puts spheres in their place."""

BODY, UPPER_TEETH, LOWER_TEETH, TONGUE = 0, 7, 8, 9
EYES = (1, 2)
"""The parts of the eye at x > 0 (the picture's right when the head faces it), and at x < 0."""


@dataclass(frozen=True, eq=False)
class HeadMesh:
    """base [n, 3] · smooth [m, n], the weights of one Catmull-Clark step · quads [q, 4] over its m vertices · part [m]
    of each vertex and quad_part [q], indices into PARTS · masks [m] 0…1 by name · names and targets [t, 3n], sparse.
    """

    base: np.ndarray
    smooth: sparse.csr_matrix
    quads: np.ndarray
    quad_part: np.ndarray
    part: np.ndarray
    masks: dict[str, np.ndarray]
    names: dict[str, int]
    targets: sparse.csr_matrix

    @property
    def base_part(self) -> np.ndarray:
        """Index into PARTS of each vertex of the base mesh, which come first in the smoothed one: [n]."""
        return self.part[: len(self.base)]

    @cached_property
    def rest(self) -> np.ndarray:
        """The smoothed base mesh [m, 3], which places on the head are told by."""
        return self.smoothed(self.base)

    def smoothed(self, vertices: np.ndarray) -> np.ndarray:
        return (self.smooth @ vertices).astype(np.float32)

    def triangles(self, *parts: int) -> np.ndarray:
        quads = self.quads[np.isin(self.quad_part, parts)]
        return np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]).astype(np.int32)

    @cached_property
    def skin(self) -> np.ndarray:
        """Triangles of the skin, the inside of the mouth included."""
        return self.triangles(BODY)

    def shift(self, weights: dict[str, float]) -> np.ndarray:
        """The sum of weighted targets: [n, 3]."""
        row = np.zeros(len(self.names), np.float32)
        for name, weight in weights.items():
            row[self.names[name]] = weight
        return (self.targets.T @ row).reshape(-1, 3)

    @cached_property
    def units(self) -> tuple[str, ...]:
        """The 52 face units, ARKit's names."""
        return tuple(name.removeprefix("unit:") for name in self.names if name.startswith("unit:"))


@lru_cache(maxsize=1)
def head_mesh() -> HeadMesh:
    with safe_open(MESH_FILE, "numpy") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}
        names = (file.metadata() or {})["targets"].split("\n")
    base, count = tensors["vertices"], len(tensors["vertices"])
    faces, face_part = tensors["faces"].astype(np.int64), tensors["face_parts"]
    smooth, quads, quad_face = _catmull_clark(faces, count)
    part = np.zeros(int(quads.max()) + 1, np.uint8)
    part[quads] = face_part[quad_face][:, None]
    starts = tensors["target_starts"]
    scale = np.repeat(tensors["target_scales"], np.diff(starts))
    shifts = tensors["target_shifts"] * scale[:, None]
    columns = 3 * tensors["target_vertices"].astype(np.int64)[:, None] + np.arange(3)
    targets = sparse.csr_matrix(
        (shifts.ravel().astype(np.float32), columns.ravel(), 3 * starts.astype(np.int64)), (len(names), 3 * count)
    )
    masks = {
        key.removeprefix("mask_"): (smooth @ (tensor / 255.0)).astype(np.float32)
        for key, tensor in tensors.items()
        if key.startswith("mask_")
    }
    return HeadMesh(
        base, smooth, quads, face_part[quad_face], part, masks, {name: i for i, name in enumerate(names)}, targets
    )


def _catmull_clark(faces: np.ndarray, count: int) -> tuple[sparse.csr_matrix, np.ndarray, np.ndarray]:
    """One step of Catmull-Clark subdivision (1978) over faces [f, 4], triangles with their last corner twice.

    Returns the new vertices' weights [count + f + edges, count] in this order: old vertices, faces, edges; the new
    quads [q, 4]; and the face that each came from [q]. Borders stay smooth curves of their own.
    """
    corner = np.ones(faces.shape, bool)
    corner[:, 3] = faces[:, 3] != faces[:, 2]
    sides = corner.sum(1)
    follows = np.where(corner, np.roll(faces, -1, 1), 0)
    follows[:, 2] = np.where(corner[:, 3], faces[:, 3], faces[:, 0])
    ends = np.sort(np.stack([faces, follows], 2)[corner], axis=1)
    edges, edge_of = np.unique(ends, axis=0, return_inverse=True)
    edge_grid = np.zeros(faces.shape, np.int64)
    edge_grid[corner] = edge_of.ravel()
    face_grid = np.broadcast_to(np.arange(len(faces))[:, None], faces.shape)
    n_faces, n_edges = len(faces), len(edges)

    def matrix(values: np.ndarray, rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int]) -> sparse.csr_matrix:
        return sparse.csr_matrix((values, (rows, columns)), shape)

    ones = np.ones(corner.sum())
    face_points = matrix((corner / sides[:, None])[corner], face_grid[corner], faces[corner], (n_faces, count))
    incidence = matrix(ones, edge_grid[corner], face_grid[corner], (n_edges, n_faces))
    inner = np.asarray(incidence.sum(1)).ravel() == 2
    ends_matrix = matrix(np.ones(2 * n_edges), np.repeat(np.arange(n_edges), 2), edges.ravel(), (n_edges, count))
    share = sparse.diags(np.where(inner, 0.25, 0.0))
    edge_points = sparse.diags(np.where(inner, 0.25, 0.5)) @ ends_matrix + share @ incidence @ face_points
    # A vertex inside: (its faces' points + its neighbours) / k² + (k - 2) / k of itself, after Catmull and Clark.
    valence = np.bincount(faces[corner], minlength=count)
    touches = matrix(ones, faces[corner], face_grid[corner], (count, n_faces))
    neighbours = ends_matrix.T @ ends_matrix
    neighbours.setdiag(0)
    border_ends = sparse.diags((~inner).astype(float)) @ ends_matrix
    border = border_ends.T @ border_ends
    border.setdiag(0)
    border_degree = np.asarray(border.sum(1)).ravel()
    k = np.maximum(valence, 1)
    inside = (border_degree == 0) & (valence > 0)
    curve = border_degree == 2
    per_face = sparse.diags(np.where(inside, 1 / k**2, 0.0))
    own = np.where(inside, (k - 2) / k, np.where(curve, 0.75, 1.0))
    vertex_points = per_face @ (touches @ face_points + neighbours) + sparse.diags(np.where(curve, 0.125, 0.0)) @ border
    vertex_points = vertex_points + sparse.diags(own)
    smooth = sparse.csr_matrix(sparse.vstack([vertex_points, face_points, edge_points]))
    before = np.roll(edge_grid, 1, 1)
    before[:, 0] = np.where(corner[:, 3], edge_grid[:, 3], edge_grid[:, 2])
    quads = np.stack([faces, count + n_faces + edge_grid, count + face_grid, count + n_faces + before], 2)[corner]
    return smooth, quads, face_grid[corner]
