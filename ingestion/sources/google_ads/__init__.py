"""Google Ads: accounts under a manager, campaigns down to keywords, and their results by day. API v26, googleAds:searchStream.

One query fills one raw table (tables.py). Conversions reach back to the day of the click for up to 90 days: each night pulls
30 days again, each Sunday 90.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ingestion.ads import Pull, Reports, secret, setting_list
from ingestion.arrow import Reject, from_rows
from ingestion.errors import SourceError
from ingestion.http import google_client
from ingestion.settings import Settings
from ingestion.sources.google_ads.tables import REPORTS, Report
from ingestion.spec import REJECTS, Configuration, LoadContext, SourceSpec

if TYPE_CHECKING:
    import pyarrow as pa
    from dlt.extract import DltSource

BASE_URL = "https://googleads.googleapis.com"
VERSION = "v26"
WEEKLY_DAYS = 90  # the longest window of a conversion action
RECENT_DAYS = 89  # change_status and click_view know 90, by clocks of their own
MAX_CHANGES = 10_000  # of one answer of change_status
CHANGES = REPORTS["change_status"]

_DEVELOPER_TOKEN = "SOURCES__GOOGLE_ADS__DEVELOPER_TOKEN"
NEXT_STEPS = {
    "UNAUTHENTICATED": "the token is not accepted; grant access anew and set SOURCES__GOOGLE_ADS__REFRESH_TOKEN",
    "DEVELOPER_TOKEN_INVALID": f"copy the token from the manager account's API centre to {_DEVELOPER_TOKEN}",
    "DEVELOPER_TOKEN_PARAMETER_MISSING": f"set {_DEVELOPER_TOKEN}",
    "DEVELOPER_TOKEN_NOT_APPROVED": "the developer token reads test accounts only; apply for basic access in the API centre",
    "DEVELOPER_TOKEN_PROHIBITED": "the developer token belongs to another cloud project; use the client id made in its project",
    "USER_PERMISSION_DENIED": "give the user access to the account, or name its manager in SOURCES__GOOGLE_ADS__LOGIN_CUSTOMER_ID",
    "CUSTOMER_NOT_ENABLED": "the account is closed or was never opened; leave it out of SOURCES__GOOGLE_ADS__ACCOUNTS",
    "CUSTOMER_NOT_FOUND": "no such account; check SOURCES__GOOGLE_ADS__ACCOUNTS",
    "INVALID_CUSTOMER_ID": "ids of accounts have ten digits; check SOURCES__GOOGLE_ADS__ACCOUNTS",
    "INVALID_LOGIN_CUSTOMER_ID": "ids of accounts have ten digits; check SOURCES__GOOGLE_ADS__LOGIN_CUSTOMER_ID",
    "RESOURCE_EXHAUSTED": "the developer token's operations of the day are used up; the next night goes on",
    "UNRECOGNIZED_FIELD": f"Google no longer knows a field of {VERSION}; is there a newer version of this source?",
    "UNSUPPORTED_VERSION": f"Google has switched {VERSION} off; is there a newer version of this source?",
}


def configured(settings: Settings) -> Configuration:
    names = ("developer_token", "client_id", "client_secret", "refresh_token")
    if missing := [n.upper() for n in names if not secret("google_ads", n)]:
        return Configuration(False, f"no {missing[0].lower().replace('_', ' ')}; set SOURCES__GOOGLE_ADS__{missing[0]}")
    accounts = setting_list("google_ads", "accounts")
    return Configuration(True, f"accounts {', '.join(accounts)}" if accounts else "all accounts of the user")


def envelope(body: Any) -> tuple[str, str] | None:
    """Google's error, which a stream sends as an element of its array: its own code where it gives one, else the status."""
    for part in body if isinstance(body, list) else [body]:
        error = part.get("error") if isinstance(part, dict) else None
        if isinstance(error, dict):
            for fault in _faults(error):
                code = next(iter((fault.get("errorCode") or {}).values()), "")
                return str(code), str(fault.get("message", ""))
            return str(error.get("status", error.get("code"))), str(error.get("message", ""))
    return None


def retry_hint(body: Any, headers: Mapping[str, str]) -> float | None:
    """Seconds of quotaErrorDetails.retryDelay ("30s")."""
    for part in body if isinstance(body, list) else [body]:
        for fault in _faults(part.get("error") or {}) if isinstance(part, dict) else ():
            delay = str((fault.get("details") or {}).get("quotaErrorDetails", {}).get("retryDelay", ""))
            if match := re.fullmatch(r"(\d+(?:\.\d+)?)s", delay):
                return float(match.group(1))
    return None


