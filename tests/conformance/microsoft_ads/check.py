"""Microsoft's own Python SDK (msads, REST) reads the sandbox: accounts in pages, campaigns down to keywords, goals, and reports.

Its models are strict pydantic, and its reader of report files knows the layout; both must find fault with a spoiled answer.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import urllib.request
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from importlib import import_module
from pathlib import Path
from typing import Any

from bingads.authorization import AuthorizationData, OAuthWebAuthCodeGrant, _UriOAuthService
from bingads.service_client import ServiceClient
from bingads.v13.reporting import ReportingDownloadParameters, ReportingServiceManager
from bingads.v13.reporting.report_contract import InvalidReportColumnException
from openapi_client.exceptions import ApiException, BadRequestException, UnauthorizedException
from pydantic import ValidationError

# by import_module: the SDK's packages hold modules of their own names, which shadow them
campaign_models, customer_models, report_models = (
    import_module(f"openapi_client.models.{service}") for service in ("campaign", "customer", "reporting")
)

PREFIX = "SOURCES__MICROSOFT_ADS__"
MEASURES = ["Spend", "Clicks", "Impressions", "AllConversions"]
LEVELS = {"Account": [], "Campaign": ["CampaignId"], "Ad": ["CampaignId", "AdGroupId", "AdId"]}
Figures = dict[str, tuple[Decimal, ...]]  # by day: each of MEASURES


def env(name: str) -> str:
    return os.environ[PREFIX + name]


def control(url: str, path: str, body: Any = None, method: str = "POST") -> Any:
    data = json.dumps(body).encode() if body is not None else None
    with urllib.request.urlopen(urllib.request.Request(f"{url}/_sandbox/{path}", data=data, method=method)) as answer:
        return json.loads(answer.read())


class Reader:
    """What a user of the SDK would write."""

    def __init__(self, folder: str) -> None:
        for key in _UriOAuthService.AUTH_TOKEN_URI:
            _UriOAuthService.AUTH_TOKEN_URI[key] = env("TOKEN_URL")
        self.grant = OAuthWebAuthCodeGrant(env("CLIENT_ID"), env("CLIENT_SECRET"), "https://localhost/")
        self.refresh_token = env("REFRESH_TOKEN")
        self.sign_in()
        self.user = AuthorizationData(None, None, env("DEVELOPER_TOKEN"), self.grant)
        self.folder = folder

    def sign_in(self) -> None:
        tokens = self.grant.request_oauth_tokens_by_refresh_token(self.refresh_token)
        assert tokens.refresh_token != self.refresh_token  # it rotates
        self.refresh_token = tokens.refresh_token

    def service(self, name: str) -> Any:
        return ServiceClient(name, 13, self.user, location=env("BASE_URL"))

    def accounts(self) -> list[Any]:
        customers = self.service("CustomerManagementService")
        user = customers.get_user(customer_models.GetUserRequest(UserId=None)).user
        mine = customer_models.Predicate(Field="UserId", Operator="Equals", Value=user.id)
        found: list[Any] = []
        while True:  # pages of one account
            page = customer_models.Paging(Index=len(found), Size=1)
            asked = customer_models.SearchAccountsRequest(Predicates=[mine], PageInfo=page)
            if not (accounts := customers.search_accounts(asked).accounts):
                return found
            found += accounts

    def choose(self, account: Any) -> None:
        self.user = AuthorizationData(account.id, account.parent_customer_id, env("DEVELOPER_TOKEN"), self.grant)

    def campaigns(self, account: str) -> list[Any]:
        kinds = campaign_models.CampaignType
        asked = campaign_models.GetCampaignsByAccountIdRequest(
            AccountId=account, CampaignType=kinds.SEARCH | kinds.SHOPPING | kinds.PERFORMANCEMAX | kinds.AUDIENCE
        )
        return self.service("CampaignManagementService").get_campaigns_by_account_id(asked).campaigns

    def report(self, account: str, level: str, start: date, end: date) -> Figures:
        """Submits, polls and downloads as the SDK's manager does, and reads the file by its reader."""
        columns = ["TimePeriod", "AccountId", *LEVELS[level], *MEASURES]
        scope = (
            report_models.AccountReportScope if level == "Account" else report_models.AccountThroughCampaignReportScope
        )
        if level == "Ad":
            scope = report_models.AccountThroughAdGroupReportScope
        request = getattr(report_models, f"{level}PerformanceReportRequest")(
            ReportName=f"{level} {account}", Format="Csv", FormatVersion="2.0", Aggregation="Daily", ReturnOnlyCompleteData=False,
            Scope=scope(AccountIds=[account]), Columns=columns,
            Time=report_models.ReportTime(CustomDateRangeStart=_day(start), CustomDateRangeEnd=_day(end)),
        )  # fmt: skip
        manager = ReportingServiceManager(
            self.user, poll_interval_in_milliseconds=50, working_directory=self.folder, location=env("BASE_URL")
        )
        asked = ReportingDownloadParameters(
            report_request=request, result_file_directory=self.folder, result_file_name="report.csv",
            overwrite_result_file=True, timeout_in_milliseconds=30000,
        )  # fmt: skip
        report = manager.download_report(asked)
        if report is None:
            return {}
        found: Figures = {}
        n = 0
        for n, record in enumerate(report.report_records, start=1):  # noqa: B007
            day = record.value("TimePeriod")
            figures = [Decimal(record.value(measure)) for measure in MEASURES]
            found[day] = tuple(a + b for a, b in zip(found.get(day, (Decimal(0),) * 4), figures, strict=True))
        assert n == report.record_count
        report.close()
        return found


