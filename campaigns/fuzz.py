"""Every test that is marked as a campaign: changed objects by the hundred thousand.

`make campaign-fuzz`; ARGS go to pytest.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

if __name__ == "__main__":
    sys.exit(
        pytest.main(["-m", "campaign", f"--rootdir={ROOT}", str(ROOT / "tests"), *sys.argv[1:]])
    )
