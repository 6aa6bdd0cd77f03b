"""Keeps what hypothesis writes out of the work tree."""

from __future__ import annotations

import tempfile

from hypothesis.configuration import set_hypothesis_home_dir

_HOME = tempfile.TemporaryDirectory(prefix="hypothesis-")
# At import: a fixture comes after hypothesis has begun to write.
set_hypothesis_home_dir(_HOME.name)
