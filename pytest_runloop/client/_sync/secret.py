# Generated from ../_async/secret.py by scripts/unasync.py: change that file, and run the script.
"""One secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...contract.endpoints import secrets
from ..errors import hide_from_traceback
from ..secret import Secret as Hidden
from .transport import Transport

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ...contract.params.options import BaseRequestOptions, LongRequestOptions
    from ...contract.views.secrets import SecretView

__tracebackhide__ = hide_from_traceback


class Secret:
    """The newest secret of a name. Its value never comes back.

    :param transport: the client's.
    :param name: its name.
    :param secret_id: what its id was when it was made or listed.
    """

    def __init__(self, transport: Transport, name: str, secret_id: str | None = None) -> None:
        self._transport = transport
        self._name = name
        self._id = secret_id
        self._path = {"name": name}

    @property
    def name(self) -> str:
        """Its name."""
        return self._name

    @property
    def id(self) -> str | None:
        """What its id was when it was made or listed; `None` if that is not known."""
        return self._id

    def get_info(self, **options: Unpack[BaseRequestOptions]) -> SecretView:
        """Return what the service says about it."""
        return self._transport.call(secrets.RETRIEVE, self._path, options)

    def update(self, value: str, **options: Unpack[LongRequestOptions]) -> SecretView:
        """Give it another value. Devboxes that have the old one keep it."""
        params = {"value": Hidden(value), **options}
        del value  # Tracebacks may show what arguments hold.
        return self._transport.call(secrets.UPDATE, self._path, params)

    def delete(self, **options: Unpack[LongRequestOptions]) -> SecretView:
        """Delete it, and return what it was."""
        return self._transport.call(secrets.DELETE, self._path, options)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._name}>"


class SecretById:
    """Exactly one secret: another one of the same name has another id.

    :param transport: the client's.
    :param secret_id: its id.
    """

    def __init__(self, transport: Transport, secret_id: str) -> None:
        self._transport = transport
        self._id = secret_id
        self._path = {"id": secret_id}

    @property
    def id(self) -> str:
        """Its id."""
        return self._id

    def get_info(self, **options: Unpack[BaseRequestOptions]) -> SecretView:
        """Return what the service says about it."""
        return self._transport.call(secrets.RETRIEVE_BY_ID, self._path, options)

    def update(self, value: str, **options: Unpack[LongRequestOptions]) -> SecretView:
        """Give it another value. Devboxes that have the old one keep it."""
        params = {"value": Hidden(value), **options}
        del value  # Tracebacks may show what arguments hold.
        return self._transport.call(secrets.UPDATE_BY_ID, self._path, params)

    def delete(self, **options: Unpack[LongRequestOptions]) -> SecretView:
        """Delete it, and return what it was."""
        return self._transport.call(secrets.DELETE_BY_ID, self._path, options)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._id}>"
