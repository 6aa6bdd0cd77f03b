# Generated from ../_async/accounts.py by scripts/unasync.py: change that file, and run the script.
"""The account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...contract.endpoints import accounts
from ..errors import hide_from_traceback
from .transport import Transport

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ...contract.params.options import BaseRequestOptions
    from ...contract.views.accounts import AccountView

__tracebackhide__ = hide_from_traceback


class Accounts:
    """Tells whose key this is; `runloop.accounts`. The service has it since 2026.

    :param transport: the client's.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def me(self, **options: Unpack[BaseRequestOptions]) -> AccountView:
        """Return the account that the key belongs to; of a local backend, that of its state directory."""
        return self._transport.call(accounts.ME, {}, options)
