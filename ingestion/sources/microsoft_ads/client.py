"""Microsoft Advertising's REST API v13: things listed account by account, reports asked for, waited for and downloaded."""

from __future__ import annotations

import threading
import time
import zipfile
from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Any

from ingestion.ads import Pull, secret, setting, setting_list
from ingestion.arrow import Reject, Wire, from_columns, from_rows
from ingestion.errors import SourceError
from ingestion.http import VendorClient, refresh_token_auth
from ingestion.sources.microsoft_ads.tables import (
    AD_ACCOUNTS,
    AD_GROUPS,
    ADS,
    CAMPAIGNS,
    CONVERSION_ACTIONS,
    KEYWORDS,
    REPORTS,
)
from ingestion.spec import LoadContext, Table

if TYPE_CHECKING:
    import pyarrow as pa

NAME = "microsoft_ads"
HOSTS = {
    "Reporting": "https://reporting.api.bingads.microsoft.com",
    "CampaignManagement": "https://campaign.api.bingads.microsoft.com",
    "CustomerManagement": "https://clientcenter.api.bingads.microsoft.com",
}
TOKEN_URL = "https://login.microsoftonline.com/common/oauth2/v2.0/token"
SCOPE = "https://ads.microsoft.com/msads.manage offline_access"
POLL_SECONDS = 2.0  # first wait for a report; each is half as long again as the last
MAX_POLL_SECONDS = 30.0
GIVE_UP_SECONDS = 1800.0
PAGE_SIZE = 1000  # of Accounts/Search
CAMPAIGN_TYPES = "Search, Shopping, DynamicSearchAds, Audience, Hotel, PerformanceMax, App"  # unnamed: search alone
AD_TYPES = [
    "Text",
    "Image",
    "Product",
    "AppInstall",
    "ExpandedText",
    "DynamicSearch",
    "ResponsiveAd",
    "ResponsiveSearch",
    "Hotel",
]
GOAL_TYPES = "Url, Duration, PagesViewedPerVisit, Event, AppInstall, OfflineConversion, InStoreTransaction"
NEXT_STEPS = {
    "0": "Microsoft has trouble; the next night catches up",
    "105": "check SOURCES__MICROSOFT_ADS__DEVELOPER_TOKEN, and that the user's sign-in still holds",
    "106": "the user may not read this account; grant it access, or leave it out of SOURCES__MICROSOFT_ADS__ACCOUNTS",
    "109": "grant access anew and set SOURCES__MICROSOFT_ADS__REFRESH_TOKEN",
    "117": "the limit of calls is reached; the next night goes on",
    "201": "the vendor does not know a column or member; did the API change?",
    "207": "too many reports run at once; is another program reading with this developer token?",
}


def envelope(body: Any) -> tuple[str, str] | None:
    """A fault: {"TrackingId", "Type", "Errors" | "OperationErrors" | "BatchErrors": [{"Code", "ErrorCode", "Message"}]}."""
    if not isinstance(body, dict) or "TrackingId" not in body:
        return None
    errors = body.get("Errors") or body.get("OperationErrors") or body.get("BatchErrors") or [{}]
    first = errors[0]
    return str(first.get("Code", "")), f"{first.get('ErrorCode', 'fault')}: {first.get('Message', '')}"


def retry_hint(body: Any, headers: Mapping[str, str]) -> float | None:
    """Microsoft asks for a minute after 117 and 207, and says so in its documentation alone."""
    fault = envelope(body)
    return 60.0 if fault and fault[0] in ("117", "207") and "Retry-After" not in headers else None


