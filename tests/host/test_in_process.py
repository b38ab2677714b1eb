"""Every check of in_process/*_checks.py, a test each. One process of the host's Python runs a file's checks.

What computes is checked a second time on the host's three ways of using a graphics card, with a mock of one.
"""

import ast
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from installation import Installation, clean_environment
from server import lay_out

FOLDER = Path(__file__).parent / "in_process"
MOST_SECONDS = 600
pytestmark = pytest.mark.timeout(MOST_SECONDS + 60)  # a file's first check waits for all of them

CARDS = ("gpu", "low_vram", "dynamic_vram")
"""A card with room for everything, one with room for nothing, and the host's default on NVIDIA's."""

ON_CARDS_ONLY = "card_checks"
ALSO_ON_CARDS: dict[str, tuple[str, ...]] = {
    ON_CARDS_ONLY: (),
    "audio_and_vae_checks": (),
    "face_checks": (),
    "speech_emotion_checks": (),
    "head_pose_checks": ("check_the_portrait_is_turned_as_the_core_turns_it", "check_a_head_is_read_from_frames"),
    "model_checks": (
        "check_one_frame_is_the_cores",
        "check_stock_seed_and_scheduler_agree",
        "check_lora_changes_the_video",
        "check_half_precision_weights_agree",
        "check_compiled_model_agrees",
        "check_preview_shows_the_picture",
        "check_cancel_takes_effect_within_a_window",
    ),
}
"""Files and the beginnings of their checks' names; none for all. The others take long or do not compute."""


class Run(NamedTuple):
    """One process: a file's checks on a device."""

    path: Path
    device: str

    def names(self) -> list[str]:
        tree = ast.parse(self.path.read_text(encoding="utf-8"))
        functions = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
        wanted = "check_" if self.device == "cpu" else ALSO_ON_CARDS[self.path.stem] or "check_"
        return [name for name in functions if name.startswith(wanted)]


RUNS = [Run(path, "cpu") for path in sorted(FOLDER.glob("*_checks.py")) if path.stem != ON_CARDS_ONLY]
RUNS += [Run(FOLDER / f"{stem}.py", device) for device in CARDS for stem in ALSO_ON_CARDS]
CHECKS = [(run, name) for run in RUNS for name in run.names()]


@pytest.fixture(scope="session")
def outcomes_of(
    installation: Installation, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Run], tuple[dict[str, Any], str]]:
    """From a run to the outcomes of its checks by name, and what was printed; it takes place at the first question."""
    known: dict[Run, tuple[dict[str, Any], str]] = {}
    base = tmp_path_factory.mktemp("in_process")
    lay_out(base)

    def outcomes(run: Run) -> tuple[dict[str, Any], str]:
        if run not in known:
            known[run] = carry_out(run, installation, base)
        return known[run]

    return outcomes


def carry_out(run: Run, installation: Installation, base: Path) -> tuple[dict[str, Any], str]:
    results = base / f"{run.path.stem}-{run.device}.jsonl"
    results.touch()
    command = [installation.python, FOLDER / "runner.py", installation.folder, base, run.path, results, run.device]
    printed = results.with_suffix(".log")
    with printed.open("wb") as log:
        try:
            subprocess.run(
                [str(part) for part in (*command, *run.names())],
                cwd=installation.folder,
                env=clean_environment(),
                stdout=log,
                stderr=subprocess.STDOUT,
                timeout=MOST_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            log.write(f"\nThe file's checks had not ended after {MOST_SECONDS} seconds.\n".encode())
    outcomes = [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]
    return {outcome["check"]: outcome for outcome in outcomes}, printed.read_text(encoding="utf-8", errors="replace")


@pytest.mark.parametrize(("run", "name"), CHECKS, ids=[f"{run.path.stem}-{run.device}-{name}" for run, name in CHECKS])
def test_check(run, name, outcomes_of):
    outcomes, printed = outcomes_of(run)
    assert name in outcomes, f"the check did not run; the process said:\n{printed[-4000:]}"
    if outcomes[name]["fault"] is not None:
        pytest.fail(f"{outcomes[name]['fault']}\n{printed[-2000:]}", pytrace=False)
