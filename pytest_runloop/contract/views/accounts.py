"""Views of the account that a key belongs to."""

from __future__ import annotations

from typing import Literal

from .base import View

AccountBillingType = Literal["STRIPE", "AWS_MARKETPLACE", "STRIPE_PROJECTS", "UNRECOGNIZED"]
AccountStatus = Literal[
    "ACCOUNT_STATUS_INVALID",
    "ACCOUNT_STATUS_ONBOARDING",
    "ACCOUNT_STATUS_ENABLED",
    "ACCOUNT_STATUS_DISABLED_BY_ADMIN",
    "ACCOUNT_STATUS_DISABLED_QUOTA_REACHED",
    "ACCOUNT_STATUS_TRIAL_CANCELLED",
    "ACCOUNT_STATUS_STRIPE_PENDING_RESOURCES",
    "UNRECOGNIZED",
]
AccountTier = Literal[
    "ACCOUNT_TIER_INVALID",
    "ACCOUNT_TIER_BASIC",
    "ACCOUNT_TIER_PRO",
    "ACCOUNT_TIER_ENTERPRISE",
    "ACCOUNT_TIER_TRIAL",
    "UNRECOGNIZED",
]


class AccountBillingAws(View):
    """What AWS Marketplace knows of it."""

    customer_identifier: str | None = None
    license_arn: str | None = None
    subscription_status: str | None = None


class AccountBillingStripe(View):
    """What Stripe knows of it."""

    active_subscription: str | None = None
    customer_id: str | None = None


class AccountBilling(View):
    """Who is paid for it, and how."""

    account_billing_type: AccountBillingType | str
    aws: AccountBillingAws | None = None
    stripe: AccountBillingStripe | None = None


class AccountView(View):
    """An account (service of 2026)."""

    id: str
    name: str
    account_status: AccountStatus | str
    billing: AccountBilling
    created_at: str
    """By ISO 8601."""
    tier: AccountTier | str