class Microsoft:
    """Asks accounts for things and reports; every method may run in several threads."""

    def __init__(self, context: LoadContext) -> None:
        self._progress = context.progress
        self._auth = refresh_token_auth(
            NAME,
            str(setting(NAME, "token_url", TOKEN_URL)),
            client_id=secret(NAME, "client_id"),
            client_secret=secret(NAME, "client_secret"),
            refresh_token=secret(NAME, "refresh_token"),
            scope=SCOPE,
            keep_in=context.settings.data_dir / "tokens" / f"{NAME}.json",
        )
        base = setting(NAME, "base_url")
        self._clients = {
            service: VendorClient(
                NAME,
                str(base or host),
                auth=self._auth,
                renew=self._auth.renew,
                headers={"DeveloperToken": secret(NAME, "developer_token")},
                envelope=envelope,
                next_steps=NEXT_STEPS,
                throttled=("117", "207"),
                expired=("109",),
                retry_hint=retry_hint,
            )
            for service, host in HOSTS.items()
        }
        self._accounts: dict[str, dict[str, Any]] = {}
        self._groups: dict[str, list[tuple[str, dict[str, Any]]]] = {}
        self._listing = threading.Lock()

    def _post(self, service: str, path: str, body: Mapping[str, Any], account: str = "") -> Any:
        headers = (
            {"CustomerAccountId": account, "CustomerId": self._accounts[account]["ParentCustomerId"]} if account else {}
        )
        return self._clients[service].call("POST", f"{service}/v13/{path}", json=dict(body), headers=headers)

    def accounts(self) -> Iterator[str]:
        """Ids of the accounts to pull: the configured ones, or all that the user may read."""
        user = self._post("CustomerManagement", "User/Query", {"UserId": None})["User"]["Id"]
        for page in range(1000):
            asked = {
                "Predicates": [{"Field": "UserId", "Operator": "Equals", "Value": user}],
                "PageInfo": {"Index": page, "Size": PAGE_SIZE},
            }
            found = self._post("CustomerManagement", "Accounts/Search", asked)["Accounts"] or []
            self._accounts |= {a["Id"]: a for a in found}
            if len(found) < PAGE_SIZE:
                break
        wanted = setting_list(NAME, "accounts")
        if unknown := [a for a in wanted if a not in self._accounts]:
            raise SourceError(
                NAME,
                f"account {unknown[0]} is not among the {len(self._accounts)} accounts of the user; grant the user access, or "
                "leave it out of SOURCES__MICROSOFT_ADS__ACCOUNTS (the id, not the number that begins with a letter)",
            )
        yield from wanted or self._accounts

    def ad_accounts(self, account: str, reject: Reject) -> Iterator[pa.Table]:
        wire = {
            "account_id": "Id",
            "customer_id": "ParentCustomerId",
            "name": "Name",
            "number": "Number",
            "currency": "CurrencyCode",
            "time_zone": "TimeZone",
            "status": "AccountLifeCycleStatus",
        }
        yield from_rows(AD_ACCOUNTS, wire, [self._accounts[account]], required=["currency"], reject=reject)

    def campaigns(self, account: str, reject: Reject) -> Iterator[pa.Table]:
        wire: dict[str, str | Wire] = {
            "campaign_id": "Id",
            "name": "Name",
            "status": "Status",
            "campaign_type": "CampaignType",
            "marketing_objective": "MarketingObjective",
            "daily_budget": Wire("DailyBudget", "double"),
            "budget_type": "BudgetType",
            "budget_id": "BudgetId",
            "bidding_scheme": "BiddingScheme.Type",
            "start_date": "StartDate",
            "end_date": "EndDate",
        }
        yield from self._rows(CAMPAIGNS, wire, self._campaigns(account), {"account_id": account}, reject)

    def ad_groups(self, account: str, reject: Reject) -> Iterator[pa.Table]:
        wire: dict[str, str | Wire] = {
            "campaign_id": "CampaignId",
            "ad_group_id": "Id",
            "name": "Name",
            "status": "Status",
            "cpc_bid": Wire("CpcBid.Amount", "double"),
            "network": "Network",
        }
        rows = [{**g, "CampaignId": campaign} for campaign, g in self._ad_groups_of(account)]
        yield from self._rows(AD_GROUPS, wire, rows, {"account_id": account}, reject)

    def ads(self, account: str, reject: Reject) -> Iterator[pa.Table]:
        wire = {"ad_id": "Id", "type": "Type", "status": "Status", "editorial_status": "EditorialStatus"}
        wire |= {"title": "Title", "final_url": "FinalUrl"}
        for campaign, group in self._ad_groups_of(account):
            asked = {"AdGroupId": _id(group), "AdTypes": AD_TYPES}
            rows = self._listed("Ads", "Ads/QueryByAdGroupId", asked, account)
            for row in rows:
                headlines = [h["Asset"].get("Text") for h in row.get("Headlines") or ()]
                row["Title"] = (headlines or [row.get("TitlePart1") or row.get("Title") or row.get("PromotionalText")])[
                    0
                ]
                row["FinalUrl"] = (row.get("FinalUrls") or [None])[0]
            same = {"account_id": account, "campaign_id": campaign, "ad_group_id": _id(group)}
            yield from self._rows(ADS, wire, rows, same, reject)

    def keywords(self, account: str, reject: Reject) -> Iterator[pa.Table]:
        wire: dict[str, str | Wire] = {
            "keyword_id": "Id",
            "text": "Text",
            "match_type": "MatchType",
            "status": "Status",
            "editorial_status": "EditorialStatus",
            "bid": Wire("Bid.Amount", "double"),
        }
        for campaign, group in self._ad_groups_of(account):
            asked = {"AdGroupId": _id(group)}
            rows = self._listed("Keywords", "Keywords/QueryByAdGroupId", asked, account)
            same = {"account_id": account, "campaign_id": campaign, "ad_group_id": _id(group)}
            yield from self._rows(KEYWORDS, wire, rows, same, reject)

    def conversion_actions(self, account: str, reject: Reject) -> Iterator[pa.Table]:
        wire: dict[str, str | Wire] = {
            "goal_id": "Id",
            "name": "Name",
            "type": "Type",
            "goal_category": "GoalCategory",
            "status": "Status",
            "exclude_from_bidding": Wire("ExcludeFromBidding", "bool"),
            "count_type": "CountType",
            "click_window_minutes": Wire("ConversionWindowInMinutes", "int"),
            "view_window_minutes": Wire("ViewThroughConversionWindowInMinutes", "int"),
        }
        asked = {"ConversionGoalIds": None, "ConversionGoalTypes": GOAL_TYPES}
        rows = self._listed("ConversionGoals", "ConversionGoals/QueryByIds", asked, account)
        yield from self._rows(CONVERSION_ACTIONS, wire, rows, {"account_id": account}, reject)

    def _rows(
        self, table: Table, wire: Mapping[str, str | Wire], rows: Any, same: Any, reject: Reject
    ) -> Iterator[pa.Table]:
        required = [c for c in table.row_key if not c.startswith("_dlt_")]
        yield from_rows(table, wire, rows, constants=same, required=required, reject=reject)

    def _campaigns(self, account: str) -> list[dict[str, Any]]:
        asked = {"AccountId": account, "CampaignType": CAMPAIGN_TYPES}
        return self._listed("Campaigns", "Campaigns/QueryByAccountId", asked, account)

    def _listed(self, what: str, path: str, asked: Mapping[str, Any], account: str) -> list[dict[str, Any]]:
        answer = self._post("CampaignManagement", path, asked, account)
        if what not in answer:
            raise SourceError(NAME, f"{path}: the answer has no {what}; did the API change?")
        return answer[what] or []

    def _ad_groups_of(self, account: str) -> list[tuple[str, dict[str, Any]]]:
        """(campaign, ad group) of an account, listed once a run: ads and keywords are asked for group by group."""
        with self._listing:
            if account not in self._groups:
                self._groups[account] = [
                    (_id(campaign), group)
                    for campaign in self._campaigns(account)
                    for group in self._listed(
                        "AdGroups", "AdGroups/QueryByCampaignId", {"CampaignId": _id(campaign)}, account
                    )
                ]
            return self._groups[account]

    def report(self, table: Table) -> Any:
        """Fetches the table's report: one a slice of days."""
        kind, columns = REPORTS[table.name]
        wire = {"date_day": "TimePeriod", **columns}

        def fetch(pull: Pull, reject: Reject) -> Iterator[pa.Table]:
            ends = {"CustomDateRangeStart": pull.start, "CustomDateRangeEnd": pull.end}
            request = {
                "Type": kind,
                "ReportName": table.name,
                "Format": "Csv",
                "FormatVersion": "2.0",
                "Aggregation": "Daily",
                "ReturnOnlyCompleteData": False,
                "ExcludeReportHeader": True,
                "ExcludeReportFooter": True,
                "Scope": {"AccountIds": [pull.account_id]},
                "Columns": list(wire.values()),
                "Time": {name: {"Year": d.year, "Month": d.month, "Day": d.day} for name, d in ends.items()},
            }
            asked = {"ReportRequest": request}
            number = self._post("Reporting", "GenerateReport/Submit", asked, pull.account_id)["ReportRequestId"]
            if address := self._finished(number, pull, table.name):
                text = self._unpacked(address, number, pull, table.name)
                yield read_csv(table, wire, text, {"account_id": pull.account_id}, reject)

        return fetch

    def _finished(self, number: str, pull: Pull, what: str) -> str | None:
        """Where the report lies; None when it has no rows. Raises SourceError when it fails or takes too long."""
        wait, waited = float(setting(NAME, "poll_seconds", POLL_SECONDS)), 0.0
        while waited < GIVE_UP_SECONDS:
            status = self._post("Reporting", "GenerateReport/Poll", {"ReportRequestId": number}, pull.account_id)
            state = status["ReportRequestStatus"]["Status"]
            if state == "Success":
                return status["ReportRequestStatus"].get("ReportDownloadUrl") or None
            if state != "Pending":
                raise SourceError(
                    NAME, f"report {number} ended with status {state}; ask Microsoft, or try the next night"
                )
            self._progress(f"{what} {pull.account_id} waits for its report, {waited:.0f} s")
            time.sleep(wait)
            waited, wait = waited + wait, min(MAX_POLL_SECONDS, wait * 1.5)
        raise SourceError(NAME, f"report {number} was not ready after {waited:.0f} s; the next night asks again")

    def _unpacked(self, address: str, number: str, pull: Pull, what: str) -> bytes:
        """The CSV in the file; one that was cut off is downloaded once more, from an address of its own."""
        for last in (False, True):
            try:
                with zipfile.ZipFile(BytesIO(self._clients["Reporting"].download(address))) as packed:
                    return packed.read(packed.namelist()[0])
            except zipfile.BadZipFile as e:
                if last:
                    raise SourceError(
                        NAME, f"report {number}: the file is no whole zip ({e}); was it cut off?"
                    ) from None
            address = self._finished(number, pull, what) or address
        raise AssertionError("unreachable")


