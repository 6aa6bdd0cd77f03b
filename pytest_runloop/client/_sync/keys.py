# Generated from ../_async/keys.py by scripts/unasync.py: change that file, and run the script.
"""Making API keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...contract.endpoints import apikeys, restricted_keys
from ..errors import hide_from_traceback
from .transport import Transport

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ...contract.params.calls import SDKApikeyCreateParams, SDKRestrictedKeyCreateParams
    from ...contract.views.keys import APIKeyCreatedView, RestrictedKeyCreatedView

__tracebackhide__ = hide_from_traceback


class Apikeys:
    """Makes keys that may do everything; `runloop.apikeys`. The service has them since 2026.

    :param transport: the client's.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(self, **params: Unpack[SDKApikeyCreateParams]) -> APIKeyCreatedView:
        """Make a key. Its value, the answer's `key_secret`, does not come back again.

        :param params: if wanted `name`, and `expires_at_ms`, milliseconds since the epoch.
        :raises PermissionDeniedError: if the key in use is a restricted one that may not make keys.
        """
        return self._transport.call(apikeys.CREATE, {}, params)


class RestrictedKeys:
    """Makes keys that may do some things only; `runloop.restricted_keys`. The service has them since 2026.

    :param transport: the client's.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(self, **params: Unpack[SDKRestrictedKeyCreateParams]) -> RestrictedKeyCreatedView:
        """Make a key. Its value, the answer's `key_secret`, does not come back again.

        :param params: `scopes`, each a `resource_type` as `RESOURCE_TYPE_DEVBOXES` with an `access_level` as
            `ACCESS_LEVEL_READ`, and if wanted `name`, and `expires_at_ms`, milliseconds since the epoch.
        :raises PermissionDeniedError: if the key in use is a restricted one that may not make keys.
        """
        return self._transport.call(restricted_keys.CREATE, {}, params)
