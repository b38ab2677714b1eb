"""Progress bars: one for each stage, on stderr; and how long each took."""

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tqdm import tqdm


class StageBars:
    """Called as (stage, done, total, note); a stage's first report opens its bar, the next stage's closes it.

    labels: longer names for some stages · since: when the first began, on time.monotonic's clock · seconds: of each
    stage so far, for what is reported has just been done. Use it in a `with` statement.
    """

    def __init__(
        self, labels: dict[str, str] | None = None, *, hidden: bool = False, since: float | None = None
    ) -> None:
        self.labels = labels or {}
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

    def say(self, text: str) -> None:
        """A line on stdout, between the bars."""
        self._close()
        print(text)

    def tell(self, text: str) -> None:
        """A line of its own above the bar, unless they are hidden."""
        from tqdm import tqdm

        if not self._hidden:
            tqdm.write(text, file=sys.stderr)

    def forecasting(self, stage: str, *, resumed: bool = False) -> Callable[[str, int, int], None]:
        """The bars, which say after the stage's first window how long all that are left will take, measured from here.

        resumed: the stage's first report is of what was done before.
        """
        from ..sampling.estimate import time_words

        began, before, told = time.monotonic(), 0, False

        def report(reported: str, done: int, total: int) -> None:
            nonlocal began, before, told, resumed
            if reported == stage and resumed:
                began, before, resumed = time.monotonic(), done, False
            elif reported == stage and not told:
                told = True
                left = (time.monotonic() - began) / (done - before) * (total - done)
                self.tell(f"About {time_words(left)} for the {total - done} windows that are left.")
            self(reported, done, total)

        return report

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _open(self, stage: str, total: int) -> "tqdm":
        from tqdm import tqdm

        self._close()
        # a file or a pipe keeps every refresh for ever, so it gets few
        interval = 0.1 if sys.stderr.isatty() else 10.0
        label = self.labels.get(stage, stage)
        self._stage = stage
        self._bar = tqdm(total=total, desc=f"{label:<15}", mininterval=interval, disable=self._hidden, file=sys.stderr)
        return self._bar

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
