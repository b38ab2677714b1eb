"""EmotiveTalk: one portrait and one recording of speech become a talking video whose emotion can be directed.

    from emotivetalk_core import Direction, FilmRequest, make_film

    make_film(FilmRequest("face.png", "speech.wav", direction=Direction(emotion="happy 0.8"))).save("talk.mp4")

docs/talk.md says what can be asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .version import __version__

if TYPE_CHECKING:
    from .film.film import Film, load_models, make_film
    from .film.listener import Listener
    from .film.request import Direction, FilmRequest

__all__ = ["Direction", "Film", "FilmRequest", "Listener", "__version__", "load_models", "make_film"]

_HOMES = {"Direction": "request", "FilmRequest": "request", "Listener": "listener"}


def __getattr__(name: str) -> Any:
    """The names above, imported when they are asked for: torch takes seconds, and who wants a module needs no other."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".film.{_HOMES.get(name, 'film')}", __name__), name)
