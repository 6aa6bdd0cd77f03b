"""Files of devboxes."""

from __future__ import annotations

from ...contract.endpoints import devboxes as endpoints
from ...contract.views.executions import DevboxExecutionDetailView
from .. import files
from ..backend import Backend
from ..calls import Call
from ..multipart import parts
from ._table import Table

HANDLES = Table()


@HANDLES(endpoints.READ_FILE_CONTENTS)
async def read_file_contents(backend: Backend, call: Call) -> files.FileBody:
    """Send a text file."""
    return await files.read(backend.life(call.id), call.params["file_path"], "`file_path`")


@HANDLES(endpoints.DOWNLOAD_FILE)
async def download_file(backend: Backend, call: Call) -> files.FileBody:
    """Send a file of any content."""
    return await files.read(backend.life(call.id), call.params["path"], "`path`")


@HANDLES(endpoints.WRITE_FILE_CONTENTS)
async def write_file_contents(backend: Backend, call: Call) -> DevboxExecutionDetailView:
    """Write a text file."""
    life = backend.life(call.id)
    with life.using():
        await files.write(life.devbox, call.params["file_path"], call.params["contents"])
    return DevboxExecutionDetailView(devbox_id=call.id, exit_status=0, stdout="", stderr="")


@HANDLES(endpoints.UPLOAD_FILE)
async def upload_file(backend: Backend, call: Call) -> None:
    """Write a file of any content while it arrives."""
    life = backend.life(call.id)
    life.devbox.running_box("upload a file")
    assert call.body is not None
    with life.using():
        await files.Upload(life.devbox, backend.directory).take(parts(call.content_type, call.body))
