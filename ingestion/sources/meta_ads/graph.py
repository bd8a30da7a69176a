"""Meta's Graph API as this source reads it: pages, insights at once or as a report run, errors in our words."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any

from ingestion.errors import SourceError
from ingestion.http import VendorClient

BASE_URL = "https://graph.facebook.com/v26.0"
TOO_MUCH = "1487534"  # the subcode of "too much data": the only one that is told instead of its code
SYNC_DAYS = 31  # a longer window is asked for as a report run
PAGE = 500
NEXT_STEPS = {
    "190": "the token is over or withdrawn, and Meta renews none by itself: make a new token of the system user "
    "(Business settings > System users) and set SOURCES__META_ADS__ACCESS_TOKEN",
    "104": "set SOURCES__META_ADS__ACCESS_TOKEN",
    "10": "the app lacks a permission: grant it ads_read",
    "200": "the system user may not read this account: give it access in Business settings > Ad accounts",
    "100": "the request does not fit this version of the API; is SOURCES__META_ADS__BASE_URL of the version this was written for?",
    "2635": "this version of the API has ended; update the warehouse",
    "3018": "Meta tells 37 months back; choose a later start_date",
    TOO_MUCH: "too much for one report, and it cannot be asked for in parts",
}  # fmt: skip
# 4 the app's limit, 17 the user's, 32 the page's, 613 a call's, 80000 and up the ad account's; 2 is a passing fault.
THROTTLED = ("2", "4", "17", "32", "613", "80000", "80003", "80004")


class TooMuch(Exception):
    """Meta refuses the report as too large, or its run has failed."""


class Graph:
    """Reads one token's accounts. Safe to use from several threads. Raises SourceError."""

    def __init__(
        self, source: str, base_url: str, token: str, app_secret: str, poll_seconds: float, wait_seconds: float
    ) -> None:
        from dlt.sources.helpers.rest_client.auth import BearerTokenAuth

        self._source, self._poll, self._wait = source, poll_seconds, wait_seconds
        proof = hmac.new(app_secret.encode(), token.encode(), hashlib.sha256).hexdigest() if app_secret else ""
        self._always = {"appsecret_proof": proof} if proof else {}
        # the token goes in a header: addresses end up in logs
        self._client = VendorClient(
            source, base_url, auth=BearerTokenAuth(token), envelope=envelope, next_steps=NEXT_STEPS, throttled=THROTTLED,
            retry_hint=regain_hint,
        )  # fmt: skip

    def pages(self, path: str, params: Mapping[str, Any]) -> Iterator[list[Any]]:
        """The pages of an edge, by cursor: `paging.next` tells that there is more; its address, with a token in it, is not used."""
        asked: dict[str, Any] = {"limit": PAGE, **params, **self._always}
        while True:
            body = self._client.get(path, asked)
            if not isinstance(body, dict) or not isinstance(body.get("data"), list):
                raise SourceError(
                    self._source, f"{path}: expected a page with a list `data`, got {type(body).__name__}"
                )
            yield body["data"]
            paging = body.get("paging") or {}
            if not paging.get("next"):
                return
            asked["after"] = paging["cursors"]["after"]

    def insights(self, account: str, start: date, end: date, params: Mapping[str, Any]) -> Iterator[list[Any]]:
        """Pages of insights for the days `start` to `end`: at once when they are few, else, or when refused, as a report
        run; when that is refused too, by halves, between two days or months where rows are of days or months.
        """
        span = {"time_range": json.dumps({"since": start.isoformat(), "until": end.isoformat()})}
        path = f"act_{account}/insights"
        try:
            if (end - start).days < SYNC_DAYS:
                try:
                    yield from self._first(self.pages(path, {**params, **span}))
                    return
                except TooMuch:
                    pass
            yield from self._first(self._run(path, {**params, **span}))
        except TooMuch as e:
            middle = _cut(start, end, str(params.get("time_increment")))
            if middle is None:
                raise SourceError(self._source, f"{path}, {start} to {end}: {e}") from None
            yield from self.insights(account, start, middle, params)
            yield from self.insights(account, middle + timedelta(days=1), end, params)

    def _first(self, pages: Iterator[list[Any]]) -> Iterator[list[Any]]:
        """The pages; a refusal as too large, which comes before the first page, as TooMuch."""
        try:
            first = next(pages, [])
        except SourceError as e:
            if e.code == str(TOO_MUCH):
                raise TooMuch(e.detail) from e
            raise
        yield first
        yield from pages

    def _run(self, path: str, params: Mapping[str, Any]) -> Iterator[list[Any]]:
        """Submit a report run, look at it until it is done, read its pages."""
        started = self._client.call("POST", path, data={**params, **self._always})
        if not isinstance(started, dict) or "report_run_id" not in started:
            raise SourceError(
                self._source, f"{path}: expected a report_run_id, got {type(started).__name__} without one"
            )
        run, deadline, pause = str(started["report_run_id"]), time.monotonic() + self._wait, self._poll
        while True:
            state = self._client.get(run, dict(self._always))
            status = str(state.get("async_status"))
            if status == "Job Completed" and int(state.get("async_percent_completion", 100)) == 100:
                break
            if status in ("Job Failed", "Job Skipped"):
                raise TooMuch(f"report run {run}: {status}, {state.get('error_message', 'no reason given')}")
            if time.monotonic() > deadline:
                raise SourceError(
                    self._source,
                    f"report run {run}: still {status!r} after {self._wait:.0f} s; the next night tries again, or set "
                    "SOURCES__META_ADS__RUN_WAIT_SECONDS",
                )
            time.sleep(pause)
            pause = min(pause * 1.5, 30.0)
        yield from self.pages(f"{run}/insights", {})


def _cut(start: date, end: date, increment: str) -> date | None:
    """The last day of the first half of a request; None when it cannot be cut without changing its rows."""
    middle = start + (end - start) // 2
    if increment == "monthly":
        ends = [day for day in (_month_end(middle), _month_end(start)) if day < end]
        return ends[0] if ends else None
    return middle if increment == "1" and start < end else None


def _month_end(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def envelope(body: Any) -> tuple[str, str] | None:
    """{"error": {message, type, code, error_subcode}} -> (code, message)."""
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return None
    code = str(error.get("error_subcode")) if str(error.get("error_subcode")) == TOO_MUCH else str(error.get("code"))
    return code, str(error.get("error_user_msg") or error.get("message"))


def regain_hint(body: Any, headers: Mapping[str, str]) -> float | None:
    """Seconds until Meta lets the account in again: the header tells minutes by account; 0 there means nothing."""
    try:
        usage = json.loads(headers.get("x-business-use-case-usage") or "{}")
        minutes = [u.get("estimated_time_to_regain_access", 0) for accounts in usage.values() for u in accounts]
    except (ValueError, AttributeError, TypeError):
        return None
    return max(minutes) * 60.0 if any(minutes) else None
