"""Where the API is, who is asking, and how patient the client is."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from .errors import ConfigurationError, hide_from_traceback
from .secret import Secret

__tracebackhide__ = hide_from_traceback

CLOUD: Final = "https://api.runloop.ai"
CONNECT_SECONDS: Final = 5.0
DEFAULT_SECONDS: Final = 30.0
SLOW_SECONDS: Final = 600.0


@dataclass(frozen=True, slots=True)
class Settings:
    """What a client was made with.

    :param base_url: where the API is, without a slash at the end.
    :param base_url_from: who said so, in words.
    :param api_key: the key.
    :param timeout: how long an answer may take, in seconds; `None` for the defaults of each call.
    :param max_retries: how often a failed request is repeated.
    """

    base_url: str
    base_url_from: str
    api_key: Secret
    timeout: float | None = None
    max_retries: int = 5

    @property
    def on_this_machine(self) -> bool:
        """Whether the API is at an address of this machine's own."""
        host = urlsplit(self.base_url).hostname or ""
        return host in ("localhost", "::1") or host.startswith("127.")

    def seconds(self, slow: bool) -> float:
        """How long the answer to a call may take, in seconds."""
        if self.timeout is not None:
            return self.timeout
        return SLOW_SECONDS if slow else DEFAULT_SECONDS


def settings_from(
    base_url: str | None, api_key: Secret | None, timeout: float | None, max_retries: int
) -> Settings:
    """Complete the caller's arguments from the environment.

    :raises ConfigurationError: if the key is missing or unusable, or the base URL is not one.
    """
    url, source = _base_url(base_url)
    if max_retries < 0:
        raise ConfigurationError(f"max_retries must not be negative, and is {max_retries}")
    if timeout is not None and not timeout > 0:
        raise ConfigurationError(f"timeout must be more than 0 seconds, and is {timeout}")
    return Settings(url, source, _usable(api_key or _key_of_environment()), timeout, max_retries)


def _base_url(given: str | None) -> tuple[str, str]:
    if given:
        return _checked(given, "the base_url argument")
    named = os.environ.get("RUNLOOP_BASE_URL", "").strip()
    if named:
        return _checked(named, "RUNLOOP_BASE_URL")
    return CLOUD, "the default"


def _checked(url: str, source: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ConfigurationError(
            f"{source} is not a base URL: {url!r}. It looks like {CLOUD} or http://127.0.0.1:8080."
        )
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigurationError(
            f"{source} must be scheme, host, port and path only; the key goes into RUNLOOP_API_KEY."
        )
    return url.rstrip("/"), source


def _key_of_environment() -> Secret:
    key = os.environ.get("RUNLOOP_API_KEY", "")
    if not key.strip():
        raise ConfigurationError(
            "No API key. Set RUNLOOP_API_KEY, or pass api_key=. "
            "Without an account, `pytest-runloop serve` starts a local backend and prints its URL and key."
        )
    return Secret(key)


def _usable(key: Secret) -> Secret:
    text = key.reveal().strip()
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise ConfigurationError(
            "The API key (api_key or RUNLOOP_API_KEY) is empty, or has spaces or characters that no key has. "
            "Was something else pasted into it?"
        )
    return Secret(text)
