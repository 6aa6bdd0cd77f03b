"""What all devboxes of this suite have in common."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture(scope="session")
def devbox_defaults() -> dict[str, Any]:
    """Give every devbox a variable; a test's marker adds to it, or replaces it."""
    return {"environment_variables": {"STAGE": "test"}}
