"""`python -m tests.local.hasty STATE_DIR`: a server that holds no request for long, whatever it is."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from unittest.mock import patch

from pytest_runloop.local import serve
from pytest_runloop.local.backend import Backend
from pytest_runloop.local.settings import Settings

SETTINGS = Settings(
    devbox_hold=0.02, devbox_hold_max=0.05, execution_hold=0.05, create_hold=0.5, stream_keep_alive=1
)


def main(state_dir: str) -> int:
    """Serve on the best tier that the machine permits, until the standard input ends."""
    with patch.object(serve, "Backend", partial(Backend, settings=SETTINGS)):
        return serve.serve(serve.Options(state_dir=Path(state_dir), until_eof=True))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
