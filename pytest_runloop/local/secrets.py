"""Secrets: keeping them, and giving their values to what is launched with them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import NoReturn

from ..contract.views.secrets import SecretView
from .clock import Clock
from .errors import ApiError, invalid, not_found
from .ids import new_id
from .launch import check_environment
from .records import Records, SecretRecord
from .store import Store

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Secrets:
    """All secrets of the state directory. Their values leave it only into devboxes.

    :param store: what `records` are kept in.
    """

    def __init__(self, store: Store, records: Records, clock: Clock) -> None:
        self._store = store
        self._records = records.secrets
        self._clock = clock

    def create(self, name: str, value: str) -> SecretView:
        """Keep a new secret.

        :raises ApiError: 400 if the name is taken or cannot be one, or the value cannot be one.
        """
        if not _NAME.fullmatch(name):
            raise invalid(
                "`name` must be a possible name of an environment variable: letters, digits and underscores"
            )
        _check_value(value)
        now = self._clock.now_ms()
        view = SecretView(id=new_id("sec"), name=name, create_time_ms=now, update_time_ms=now)
        with self._store.transaction():
            if self._newest(name) is not None:
                hint = f"give it another value with `POST /v1/secrets/{name}`, or delete it first"
                raise ApiError(400, "already_exists", f"there is a secret `{name}` already: {hint}")
            self._records.put(SecretRecord(view=view, value=value))
        return view

    def all(self) -> list[SecretView]:
        """Return all secrets, newest first."""
        return [record.view for record in self._records.all()]

    def get(self, identifier: str) -> SecretRecord:
        """Return the secret with this id.

        :raises ApiError: 404 if there is none.
        """
        return self._records.found(identifier, "secret")

    def named(self, name: str) -> SecretRecord:
        """Return the newest secret of a name.

        :raises ApiError: 404 if there is none.
        """
        record = self._newest(name)
        if record is None:
            raise ApiError(404, "not_found", f"there is no secret `{name}` on this server")
        return record

    def update(self, identifier: str, value: str) -> SecretView:
        """Give a secret another value. Devboxes that have the old one keep it.

        :raises ApiError: 404 if there is none with this id, 400 if the value cannot be one.
        """
        _check_value(value)
        try:
            with self._records.changing(identifier) as record:
                record.value = value
                record.view.update_time_ms = self._clock.now_ms()
        except KeyError:
            raise not_found("secret", identifier) from None
        self._store.clean()
        return record.view

    def delete(self, identifier: str) -> SecretView:
        """Delete a secret, and return what it was.

        :raises ApiError: 404 if there is none with this id.
        """
        with self._store.transaction():
            record = self.get(identifier)
            self._records.delete(identifier)
        self._store.clean()
        return record.view

    def usable(self, wanted: str, field: str) -> SecretRecord:
        """Return the secret that a parameter means, by its id or its name.

        :param field: the parameter.
        :raises ApiError: 400 if there is none.
        """
        record = self._records.get(wanted) or self._newest(wanted)
        if record is None:
            self._refuse(field, wanted)
        return record

    def value(self, identifier: str) -> str | None:
        """Return the value of the secret with this id, if there is one."""
        record = self._records.get(identifier)
        return None if record is None else record.value

    def values(self, wanted: Mapping[str, str]) -> dict[str, str]:
        """Return the environment variables that the parameter `secrets` asks for.

        :param wanted: variable to the name of a secret.
        :raises ApiError: 400 if there is no such secret, or no such variable can be.
        """
        found = {variable: self._wanted(variable, name) for variable, name in wanted.items()}
        check_environment(found, "secrets")
        if "PATH" in found:
            # It is put into command lines, which a process list shows.
            raise invalid("`secrets`: PATH cannot be a secret: use `environment_variables`")
        return found

    def _wanted(self, variable: str, name: str) -> str:
        record = self._newest(name)
        if record is None:
            self._refuse(f"secrets.{variable}", name)
        return record.value

    def _refuse(self, field: str, name: str) -> NoReturn:
        near = difflib.get_close_matches(name, [view.name for view in self.all()], n=1)
        hint = f"did you mean `{near[0]}`?" if near else "create it with `POST /v1/secrets` first"
        raise invalid(f"`{field}`: there is no secret `{name}` on this server; {hint}")

    def _newest(self, name: str) -> SecretRecord | None:
        return next((record for record in self._records.all() if record.view.name == name), None)


def _check_value(value: str) -> None:
    check_environment({"value": value}, "value")
