"""Every check of in_process/*_checks.py, a test each. One process of the host's Python runs a file's checks."""

import ast
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from installation import Installation, clean_environment
from server import lay_out

FOLDER = Path(__file__).parent / "in_process"
MOST_SECONDS = 600
pytestmark = pytest.mark.timeout(MOST_SECONDS + 60)  # a file's first check waits for all of them


def checks_of(path: Path) -> list[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    return [function.name for function in functions if function.name.startswith("check_")]


CHECKS = [(path, name) for path in sorted(FOLDER.glob("*_checks.py")) for name in checks_of(path)]


@pytest.fixture(scope="session")
def outcomes_of(
    installation: Installation, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Path], tuple[dict[str, Any], str]]:
    """From a file of checks to its outcomes by name, and what was printed; run at the first question."""
    known: dict[Path, tuple[dict[str, Any], str]] = {}
    base = tmp_path_factory.mktemp("in_process")
    lay_out(base)

    def outcomes(path: Path) -> tuple[dict[str, Any], str]:
        if path not in known:
            known[path] = run_file(installation, base, path)
        return known[path]

    return outcomes


def run_file(installation: Installation, base: Path, path: Path) -> tuple[dict[str, Any], str]:
    results = base / f"{path.stem}.jsonl"
    results.touch()
    command = [installation.python, FOLDER / "runner.py", installation.folder, base, path, results]
    printed = base / f"{path.stem}.log"
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
            log.write(f"\nThe file's checks had not ended after {MOST_SECONDS} seconds.\n".encode())
    outcomes = [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]
    return {outcome["check"]: outcome for outcome in outcomes}, printed.read_text(encoding="utf-8", errors="replace")


@pytest.mark.parametrize(("path", "name"), CHECKS, ids=[f"{path.stem}-{name}" for path, name in CHECKS])
def test_check(path, name, outcomes_of):
    outcomes, printed = outcomes_of(path)
    assert name in outcomes, f"the check did not run; the process said:\n{printed[-4000:]}"
    if outcomes[name]["fault"] is not None:
        pytest.fail(f"{outcomes[name]['fault']}\n{printed[-2000:]}", pytrace=False)
