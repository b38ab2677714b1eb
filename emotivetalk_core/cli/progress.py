"""Progress bars: one for each stage, on stderr; and how long each took."""

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

from ..film.listener import Listener

if TYPE_CHECKING:
    from tqdm import tqdm


class StageBars(Listener):
    """Called as (stage, done, total, note); a stage's first report opens its bar, the next stage's closes it.

    since: when the first began, on time.monotonic's clock · seconds: of each stage so far, for what is reported has
    just been done. Use it in a `with` statement.
    """

    def __init__(self, *, hidden: bool = False, since: float | None = None) -> None:
        super().__init__()
        self._labels: dict[str, str] = {}
        self._hidden = hidden
        self._stage = ""
        self._bar: tqdm | None = None
        self.seconds: dict[str, float] = {}
        self._reported = time.monotonic() if since is None else since

    def __enter__(self) -> "StageBars":
        return self

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        now = time.monotonic()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._reported
        self._reported = now
        bar = self._bar
        if bar is None or stage != self._stage:
            bar = self._open(stage, total)
        if note:
            bar.set_postfix_str(note, refresh=False)
        bar.update(done - bar.n)

    def say(self, sentence: str) -> None:
        """A line on stdout, between the bars."""
        super().say(sentence)
        self._close()
        print(sentence)

    def tell(self, sentence: str) -> None:
        """A line of its own above the bar, unless they are hidden."""
        from tqdm import tqdm

        if not self._hidden:
            tqdm.write(sentence, file=sys.stderr)

    def label(self, stage: str, words: str) -> None:
        self._labels[stage] = words

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _open(self, stage: str, total: int) -> "tqdm":
        from tqdm import tqdm

        self._close()
        # a file or a pipe keeps every refresh for ever, so it gets few
        interval = 0.1 if sys.stderr.isatty() else 10.0
        label = self._labels.get(stage, stage)
        self._stage = stage
        self._bar = tqdm(total=total, desc=f"{label:<15}", mininterval=interval, disable=self._hidden, file=sys.stderr)
        return self._bar

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
