"""Progress bars: one for each stage, on stderr; and how long each took."""

import sys
import time
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


class Forecast:
    """Bars that say, after the first report of some stages, how long all that is left of each will take.

    counted: these stages, one after the other, and what they count, such as "windows"; the first begins now · resumed:
    the first report is of what was done before. Where that is all of its stage, a part of the next may be done, too,
    and nothing is said of it.
    """

    def __init__(self, bars: StageBars, counted: dict[str, str], *, resumed: bool = False) -> None:
        self._bars, self._counted, self._resumed = bars, counted, resumed
        self._untold = set(counted)
        self._began, self._before = time.monotonic(), 0

    def __call__(self, stage: str, done: int, total: int) -> None:
        from ..sampling.estimate import time_words

        now, left = time.monotonic(), total - done
        if self._resumed:
            self._resumed, self._began, self._before = False, now, done
            if not left:
                self._untold.clear()
        elif stage in self._untold:
            self._untold.remove(stage)
            if left:
                words = time_words((now - self._began) / (done - self._before) * left)
                self._bars.tell(f"About {words} for the {left} {self._counted[stage]} that are left.")
        if not left:
            self._began, self._before = now, 0
        self._bars(stage, done, total)
