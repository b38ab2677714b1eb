"""Ten of the prompts that tests/tools/soak.py sends by the hundred: films, mistakes and Cancel in one host."""

import shutil
import sys

import pytest
from installation import ROOT
from tiny_weights import weights_folder

sys.path.insert(0, str(ROOT / "tests" / "tools"))

from soak import ROUND, soak  # noqa: E402 - found only once the folder is on the path


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="threads are counted on Linux")
def test_nothing_is_left_over_after_ten_prompts(host):
    seen = soak(host, len(ROUND))
    shutil.rmtree(weights_folder(host.base))
    assert dict(seen.ended) == {"ran": 6, "refused": 2, "cancelled": 2}
    assert seen.left == [] and seen.more_threads() == 0
