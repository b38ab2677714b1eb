"""Every check of in_process/*_checks.py, a test each, on the CPU."""

import pytest
from host_checks import FOLDER, PATIENCE, checks_of, outcomes_of

ON_CARDS_ONLY = ("card_checks", "workflow_checks")
FILES = sorted(path.stem for path in FOLDER.glob("*_checks.py") if path.stem not in ON_CARDS_ONLY)
pytestmark = PATIENCE


@pytest.fixture(scope="module")
def show(request, installation, tmp_path_factory):
    return outcomes_of(request, installation, tmp_path_factory)


@pytest.mark.parametrize("check", [check for stem in FILES for check in checks_of(stem, "cpu")], ids=str)
def test_check(check, show):
    show(check)
