"""Checks that run inside the host's own Python: which there are, and how they are carried out."""

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
PATIENCE = pytest.mark.timeout(MOST_SECONDS + 60)
"""The first check of a device waits for all of them."""


class Check(NamedTuple):
    """name: FILE.CHECK · device: cpu, or a card of in_process/runner.py."""

    device: str
    name: str

    def __str__(self) -> str:
        return f"{self.device}-{self.name}"


def checks_of(stem: str, device: str, beginnings: tuple[str, ...] = ()) -> list[Check]:
    """Those of a file, or those of them whose names begin so."""
    tree = ast.parse((FOLDER / f"{stem}.py").read_text(encoding="utf-8"))
    names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    return [Check(device, f"{stem}.{name}") for name in names if name.startswith(beginnings or ("check_",))]


def outcomes_of(
    request: pytest.FixtureRequest, installation: Installation, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Check], None]:
    """What shows a check as a test. All checks of a device that this run of pytest was asked for are carried out at the
    first question, in one process: the host takes as long to start as ten of them.
    """
    asked = [item.callspec.params.get("check") for item in request.session.items if hasattr(item, "callspec")]
    known: dict[str, tuple[dict[str, Any], str]] = {}
    base = tmp_path_factory.mktemp("in_process")
    lay_out(base)

    def show(check: Check) -> None:
        if check.device not in known:
            names = [one.name for one in asked if isinstance(one, Check) and one.device == check.device]
            known[check.device] = carry_out(check.device, names, installation, base)
        outcomes, printed = known[check.device]
        assert check.name in outcomes, f"the check did not run; the process said:\n{printed[-4000:]}"
        if outcomes[check.name]["fault"] is not None:
            pytest.fail(f"{outcomes[check.name]['fault']}\n{printed[-2000:]}", pytrace=False)

    return show


def carry_out(device: str, names: list[str], installation: Installation, base: Path) -> tuple[dict[str, Any], str]:
    """The outcomes by name, and what was printed."""
    results = base / f"{device}.jsonl"
    results.touch()
    printed = results.with_suffix(".log")
    command = (installation.python, FOLDER / "runner.py", installation.folder, base, results, device, *names)
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