def _day(day: date) -> Any:
    return report_models.Date(Year=day.year, Month=day.month, Day=day.day)


def main(url: str, folder: str) -> None:
    reader = Reader(folder)
    about = control(url, "state", method="GET")
    clock = date.fromisoformat(about["clock"])
    start = date.fromisoformat(about["from"])

    accounts = reader.accounts()
    assert sorted(str(a.currency_code.value) for a in accounts) == ["NOK", "USD"]
    account = next(a for a in accounts if a.currency_code.value == "NOK")
    reader.choose(account)
    things = reader.service("CampaignManagementService")
    campaigns = reader.campaigns(account.id)
    groups = [
        g
        for c in campaigns
        for g in things.get_ad_groups_by_campaign_id(
            campaign_models.GetAdGroupsByCampaignIdRequest(CampaignId=c.id)
        ).ad_groups
    ]
    kinds = [campaign_models.AdType.RESPONSIVESEARCH, campaign_models.AdType.PRODUCT]
    ads = [
        a
        for g in groups
        for a in things.get_ads_by_ad_group_id(
            campaign_models.GetAdsByAdGroupIdRequest(AdGroupId=g.id, AdTypes=kinds)
        ).ads
    ]
    keywords = [
        k
        for g in groups
        for k in things.get_keywords_by_ad_group_id(
            campaign_models.GetKeywordsByAdGroupIdRequest(AdGroupId=g.id)
        ).keywords
    ]
    goals = campaign_models.GetConversionGoalsByIdsRequest(
        ConversionGoalTypes=campaign_models.ConversionGoalType.EVENT, ConversionGoalIds=None
    )
    assert len(things.get_conversion_goals_by_ids(goals).conversion_goals) == 5
    assert campaigns and groups and ads and keywords
    assert all(a.final_urls[0].startswith("https://") for a in ads)

    seen_before: Figures = {}  # each day as it was told first; clicks are taken back and conversions come late
    for nights_ago in range((clock - start).days, 0, -3):
        control(url, "clock", {"as_of": (clock - timedelta(days=nights_ago)).isoformat()})
        seen_before = reader.report(account.id, "Account", start, clock) | seen_before
    control(url, "clock", {"as_of": clock.isoformat()})
    control(
        url, "faults", {"route": "/microsoft_ads/Reporting/.*Poll", "kind": "rate_limit"}
    )  # the SDK waits and polls again
    days = reader.report(account.id, "Account", start, clock)
    assert ("rate_limit", "/microsoft_ads/Reporting/v13/GenerateReport/Poll") in map(
        tuple, control(url, "state", method="GET")["struck"]
    )
    assert reader.report(account.id, "Campaign", start, clock) == days
    by_ad = reader.report(account.id, "Ad", start, clock)
    assert all(by_ad[day][0] <= days[day][0] for day in by_ad)  # Performance Max has no ads
    restated = [day for day in seen_before if days[day] != seen_before[day]]
    assert restated
    assert all(days[day][1] <= seen_before[day][1] for day in restated)  # never more than at first

    control(url, "faults", {"route": "/microsoft_ads/", "kind": "expired_token"})
    must_fail(UnauthorizedException, lambda: reader.campaigns(account.id), "an expired token")
    reader.sign_in()
    assert len(reader.campaigns(account.id)) == len(campaigns)
    control(url, "faults", {"route": "/microsoft_ads/.*Submit", "kind": "rate_limit"})
    must_fail(ApiException, lambda: reader.report(account.id, "Account", start, clock), "a throttled request")
    must_fail(BadRequestException, lambda: reader.report("1", "Account", start, clock), "a stranger's account")

    listing, download = "/microsoft_ads/CampaignManagement", "/microsoft_ads/downloads"
    spoiled: list[tuple[str, str, type[Exception], Any]] = [
        ("malformed_row", listing, ValidationError, lambda: reader.campaigns(account.id)),
        ("malformed_row", download, InvalidOperation, lambda: reader.report(account.id, "Account", start, clock)),
        (
            "schema_change",
            download,
            InvalidReportColumnException,
            lambda: reader.report(account.id, "Account", start, clock),
        ),
        ("truncated", download, Exception, lambda: reader.report(account.id, "Account", start, clock)),
    ]
    for kind, route, error, call in spoiled:
        control(url, "faults", {"route": route, "kind": kind})
        must_fail(error, call, f"{kind} of {route}")
    assert reader.report(account.id, "Account", start, clock) == days
    sys.stdout.write(
        f"{len(accounts)} accounts; {len(campaigns)} campaigns, {len(ads)} ads, {len(keywords)} keywords, "
        f"{len(days)} days of {sum(f[0] for f in days.values())} NOK; {len(restated)} days restated; spoiled answers do not pass\n"
    )


def must_fail(error: type[Exception], call: Any, what: str) -> None:
    try:
        call()
    except error:
        return
    raise AssertionError(f"{what} went unnoticed")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as room:
        main(sys.argv[1], str(Path(room)))
