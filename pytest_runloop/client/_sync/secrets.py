# Generated from ../_async/secrets.py by scripts/unasync.py: change that file, and run the script.
"""Making and finding secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...contract.endpoints import secrets
from ..errors import BadRequestError, NotFoundError, hide_from_traceback
from ..pages import Fetched, Items
from ..secret import Secret as Hidden
from .secret import Secret, SecretById
from .transport import Transport

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ...contract.params.calls import SDKSecretListParams
    from ...contract.params.options import BaseRequestOptions, LongRequestOptions
    from ...contract.views.secrets import SecretView

__tracebackhide__ = hide_from_traceback


class SecretOps:
    """Makes and finds secrets; `runloop.secret`.

    :param transport: the client's.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(self, name: str, value: str, **options: Unpack[LongRequestOptions]) -> Secret:
        """Keep a new secret. Devboxes get it with `secrets={"VARIABLE": name}`.

        :param name: letters, digits and underscores; unique in the account.
        :param value: never comes back.
        :raises BadRequestError: if there is one of this name.
        """
        hidden = Hidden(value)
        del value  # Tracebacks may show what arguments hold.
        return self._created(name, hidden, options)

    def put(self, name: str, value: str, **options: Unpack[BaseRequestOptions]) -> Secret:
        """Keep a secret, whether there is one of this name or not: for suites, since secrets outlive runs.

        :param name: letters, digits and underscores.
        :param value: never comes back.
        """
        hidden = Hidden(value)
        del value  # Tracebacks may show what arguments hold.
        if self._changed(name, hidden, options):
            return Secret(self._transport, name)
        try:
            return self._created(name, hidden, options)
        except BadRequestError:
            # Another worker may have been quicker.
            if self._changed(name, hidden, options):
                return Secret(self._transport, name)
            raise

    def from_name(self, name: str) -> Secret:
        """Return the handle of the newest secret of a name. Nothing is asked of the service."""
        return Secret(self._transport, name)

    def from_id(self, id: str) -> SecretById:  # noqa: A002 - The official SDK's name.
        """Return the handle of exactly one secret. Nothing is asked of the service."""
        return SecretById(self._transport, id)

    def update(self, secret: Secret | str, value: str, **options: Unpack[LongRequestOptions]) -> Secret:
        """Give the newest secret of a name another value. Devboxes that have the old one keep it.

        :param secret: it, or its name.
        """
        hidden = Hidden(value)
        del value  # Tracebacks may show what arguments hold.
        name = secret if isinstance(secret, str) else secret.name
        params = {"value": hidden, **options}
        self._transport.call(secrets.UPDATE, {"name": name}, params)
        return Secret(self._transport, name)

    def list(self, **params: Unpack[SDKSecretListParams]) -> Items[Secret]:
        """Return the newest secrets: the service has no further pages of them.

        :param params: `limit` for at most so many: 20 by default, 5,000 at the most.
        """

        def fetch(_: str | None) -> Fetched[Secret]:
            view = self._transport.call(secrets.LIST, {}, params)
            return [Secret(self._transport, item.name, item.id) for item in view.secrets or []], None

        return Items(fetch)

    def delete(self, secret: Secret | str, **options: Unpack[LongRequestOptions]) -> SecretView:
        """Delete the secret of a name, and return what it was.

        :param secret: it, or its name.
        """
        name = secret if isinstance(secret, str) else secret.name
        return self._transport.call(secrets.DELETE, {"name": name}, options)

    def _created(self, name: str, value: Hidden, options: Any) -> Secret:
        view = self._transport.call(secrets.CREATE, {}, {"name": name, "value": value, **options})
        return Secret(self._transport, view.name, view.id)

    def _changed(self, name: str, value: Hidden, options: Any) -> bool:
        """Give a secret another value, and tell whether there is one."""
        try:
            self._transport.call(secrets.UPDATE, {"name": name}, {"value": value, **options})
        except NotFoundError:
            return False
        return True
