"""HubSpot's client: its token, its envelope of errors, its limits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ingestion.ads import secret, setting
from ingestion.http import VendorClient, refresh_token_auth

NAME = "hubspot"
BASE_URL = "https://api.hubapi.com"
TOKEN_PATH = "oauth/2026-03/token"
_TOO_LONG = 86_400.0
NEXT_STEPS = {
    "EXPIRED_AUTHENTICATION": "the token is over; make a new one in HubSpot and set SOURCES__HUBSPOT__ACCESS_TOKEN",
    "INVALID_AUTHENTICATION": "the token is not accepted; look at the private app in HubSpot and set SOURCES__HUBSPOT__ACCESS_TOKEN",
    "MISSING_SCOPES": "give the private app the scope, or leave the part out with SOURCES__HUBSPOT__LEAVE_OUT",
    "DAILY": "the account's calls of the day are used up; the next night goes on",
    "TEN_SECONDLY_ROLLING": "another app of the account calls too often; the next night goes on",
}


def envelope(body: Any) -> tuple[str, str] | None:
    """{"status": "error", "category", "message"}; of a limit, the policy that was broken says more than the category."""
    if not isinstance(body, dict) or body.get("status") != "error":
        return None
    return str(body.get("policyName") or body.get("category") or "error"), str(body.get("message", ""))


def retry_hint(body: Any, headers: Mapping[str, str]) -> float | None:
    """The length of the window that is used up; what is counted by the day is left for the next night."""
    policy = str(body.get("policyName", "")) if isinstance(body, dict) else ""
    if policy == "DAILY":
        return _TOO_LONG
    interval = headers.get("X-HubSpot-RateLimit-Interval-Milliseconds", "")
    return float(interval) / 1000 if policy and interval.isdigit() else None


def client_of() -> VendorClient:
    """The client for the configured token. Raises SourceError when no token can be had."""
    base = str(setting(NAME, "base_url", BASE_URL)).rstrip("/")
    auth, headers = None, {}
    if token := secret(NAME, "access_token"):
        headers["Authorization"] = f"Bearer {token}"
    else:
        auth = refresh_token_auth(
            NAME,
            str(setting(NAME, "token_url", f"{base}/{TOKEN_PATH}")),
            client_id=secret(NAME, "client_id"),
            client_secret=secret(NAME, "client_secret"),
            refresh_token=secret(NAME, "refresh_token"),
        )
    return VendorClient(
        NAME,
        f"{base}/",
        auth=auth,
        renew=auth.renew if auth else None,
        headers=headers,
        envelope=envelope,
        next_steps=NEXT_STEPS,
        retry_hint=retry_hint,
    )
