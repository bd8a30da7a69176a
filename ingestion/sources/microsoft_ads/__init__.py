"""Microsoft Advertising: accounts, campaigns down to keywords, conversion goals and daily results. REST API v13.

A report is asked for (Submit), waited for (Poll) and downloaded as a zipped CSV. Conversions are counted on the day of the
click. The refresh token changes with each use: the newest is kept in the data folder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingestion.ads import Reports, secret, setting_list
from ingestion.settings import Settings
from ingestion.sources.microsoft_ads.client import NAME, Microsoft
from ingestion.sources.microsoft_ads.tables import (
    AD_ACCOUNTS,
    AD_GROUPS,
    ADS,
    CAMPAIGNS,
    CONVERSION_ACTIONS,
    DAILY,
    KEYWORDS,
)
from ingestion.spec import REJECTS, Configuration, LoadContext, SourceSpec

if TYPE_CHECKING:
    from dlt.extract import DltSource

MAX_DAYS = 92  # of one report: some thousand rows a day and account are a file of some megabytes
_REQUIRED = ("client_id", "refresh_token", "developer_token")


def configured(settings: Settings) -> Configuration:
    if missing := [k for k in _REQUIRED if not secret(NAME, k)]:
        names = ", ".join(f"SOURCES__MICROSOFT_ADS__{k.upper()}" for k in missing)
        return Configuration(False, f"no {missing[0].replace('_', ' ')}; set {names}")
    accounts = setting_list(NAME, "accounts")
    return Configuration(True, f"accounts {', '.join(accounts)}" if accounts else "all accounts of the user")


def build(context: LoadContext) -> DltSource:
    """Tables of SPEC for one run. Raises SourceError when the accounts cannot be listed."""
    microsoft = Microsoft(context)
    accounts = list(microsoft.accounts())
    reports = Reports(SPEC, context, weekly_days=90)
    things = {
        AD_ACCOUNTS: microsoft.ad_accounts,
        CAMPAIGNS: microsoft.campaigns,
        AD_GROUPS: microsoft.ad_groups,
        ADS: microsoft.ads,
        KEYWORDS: microsoft.keywords,
        CONVERSION_ACTIONS: microsoft.conversion_actions,
    }
    return reports.source(
        [
            *(reports.entities(table, accounts, fetch) for table, fetch in things.items()),
            *(reports.daily(table, accounts, microsoft.report(table), max_days=MAX_DAYS) for table in DAILY),
        ]
    )


SPEC = SourceSpec(
    name=NAME,
    kind="ads",
    description="Microsoft Advertising, REST API v13",
    owner="marketing",
    tables=(AD_ACCOUNTS, CAMPAIGNS, AD_GROUPS, ADS, KEYWORDS, CONVERSION_ACTIONS, *DAILY, REJECTS),
    provides=frozenset({"ad_platforms", "ad_performance", "search_terms"}),
    configured=configured,
    build=build,
    restatement_days=30,
    expected_lag_days=1,
    stale_after_days=3,
)
