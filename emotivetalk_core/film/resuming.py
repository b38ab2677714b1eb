"""Whether what is done of a film is kept on disk, and taken up again."""

from collections.abc import Callable

from ..sampling.estimate import room_to_keep
from ..sampling.unfinished import UnfinishedFilm
from .files import state_folder
from .listener import Listener
from .request import FilmRequest


class Resuming:
    """For one film. disk: bytes that it takes there · size: side of its frames as they are drawn, pixels."""

    def __init__(self, request: FilmRequest, listener: Listener, *, disk: float, size: int, frames: int) -> None:
        self._request, self._listener = request, listener
        self._keeps = request.resume and room_to_keep(state_folder(), disk, size, frames)
        if request.resume and not self._keeps:
            listener.say(
                f"note: {state_folder()}: there is no room to save progress; if it is stopped, it starts from the "
                "beginning."
            )

    def state(self, of_film: Callable[[], UnfinishedFilm]) -> tuple[UnfinishedFilm | None, bool]:
        """The film's state, None where none is kept; and whether something was done of it before, which is told."""
        unfinished = of_film() if self._keeps else None
        begun = unfinished is not None and unfinished.begun
        if begun:
            again = self._request.spelling("resume")
            self._listener.tell(f"This video was stopped before and goes on where it was; {again} begins again.")
        return unfinished, begun
