"""What the tests of erasures share."""

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def remembered(settings: Any, tmp_path: Path) -> Path:
    """Where the list of erasures is kept."""
    settings.ERASURES_DIRECTORY = tmp_path / "erasures"
    return tmp_path / "erasures"
