"""500 of the damaged and odd files that tests/tools/fuzz.py makes from seeds, and those that once were a fault."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "tools"))

from fuzz import fuzz  # noqa: E402

ONCE_A_FAULT = [274, 310, 980, 1009, 1614, 2127, 2870, 3354, 4195, 4258, 6525, 8245, 9242, 9402]
"""Head poses that are no numbers, quotations over many lines, streams that FFmpeg finds late or cannot decode, names
too long for a file, hours beyond all numbers.
"""


@pytest.mark.timeout(600)
def test_whatever_is_damaged_is_read_or_refused_in_one_sentence():
    assert fuzz([*range(500), *ONCE_A_FAULT]) == {}
