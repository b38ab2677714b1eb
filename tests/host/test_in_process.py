"""Every check of in_process/*_checks.py, a test each. One process of the host's Python runs a file's checks.

What computes is checked a second time on three ways in which the host uses a graphics card, with a mock of one; one
process runs all that is checked on one of them.
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

COMPUTES: dict[str, tuple[str, ...]] = {
    "card_checks": ("check_the_card_is_strict", "check_weights_lie_where_the_host_wants_them"),
    "audio_and_vae_checks": (),
    "face_checks": ("check_expression_equals", "check_a_sequence_is_read"),
    "speech_emotion_checks": (),
    "head_pose_checks": ("check_the_portrait_is_turned_as_the_core_turns_it", "check_a_head_is_read_from_frames"),
    "photograph_checks": ("check_a_clip_shorter", "check_a_lora"),
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

ON_CARDS: dict[str, dict[str, tuple[str, ...]]] = {
    "low_vram": COMPUTES | {"card_checks": ()},
    "dynamic_vram": COMPUTES,
    "gpu_only": {"card_checks": COMPUTES["card_checks"], "workflow_checks": ()},
}
"""A card too small for the weights; the host's default on NVIDIA's; and one where values stay between the nodes too, so
that no check can compare them with the CPU's.
"""

ON_CARDS_ONLY = ("card_checks", "workflow_checks")

NOT_ON = {("low_vram", "audio_and_vae_checks.check_we_encode_with_the_hosts_encoder")}
"""The host's own Wav2Vec2 does not run on a card that cannot hold it whole."""


def checks_of(stem: str, beginnings: tuple[str, ...] = ()) -> list[str]:
    """FILE.CHECK of each check of the file, or of those whose names begin so."""
    tree = ast.parse((FOLDER / f"{stem}.py").read_text(encoding="utf-8"))
    names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    return [f"{stem}.{name}" for name in names if name.startswith(beginnings or ("check_",))]


class Run(NamedTuple):
    """One process: checks on a device."""

    device: str
    checks: tuple[str, ...]


def runs() -> list[Run]:
    files = sorted(path.stem for path in FOLDER.glob("*_checks.py") if path.stem not in ON_CARDS_ONLY)
    found = [Run("cpu", tuple(checks_of(stem))) for stem in files]
    for device, chosen in ON_CARDS.items():
        checks = [check for stem, beginnings in chosen.items() for check in checks_of(stem, beginnings)]
        found.append(Run(device, tuple(check for check in checks if (device, check) not in NOT_ON)))
    return found


CHECKS = [(run, check) for run in runs() for check in run.checks]


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
            known[run] = carry_out(run, installation, base, base / f"{len(known)}.jsonl")
        return known[run]

    return outcomes


def carry_out(run: Run, installation: Installation, base: Path, results: Path) -> tuple[dict[str, Any], str]:
    results.touch()
    command = (installation.python, FOLDER / "runner.py", installation.folder, base, results, run.device, *run.checks)
    printed = results.with_suffix(".log")
    with printed.open("wb") as log:
        try:
            subprocess.run(
                [str(part) for part in command],
                cwd=installation.folder,
                env=clean_environment(),
                stdout=log,
                stderr=subprocess.STDOUT,
                timeout=MOST_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            log.write(f"\nThe checks had not ended after {MOST_SECONDS} seconds.\n".encode())
    outcomes = [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]
    return {outcome["check"]: outcome for outcome in outcomes}, printed.read_text(encoding="utf-8", errors="replace")


@pytest.mark.parametrize(("run", "check"), CHECKS, ids=[f"{run.device}-{check}" for run, check in CHECKS])
def test_check(run, check, outcomes_of):
    outcomes, printed = outcomes_of(run)
    assert check in outcomes, f"the check did not run; the process said:\n{printed[-4000:]}"
    if outcomes[check]["fault"] is not None:
        pytest.fail(f"{outcomes[check]['fault']}\n{printed[-2000:]}", pytrace=False)
