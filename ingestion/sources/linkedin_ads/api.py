"""LinkedIn's Marketing API as the source asks it: Rest.li queries built by hand, pages, and reports that are never cut off."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Sequence
from datetime import date, timedelta
from typing import Any
from urllib.parse import quote

from ingestion.ads import secret, setting
from ingestion.errors import SourceError
from ingestion.http import VendorClient, refresh_token_auth

NAME = "linkedin_ads"
BASE_URL = "https://api.linkedin.com/rest"
TOKEN_URL = "https://www.linkedin.com/oauth/v2/accessToken"
API_VERSION = "202610"  # a month; each is refused about a year later
ELEMENT_LIMIT = 15_000  # adAnalytics cuts off what is more, and does not say so
TUNNEL_FROM = 4000  # signs of a query; longer ones go into the body
PAGE_SIZE, LEAD_PAGE = 1000, 100
# Search leaves removed things out unless their status is asked for; their figures stay in the reports.
STATUSES = "List(ACTIVE,PAUSED,ARCHIVED,COMPLETED,CANCELED,DRAFT,PENDING_DELETION,REMOVED)"
CREATIVE_STATUSES = "List(ACTIVE,PAUSED,DRAFT,ARCHIVED,CANCELED,PENDING_DELETION,REMOVED)"

NEXT_STEPS = {
    "EMPTY_ACCESS_TOKEN": "no token was sent; set SOURCES__LINKEDIN_ADS__ACCESS_TOKEN",
    "INVALID_ACCESS_TOKEN": "authorise the app anew and set SOURCES__LINKEDIN_ADS__REFRESH_TOKEN",
    "EXPIRED_ACCESS_TOKEN": "a token lives for 60 days; set a refresh token, or a new SOURCES__LINKEDIN_ADS__ACCESS_TOKEN",
    "REVOKED_ACCESS_TOKEN": "the member withdrew the app's access; authorise it anew and set SOURCES__LINKEDIN_ADS__REFRESH_TOKEN",
    "ACCESS_DENIED": "the app needs r_ads and r_ads_reporting and a role in the account; posts need r_organization_social and leads"
    " r_marketing_leadgen_automation (or set SOURCES__LINKEDIN_ADS__POSTS, SOURCES__LINKEDIN_ADS__LEADS to false)",
    "NONEXISTENT_VERSION": "LinkedIn has switched this version off; set SOURCES__LINKEDIN_ADS__API_VERSION to a recent month"
    " (YYYYMM) after reading its list of changes",
    "ILLEGAL_ARGUMENT": "LinkedIn does not know a parameter or field; did the API change with its version?",
    "QUERY_PARAM_NOT_ALLOWED": "LinkedIn does not know a parameter; did the API change with its version?",
    "TOO_MANY_REQUESTS": "the app's calls of the day are used up (they count anew at midnight UTC); the next night goes on",
}


def urn(kind: str, id_: str) -> str:
    """A URN as it stands in a query: percent-encoded once."""
    return quote(f"urn:li:{kind}:{id_}", safe="")


def id_of(value: Any) -> Any:
    """The id that a URN ends with; anything else as it is."""
    return value.rsplit(":", 1)[1] if isinstance(value, str) and value.startswith("urn:") else value


def envelope(body: Any) -> tuple[str, str] | None:
    """LinkedIn answers {"status", "code", "serviceErrorCode", "message"}; older parts leave the code out."""
    if not isinstance(body, dict) or "message" not in body or not isinstance(body.get("status"), int):
        return None
    return str(body.get("code") or body["status"]), str(body["message"])


def configured_auth() -> Any:
    """The auth of the settings: refresh token, else access token; None when there is neither."""
    from dlt.sources.helpers.rest_client.auth import BearerTokenAuth

    if refresh_token := secret(NAME, "refresh_token"):
        return refresh_token_auth(
            NAME,
            str(setting(NAME, "token_url", TOKEN_URL)),
            client_id=str(setting(NAME, "client_id", "")),
            client_secret=secret(NAME, "client_secret"),
            refresh_token=refresh_token,
        )
    token = secret(NAME, "access_token")
    return BearerTokenAuth(token) if token else None


class Api:
    """Reads accounts, entities and reports. Raises SourceError. Used by several threads; lists are read once."""

    def __init__(self) -> None:
        auth = configured_auth()
        self._client = VendorClient(
            NAME,
            str(setting(NAME, "base_url", BASE_URL)),
            auth=auth,
            renew=getattr(auth, "renew", None),
            headers={
                "LinkedIn-Version": str(setting(NAME, "api_version", API_VERSION)),
                "X-Restli-Protocol-Version": "2.0.0",
            },
            envelope=envelope,
            next_steps=NEXT_STEPS,
        )
        self._limit = int(setting(NAME, "element_limit", ELEMENT_LIMIT))
        self._page_size = int(setting(NAME, "page_size", PAGE_SIZE))
        self._kept: dict[str, list[Any]] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def ask(self, path: str, query: str) -> dict[str, Any]:
        """The answer to a query that is already in Rest.li's form."""
        if len(query) <= TUNNEL_FROM:
            found = self._client.get(f"{path}?{query}")
        else:
            how = {"X-HTTP-Method-Override": "GET", "Content-Type": "application/x-www-form-urlencoded"}
            found = self._client.call("POST", path, data=query, headers=how)
        if not isinstance(found, dict) or not isinstance(
            found.get("results" if path == "posts" else "elements"), dict | list
        ):
            raise SourceError(NAME, f"{path}: the answer has no elements; did the API change?")
        return found

    def accounts(self) -> list[Any]:
        return self._once("adAccounts", lambda: self._pages("adAccounts", "q=search"))

    def campaign_groups(self, account: str) -> list[Any]:
        path = f"adAccounts/{account}/adCampaignGroups"
        return self._once(path, lambda: self._pages(path, f"q=search&search=(status:(values:{STATUSES}))"))

    def campaigns(self, account: str) -> list[Any]:
        path = f"adAccounts/{account}/adCampaigns"
        return self._once(path, lambda: self._pages(path, f"q=search&search=(status:(values:{STATUSES}))"))

    def creatives(self, account: str) -> list[Any]:
        path = f"adAccounts/{account}/creatives"
        return self._once(path, lambda: self._pages(path, f"q=criteria&intendedStatuses={CREATIVE_STATUSES}"))

    def conversions(self, account: str) -> list[Any]:
        query = f"q=account&account={urn('sponsoredAccount', account)}"
        return self._once(f"conversions {account}", lambda: self._counted("conversions", query))

    def lead_forms(self, account: str) -> list[Any]:
        query = f"q=owner&owner=(sponsoredAccount:{urn('sponsoredAccount', account)})"
        return self._once(f"leadForms {account}", lambda: self._counted("leadForms", query))

    def lead_form_responses(self, account: str, start_ms: int, end_ms: int) -> Iterator[list[Any]]:
        """Pages of responses sent from `start_ms` up to `end_ms`, milliseconds since 1970, end excluded."""
        owner = f"owner=(sponsoredAccount:{urn('sponsoredAccount', account)})"
        span = f"submittedAtTimeRange=(start:{start_ms},end:{end_ms})"
        return self._counted("leadFormResponses", f"q=owner&{owner}&leadType=(leadType:SPONSORED)&{span}")

    def posts(self, ids: Sequence[str]) -> Iterator[list[Any]]:
        """The posts with these URNs that are still there."""
        for n in range(0, len(ids), 100):
            query = f"ids=List({','.join(quote(i, safe='') for i in ids[n : n + 100])})"
            yield list(self.ask("posts", query)["results"].values())

    def report(
        self, account: str, pivots: Sequence[str], metrics: Collection[str], start: date, end: date
    ) -> Iterator[list[Any]]:
        """Daily elements of an account's days, in slices small enough never to be cut off.

        A slice is as long as the things that may have a row a day allow; one that comes back full is asked again in halves,
        by days, then by campaigns.
        """
        asked = f"q=statistics&pivots=List({','.join(pivots)})" if len(pivots) > 1 else f"q=analytics&pivot={pivots[0]}"
        asked += f"&timeGranularity=DAILY&accounts=List({urn('sponsoredAccount', account)})"
        fields = f"&fields=dateRange,pivotValues,{','.join(metrics)}"
        days = max(1, (self._limit - 1) // max(1, self._rows_a_day(account, pivots)))
        while start <= end:
            until = min(end, start + timedelta(days=days - 1))
            yield from self._whole(account, asked, fields, start, until, None)
            start = until + timedelta(days=1)

    def window(self, account: str, pivot: str, metrics: Collection[str], start: date, end: date) -> Iterator[list[Any]]:
        """Elements of an account's days as one: for what does not add up."""
        asked = f"q=analytics&pivot={pivot}&timeGranularity=ALL&accounts=List({urn('sponsoredAccount', account)})"
        yield from self._whole(
            account, asked, f"&fields=pivotValues,{','.join(metrics)}", start, end, None, by_days=False
        )

    def _whole(
        self,
        account: str,
        asked: str,
        fields: str,
        start: date,
        end: date,
        campaigns: Sequence[str] | None,
        *,
        by_days: bool = True,
    ) -> Iterator[list[Any]]:
        only = f"&campaigns=List({','.join(urn('sponsoredCampaign', c) for c in campaigns)})" if campaigns else ""
        found = self.ask("adAnalytics", f"{asked}&dateRange=(start:{_day(start)},end:{_day(end)}){only}{fields}")[
            "elements"
        ]
        if len(found) < self._limit:
            yield found
            return
        if by_days and start < end:
            middle = start + (end - start) // 2
            for first, last in ((start, middle), (middle + timedelta(days=1), end)):
                yield from self._whole(account, asked, fields, first, last, campaigns)
            return
        parts = list(campaigns or [str(c["id"]) for c in self.campaigns(account)])
        if len(parts) < 2:
            raise SourceError(
                NAME, f"adAnalytics: {len(found)} elements for one campaign on {start}, and LinkedIn cuts off more"
            )
        for half in (parts[: len(parts) // 2], parts[len(parts) // 2 :]):
            yield from self._whole(account, asked, fields, start, end, half, by_days=by_days)

    def _rows_a_day(self, account: str, pivots: Sequence[str]) -> int:
        """As many elements as a day can have at most."""
        listed = {
            "ACCOUNT": lambda _: [account], "CAMPAIGN_GROUP": self.campaign_groups, "CAMPAIGN": self.campaigns,
            "CREATIVE": self.creatives, "CONVERSION": self.conversions,
        }  # fmt: skip
        most = 1
        for pivot in pivots:
            most *= max(1, len(listed[pivot](account)))
        return most

    def _pages(self, path: str, query: str) -> Iterator[list[Any]]:
        token = ""
        while True:
            found = self.ask(path, f"{query}&pageSize={self._page_size}{token}")
            yield found["elements"]
            after = (found.get("metadata") or {}).get("nextPageToken")
            if not after:
                return
            token = f"&pageToken={quote(after, safe='')}"

    def _counted(self, path: str, query: str) -> Iterator[list[Any]]:
        start, count = 0, min(self._page_size, LEAD_PAGE)
        while True:
            found = self.ask(path, f"{query}&start={start}&count={count}")
            yield found["elements"]
            start += len(found["elements"])
            total = (found.get("paging") or {}).get("total")
            if not found["elements"] or (start >= total if total is not None else len(found["elements"]) < count):
                return

    def _once(self, key: str, pages: Any) -> list[Any]:
        with self._lock:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            if key not in self._kept:
                self._kept[key] = [row for page in pages() for row in page]
            return self._kept[key]


def _day(day: date) -> str:
    return f"(year:{day.year},month:{day.month},day:{day.day})"
