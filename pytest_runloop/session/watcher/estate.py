"""What the watcher does when a run has died. It has only the standard library."""

from __future__ import annotations

import fcntl
import json
import shutil
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

WORKERS = 16
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 10.0
"""Seconds between two tries; each pause is twice the one before, while the service is asked for something."""


def sweep(lock: str, told: dict[str, Any]) -> None:
    """End the devboxes of a dead run, and remove its directory when the service confirmed all of it.

    :param lock: the run's own lock, which is held.
    :param told: as the run said it when it started the watcher.
    """
    run = Path(lock).parent
    estate = Estate(run, told)
    start, pause = time.monotonic(), FIRST_PAUSE
    while time.monotonic() - start < told["seconds"]:
        # In this order: else what the last survivor wrote down just before its end would be missed.
        survived = survivors(run / told["members"])
        left = estate.settle(late=time.monotonic() - start > told["grace_seconds"])
        if not left and not survived:
            if not (run / told["kept"]).exists():
                shutil.rmtree(run, ignore_errors=True)
            return
        time.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE) if left else FIRST_PAUSE


def survivors(members: Path) -> bool:
    """Tell whether workers of the run live still: those of a killed controller go on for a while."""
    try:
        with members.open("r+b") as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


class Estate:
    """The ledger that a dead run left.

    :param run: the run's directory.
    :param told: what its files and the metadata of its devboxes are called, and how to reach the service.
    """

    def __init__(self, run: Path, told: dict[str, Any]) -> None:
        self._told = told
        self._ledger = run / told["ledger"]
        self._kept = run / told["kept"]
        self._service = Service(told)

    def settle(self, *, late: bool) -> int:
        """Try once to end every devbox; return how many entries are left.

        :param late: whether requests that were on their way when the run died have been carried out by now.
        """
        entries = dict(self._entries())
        devboxes = {path: entry["devbox"] for path, entry in entries.items() if entry.get("devbox")}
        nameless = {path: entry for path, entry in entries.items() if path not in devboxes}
        try:
            devboxes |= self._found(nameless)
        except Exception:  # the others need not wait for that
            late = False
        with ThreadPoolExecutor(WORKERS) as threads:
            list(threads.map(self._end, devboxes, devboxes.values()))
        if late:
            for path in entries.keys() - devboxes.keys():  # nothing came of these
                path.unlink(missing_ok=True)
        return len(list(self._entries()))

    def _entries(self) -> Iterator[tuple[Path, dict[str, Any]]]:
        for path in self._ledger.glob("*.json"):
            try:
                entry = json.loads(path.read_text(encoding="utf-8"))
            except FileNotFoundError:  # struck by a survivor
                continue
            except ValueError:  # damaged, yet its name is enough to find the devbox
                entry = {"written_ms": path.stat().st_mtime * 1000}
            yield path, entry

    def _found(self, nameless: dict[Path, dict[str, Any]]) -> dict[Path, str]:
        """Find devboxes whose ids never reached the run, by their metadata."""
        if not nameless:
            return {}
        wanted, found = {path.stem: path for path in nameless}, dict[Path, str]()
        now_ms = time.time() * 1000  # the clock may have been set back since
        oldest = min(now_ms, *(entry["written_ms"] for entry in nameless.values())) - self._told["skew_ms"]
        for view in self._service.newest():
            if view["create_time_ms"] < oldest:
                break
            path = wanted.get((view.get("metadata") or {}).get(self._told["entry_key"], ""))
            if path is not None and view["status"] not in self._told["ended"]:
                found[path] = view["id"]
        return found

    def _end(self, path: Path, devbox: str) -> None:
        kept = (self._kept / f"{devbox}.json").exists()  # who kept it was killed before the entry went
        try:
            if kept or self._service.end(devbox):
                path.unlink(missing_ok=True)
        except Exception:  # tried again
            return


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the key to another server."""

    def redirect_request(self, *_: Any) -> None:
        return None


class Service:
    """The few calls of the API that it takes.

    :param told: `base_url`, `api_key`, the `ended` statuses, and the certificates to trust.
    """

    def __init__(self, told: dict[str, Any]) -> None:
        named = urllib.request.getproxies()
        proxies = {scheme: named.get(scheme) or named.get("all") for scheme in ("http", "https")}
        trusted = ssl.create_default_context(cafile=told["cafile"], capath=told["capath"])
        self._told = told
        self._open = urllib.request.build_opener(
            urllib.request.ProxyHandler({scheme: proxy for scheme, proxy in proxies.items() if proxy}),
            urllib.request.HTTPSHandler(context=trusted),
            _NoRedirects,
        ).open

    def end(self, devbox: str) -> bool:
        """Shut a devbox down; tell whether the service confirmed that it has ended.

        :raises OSError: if it did not answer, or refused.
        """
        path = f"/v1/devboxes/{quote(devbox, safe='')}"
        try:
            self._ask(f"{path}/shutdown?force=true", b"")
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return True
            # A devbox that has ended may refuse to end once more.
            return self._ask(path)["status"] in self._told["ended"]
        return True

    def newest(self) -> Iterator[dict[str, Any]]:
        """Yield devboxes, the newest first."""
        after = ""
        while True:
            page = self._ask(f"/v1/devboxes?limit=100{after}")
            yield from page["devboxes"]
            if not page.get("has_more") or not page["devboxes"]:
                return
            after = f"&starting_after={page['devboxes'][-1]['id']}"

    def _ask(self, path: str, content: bytes | None = None) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._told['api_key']}", "Content-Type": "application/json"}
        request = urllib.request.Request(self._told["base_url"] + path, content, headers)
        with self._open(request, timeout=self._told["timeout_seconds"]) as answer:
            found: dict[str, Any] = json.loads(answer.read())
        return found