def _id(thing: Mapping[str, Any]) -> str:
    """The id under which to ask on; what lies below a thing without one would look deleted."""
    if not isinstance(found := thing.get("Id"), str):
        raise SourceError(NAME, f"a campaign or ad group has no readable Id ({found!r}); did the API change?")
    return found


def read_csv(table: Table, wire: Mapping[str, str], text: bytes, same: Mapping[str, str], reject: Reject) -> pa.Table:
    """A report's CSV as Arrow, a column at a time. Raises SourceError when a column is missing.

    Lines of another width, and values that are none of their kind, are given to `reject`.
    """
    import pyarrow as pa
    from pyarrow import csv

    def other_width(row: Any) -> str:
        reject(row.number or 0, "", f"{row.actual_columns} cells; expected {row.expected_columns}", {"line": row.text})
        return "skip"

    found = csv.read_csv(
        BytesIO(text),
        csv.ReadOptions(use_threads=False),
        csv.ParseOptions(invalid_row_handler=other_width, newlines_in_values=True),
        csv.ConvertOptions(
            column_types=dict.fromkeys(wire.values(), pa.string()), strings_can_be_null=True, null_values=["", "--"]
        ),
    )
    if missing := [c for c in wire.values() if c not in found.column_names]:
        raise SourceError(NAME, f"the report has no column {missing[0]}; did the API change?")
    required = [*(c for c in table.row_key if c in wire), *(c for c in ("spend", "conversions") if c in wire)]
    try:
        read = from_columns(table, {**same, **{ours: found[theirs] for ours, theirs in wire.items()}}, found.num_rows)
        if not any(read[c].null_count for c in required):
            return read
    except pa.ArrowInvalid:
        pass
    return from_rows(table, wire, found.to_pylist(), constants=same, required=required, reject=reject)
