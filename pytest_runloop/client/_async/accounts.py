"""The account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...contract.endpoints import accounts
from ..errors import hide_from_traceback
from .transport import AsyncTransport

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ...contract.params.options import BaseRequestOptions
    from ...contract.views.accounts import AccountView

__tracebackhide__ = hide_from_traceback


class AsyncAccounts:
    """Tells whose key this is; `runloop.accounts`. The service has it since 2026.

    :param transport: the client's.
    """

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def me(self, **options: Unpack[BaseRequestOptions]) -> AccountView:
        """Return the account that the key belongs to; of a local backend, that of its state directory."""
        return await self._transport.call(accounts.ME, {}, options)
