"""Render a person: one state, at any size, in the person's own look."""

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from ...errors import SettingsError
from ..head_state import HeadState
from .person import Person

if TYPE_CHECKING:
    from .renderer import PersonRenderer


def render_person(person: Person, state: HeadState, size: int = 128) -> np.ndarray:
    """The picture, uint8 RGB [size, size, 3]. The same arguments always give the same pixels on one machine."""
    return render_parts(person, state, size)[0]


def render_parts(person: Person, state: HeadState, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The picture, and what each of its pixels shows: uint8 [size, size], numbers of `materials`."""
    from .looks import apply_look

    frame = renderer_of(person, size).render(state)
    picture = apply_look(person.style, frame.picture, frame.shows, frame.distance, person.seed)
    return picture, frame.shows[::2, ::2]


def require_renderer() -> None:
    """Raises SettingsError where what people are rendered with is not installed."""
    try:
        import cv2  # noqa: F401
        import numba  # noqa: F401
    except ImportError as error:
        raise SettingsError(
            f"Rendered people need numba and OpenCV, and {error.name} is not installed; install both with "
            "pip install 'emotivetalk[train]', or choose drawn heads."
        ) from error


@lru_cache(maxsize=4)
def renderer_of(person: Person, size: int) -> "PersonRenderer":
    """The renderer of a person; four are remembered."""
    require_renderer()
    from .renderer import PersonRenderer

    return PersonRenderer(person, size)