def _faults(error: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [f for d in error.get("details") or () for f in d.get("errors") or ()]


class _Google:
    """Asks accounts. `managers`: the manager through which an account is reached."""

    def __init__(self) -> None:
        name = SPEC.name
        self._client = google_client(
            name,
            BASE_URL,
            headers={"developer-token": secret(name, "developer_token")},
            envelope=envelope,
            next_steps=NEXT_STEPS,
            retry_hint=retry_hint,
            timeout=300.0,  # a stream begins when Google has found the rows
        )
        self.managers: dict[str, str] = {}

    def ask(self, account: str, query: str, login: str = "") -> Iterator[list[Any]]:
        """The rows of a query, a list of at most 10,000 at a time. Raises SourceError."""
        path = f"{VERSION}/customers/{account}/googleAds:searchStream"
        headers = {"login-customer-id": login or self.managers[account]}
        for chunk in self._client.call("POST", path, json={"query": query}, headers=headers):
            if rows := chunk.get("results"):
                yield rows

    def accounts(self) -> list[str]:
        """The ad accounts to pull, in any depth under the managers that the user may enter."""
        top = [_digits(a) for a in setting_list(SPEC.name, "login_customer_id")]
        if not top:
            found = self._client.get(f"{VERSION}/customers:listAccessibleCustomers")
            top = [name.split("/")[1] for name in found.get("resourceNames", ())]
        query = (
            "SELECT customer_client.id FROM customer_client "
            "WHERE customer_client.manager = FALSE AND customer_client.status = 'ENABLED'"
        )
        for manager in top:
            for rows in self.ask(manager, query, login=manager):
                for row in rows:
                    account = (row.get("customerClient") or {}).get("id")
                    if not isinstance(account, str):
                        raise SourceError(SPEC.name, f"an account under {manager} has no id that can be read: {row}")
                    self.managers.setdefault(account, manager)
        wanted = [_digits(a) for a in setting_list(SPEC.name, "accounts")]
        if unknown := [a for a in wanted if a not in self.managers]:
            raise SourceError(
                SPEC.name,
                f"account {unknown[0]} is not among the {len(self.managers)} open accounts under {', '.join(top)}; "
                "check SOURCES__GOOGLE_ADS__ACCOUNTS",
            )
        return wanted or sorted(self.managers)


def _digits(account: str) -> str:
    return account.replace("-", "")


def build(context: LoadContext) -> DltSource:
    """Tables of SPEC for one run. Raises SourceError when the accounts cannot be listed."""
    google = _Google()
    accounts = google.accounts()
    reports = Reports(SPEC, context, weekly_days=WEEKLY_DAYS)
    recent = context.as_of - timedelta(days=RECENT_DAYS)

    def read(report: Report, account: str, query: str, reject: Reject) -> Iterator[pa.Table]:
        for rows in google.ask(account, query):
            if report.table.name == "ads":
                for row in rows:  # a list at Google; ads with more than one have the same page for phones
                    ad = row["adGroupAd"]["ad"]
                    ad["finalUrls"] = next(iter(ad.get("finalUrls") or ()), None)
            yield page(report, account, rows, reject)

    def daily(report: Report, **options: Any) -> Any:
        def fetch(pull: Pull, reject: Reject) -> Iterator[pa.Table]:
            days = f"segments.date BETWEEN '{pull.start}' AND '{pull.end}'"
            return read(report, pull.account_id, report.query(days), reject)

        return reports.daily(report.table, accounts, fetch, **options)

    def changes(pull: Pull, reject: Reject) -> Iterator[pa.Table]:
        """Halves the days until an answer is whole: Google cuts it at 10,000."""
        days = f"change_status.last_change_date_time BETWEEN '{pull.start} 00:00:00' AND '{pull.end} 23:59:59.999999'"
        query = CHANGES.query(days, tail=f" LIMIT {MAX_CHANGES}")
        found = list(read(CHANGES, pull.account_id, query, reject))
        if sum(t.num_rows for t in found) >= MAX_CHANGES and pull.start < pull.end:
            middle = pull.start + (pull.end - pull.start) // 2
            found = [
                *changes(Pull(pull.account_id, pull.start, middle), reject),
                *changes(Pull(pull.account_id, middle + timedelta(days=1), pull.end), reject),
            ]
        return iter(found)

    def resource(report: Report) -> Any:
        if report.kind != "daily":
            return reports.entities(report.table, accounts, lambda a, r: read(report, a, report.query(), r))
        if report is CHANGES:
            return reports.daily(report.table, accounts, changes, first_available=recent, restated_days=0)
        if report.resource == "click_view":
            return daily(report, max_days=1, first_available=recent, restated_days=0)
        return daily(report)

    return reports.source(resource(r) for r in REPORTS.values())


def page(report: Report, account: str, rows: Sequence[Any], reject: Reject) -> pa.Table:
    """Rows of one answer as Arrow. Raises SourceError when no row has a field that every row must have."""
    wire, required = report.wire, report.required
    for name in required:
        if not any(_has(row, wire[name].path) for row in rows):
            raise SourceError(SPEC.name, f"none of {len(rows)} rows has {wire[name].path}; has the API changed?")
    return from_rows(report.table, wire, rows, constants={"account_id": account}, required=required, reject=reject)


def _has(row: Any, path: str) -> bool:
    for part in path.split("."):
        row = row.get(part) if isinstance(row, dict) else None
    return row is not None


SPEC = SourceSpec(
    name="google_ads",
    kind="ads",
    description="Google Ads, API v26",
    owner="marketing",
    tables=(*(r.table for r in REPORTS.values()), REJECTS),
    provides=frozenset({"ad_platforms", "ad_performance", "search_terms", "ad_conversion_lags", "ad_clicks"}),
    configured=configured,
    build=build,
    restatement_days=30,
    expected_lag_days=1,
    stale_after_days=3,
)
