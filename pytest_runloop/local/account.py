"""The account of this backend: its state directory."""

from __future__ import annotations

from datetime import UTC, datetime

from ..contract.views.accounts import AccountBilling, AccountView
from .clock import Clock
from .ids import new_id
from .records import AccountRecord, Records
from .store import Store


class Account:
    """What there is to say of an account that nobody opened and nobody pays for.

    :param store: what `records` are kept in.
    """

    def __init__(self, store: Store, records: Records, clock: Clock) -> None:
        self._store = store
        self._records = records.account
        self._clock = clock

    def view(self) -> AccountView:
        """Return it. It gets its id when it is first asked for one, and keeps it."""
        if not (known := self._records.all()):
            with self._store.transaction():  # Another server may have been quicker.
                known = self._records.all() or [self._opened()]
        return known[0].view

    def _opened(self) -> AccountRecord:
        now = datetime.fromtimestamp(self._clock.now_ms() / 1000, UTC)
        view = AccountView(
            id=new_id("acc"),
            name="pytest-runloop",
            account_status="ACCOUNT_STATUS_ENABLED",
            # None of the service's tiers, and nobody is paid.
            tier="UNRECOGNIZED",
            billing=AccountBilling(account_billing_type="UNRECOGNIZED"),
            created_at=now.isoformat(timespec="milliseconds"),
        )
        record = AccountRecord(view=view)
        self._records.put(record)
        return record
