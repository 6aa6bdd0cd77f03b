"""Making and finding secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...contract.endpoints import secrets
from ..errors import BadRequestError, NotFoundError, hide_from_traceback
from ..pages import AsyncItems, Fetched
from ..secret import Secret as Hidden
from .secret import AsyncSecret, AsyncSecretById
from .transport import AsyncTransport

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ...contract.params.calls import SDKSecretListParams
    from ...contract.params.options import BaseRequestOptions, LongRequestOptions
    from ...contract.views.secrets import SecretView

__tracebackhide__ = hide_from_traceback


class AsyncSecretOps:
    """Makes and finds secrets; `runloop.secret`.

    :param transport: the client's.
    """

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def create(self, name: str, value: str, **options: Unpack[LongRequestOptions]) -> AsyncSecret:
        """Keep a new secret. Devboxes get it with `secrets={"VARIABLE": name}`.

        :param name: letters, digits and underscores; unique in the account.
        :param value: never comes back.
        :raises BadRequestError: if there is one of this name.
        """
        hidden = Hidden(value)
        del value  # Tracebacks may show what arguments hold.
        return await self._created(name, hidden, options)

    async def put(self, name: str, value: str, **options: Unpack[BaseRequestOptions]) -> AsyncSecret:
        """Keep a secret, whether there is one of this name or not: for suites, since secrets outlive runs.

        :param name: letters, digits and underscores.
        :param value: never comes back.
        """
        hidden = Hidden(value)
        del value  # Tracebacks may show what arguments hold.
        if await self._changed(name, hidden, options):
            return AsyncSecret(self._transport, name)
        try:
            return await self._created(name, hidden, options)
        except BadRequestError:
            # Another worker may have been quicker.
            if await self._changed(name, hidden, options):
                return AsyncSecret(self._transport, name)
            raise

    def from_name(self, name: str) -> AsyncSecret:
        """Return the handle of the newest secret of a name. Nothing is asked of the service."""
        return AsyncSecret(self._transport, name)

    def from_id(self, id: str) -> AsyncSecretById:  # noqa: A002 - The official SDK's name.
        """Return the handle of exactly one secret. Nothing is asked of the service."""
        return AsyncSecretById(self._transport, id)

    async def update(
        self, secret: AsyncSecret | str, value: str, **options: Unpack[LongRequestOptions]
    ) -> AsyncSecret:
        """Give the newest secret of a name another value. Devboxes that have the old one keep it.

        :param secret: it, or its name.
        """
        hidden = Hidden(value)
        del value  # Tracebacks may show what arguments hold.
        name = secret if isinstance(secret, str) else secret.name
        params = {"value": hidden, **options}
        await self._transport.call(secrets.UPDATE, {"name": name}, params)
        return AsyncSecret(self._transport, name)

    def list(self, **params: Unpack[SDKSecretListParams]) -> AsyncItems[AsyncSecret]:
        """Return the newest secrets: the service has no further pages of them.

        :param params: `limit` for at most so many: 20 by default, 5,000 at the most.
        """

        async def fetch(_: str | None) -> Fetched[AsyncSecret]:
            view = await self._transport.call(secrets.LIST, {}, params)
            return [AsyncSecret(self._transport, item.name, item.id) for item in view.secrets or []], None

        return AsyncItems(fetch)

    async def delete(self, secret: AsyncSecret | str, **options: Unpack[LongRequestOptions]) -> SecretView:
        """Delete the secret of a name, and return what it was.

        :param secret: it, or its name.
        """
        name = secret if isinstance(secret, str) else secret.name
        return await self._transport.call(secrets.DELETE, {"name": name}, options)

    async def _created(self, name: str, value: Hidden, options: Any) -> AsyncSecret:
        view = await self._transport.call(secrets.CREATE, {}, {"name": name, "value": value, **options})
        return AsyncSecret(self._transport, view.name, view.id)

    async def _changed(self, name: str, value: Hidden, options: Any) -> bool:
        """Give a secret another value, and tell whether there is one."""
        try:
            await self._transport.call(secrets.UPDATE, {"name": name}, {"value": value, **options})
        except NotFoundError:
            return False
        return True
