"""TikTok Ads: accounts, campaigns, ad groups, ads and their daily results. API for Business v1.3, integrated report.

The vendor answers every call with HTTP 200; `code` in the body tells success (0). Conversions are counted on the day of the
click or view, in the windows of the ad group. Access tokens do not expire by themselves and cannot be renewed by us.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ingestion.ads import Pull, Reports, secret, setting, setting_list
from ingestion.arrow import Reject, Wire, from_rows
from ingestion.errors import SourceError
from ingestion.http import VendorClient
from ingestion.settings import Settings
from ingestion.sources.tiktok_ads.tables import (
    AD_ACCOUNTS,
    AD_GROUPS,
    ADS,
    CAMPAIGNS,
    DAILY,
    LEVELS,
    METRICS,
    STATUS_FIELD,
)
from ingestion.spec import REJECTS, Configuration, LoadContext, SourceSpec, Table

if TYPE_CHECKING:
    import pyarrow as pa
    from dlt.extract import DltSource

BASE_URL = "https://business-api.tiktok.com/open_api/v1.3/"
PAGE_SIZE = 1000
MAX_DAYS = 30  # of a report by day
ENTITIES = {"campaigns": "campaign", "ad_groups": "adgroup", "ads": "ad"}
_VENDOR_NAMES = {"account_id": "advertiser_id", "ad_group_id": "adgroup_id"}
_LISTS = ("audience_ids", "excluded_audience_ids")

NEXT_STEPS = {
    "40001": "the token does not cover this account; grant the app access to it, or leave it out of SOURCES__TIKTOK_ADS__ACCOUNTS",
    "40002": "the vendor does not know a parameter; did the API change?",
    "40100": "the app's limit of calls is reached; the next night goes on",
    "40104": "no token was sent; set SOURCES__TIKTOK_ADS__ACCESS_TOKEN",
    "40105": "the token was revoked; authorise the app anew in TikTok Business Center and set SOURCES__TIKTOK_ADS__ACCESS_TOKEN",
    "50000": "TikTok has trouble; the next night catches up",
}


def configured(settings: Settings) -> Configuration:
    if not secret("tiktok_ads", "access_token"):
        return Configuration(False, "no token; set SOURCES__TIKTOK_ADS__ACCESS_TOKEN")
    if accounts := setting_list("tiktok_ads", "accounts"):
        return Configuration(True, f"accounts {', '.join(accounts)}")
    if setting("tiktok_ads", "app_id") and secret("tiktok_ads", "secret"):
        return Configuration(True, "all accounts of the token")
    return Configuration(
        False,
        "no accounts; set SOURCES__TIKTOK_ADS__ACCOUNTS, or APP_ID and SECRET to find all that the token may read",
    )


def envelope(body: Any) -> tuple[str, str] | None:
    """TikTok answers 200 with {"code", "message"} whatever happens; 0 is success."""
    code = body.get("code", 0) if isinstance(body, dict) else 0
    return (str(code), str(body.get("message", ""))) if code else None


def build(context: LoadContext) -> DltSource:
    """Tables of SPEC for one run. Raises SourceError when the accounts cannot be listed."""
    from dlt.sources.helpers.rest_client.auth import APIKeyAuth
    from dlt.sources.helpers.rest_client.paginators import PageNumberPaginator

    client = VendorClient(
        SPEC.name,
        str(setting(SPEC.name, "base_url", BASE_URL)),
        auth=APIKeyAuth("Access-Token", secret(SPEC.name, "access_token"), "header"),
        envelope=envelope,
        next_steps=NEXT_STEPS,
        throttled=("40100", "50000", "50002"),
    )

    def pages(path: str, params: Mapping[str, Any]) -> Iterator[list[Any]]:
        texts = {k: v if isinstance(v, str | int) else json.dumps(v, separators=(",", ":")) for k, v in params.items()}
        paginator = PageNumberPaginator(base_page=1, page_param="page", total_path="data.page_info.total_page")
        return client.pages(
            path,
            params={**texts, "page_size": int(setting(SPEC.name, "page_size", PAGE_SIZE))},
            paginator=paginator,
            data_selector="data.list",
        )

    def report(table: Table) -> Any:
        level, key, attributes = LEVELS[table.name]
        metrics = [*(c.name for c in METRICS), *attributes]
        wire = {c.name: f"metrics.{_VENDOR_NAMES.get(c.name, c.name)}" for c in table.columns}
        wire |= {"date_day": "dimensions.stat_time_day", _own(key): f"dimensions.{key}"}
        del wire["account_id"], wire["_deleted"]

        def fetch(pull: Pull, reject: Reject) -> Iterator[pa.Table]:
            asked: dict[str, Any] = {
                "advertiser_id": pull.account_id,
                "report_type": "BASIC",
                "service_type": "AUCTION",
                "data_level": level,
                "dimensions": [key, "stat_time_day"],
                "metrics": metrics,
                "start_date": pull.start.isoformat(),
                "end_date": pull.end.isoformat(),
            }
            if field := STATUS_FIELD.get(table.name):
                asked["filtering"] = [{"field_name": field, "filter_type": "IN", "filter_value": '["STATUS_ALL"]'}]
            for rows in pages("report/integrated/get/", asked):
                yield _read(table, wire, rows, reject, [*table.row_key, "spend"], account_id=pull.account_id)

        return fetch

    def entity(table: Table) -> Any:
        names = [c.name for c in table.columns if not c.name.startswith("_dlt_")]
        wire = _wires(table, names)

        def fetch(account: str, reject: Reject) -> Iterator[pa.Table]:
            fields = [_VENDOR_NAMES.get(n, n) for n in names]
            asked = {"advertiser_id": account, "fields": fields, "filtering": {"primary_status": "STATUS_ALL"}}
            for rows in pages(f"{ENTITIES[table.name]}/get/", asked):
                for row in rows:
                    row |= {n: json.dumps(row.get(n) or []) for n in _LISTS if n in names}
                yield _read(table, wire, rows, reject, table.row_key[:-1])

        return fetch

    def accounts_info(account: str, reject: Reject) -> Iterator[pa.Table]:
        names = [c.name for c in AD_ACCOUNTS.columns if not c.name.startswith("_dlt_")]
        fields = [_VENDOR_NAMES.get(n, n) for n in names]
        found = client.get("advertiser/info/", {"advertiser_ids": json.dumps([account]), "fields": json.dumps(fields)})
        yield _read(AD_ACCOUNTS, _wires(AD_ACCOUNTS, names), found["data"]["list"], reject, ["currency"])

    accounts = setting_list(SPEC.name, "accounts")
    if not accounts:
        who = {"app_id": str(setting(SPEC.name, "app_id")), "secret": secret(SPEC.name, "secret")}
        accounts = [a["advertiser_id"] for a in client.get("oauth2/advertiser/get/", who)["data"]["list"]]
    reports = Reports(SPEC, context)
    return reports.source(
        [
            reports.entities(AD_ACCOUNTS, accounts, accounts_info),
            *(reports.entities(t, accounts, entity(t)) for t in (CAMPAIGNS, AD_GROUPS, ADS)),
            *(reports.daily(t, accounts, report(t), max_days=MAX_DAYS) for t in DAILY),
        ]
    )


def _own(vendor_name: str) -> str:
    return {v: k for k, v in _VENDOR_NAMES.items()}.get(vendor_name, vendor_name)


def _wires(table: Table, names: Sequence[str]) -> dict[str, str | Wire]:
    return {n: Wire(_VENDOR_NAMES.get(n, n), "double" if table.column(n).type == "decimal" else "text") for n in names}


def _read(
    table: Table,
    wire: Mapping[str, str | Wire],
    rows: Sequence[Any],
    reject: Reject,
    required: Sequence[str],
    **same: str,
) -> pa.Table:
    """A page as Arrow. Raises SourceError when the answer lacks a field that was asked for: its shape has changed."""
    for path in (w.path if isinstance(w, Wire) else w for w in wire.values()) if rows else ():
        *parents, leaf = path.split(".")
        if not any(leaf in (row.get(parents[0]) or {} if parents else row) for row in rows):
            raise SourceError(SPEC.name, f"no row of the answer has {path}; did the API change?")
    return from_rows(table, wire, rows, constants=same, required=required, reject=reject)


SPEC = SourceSpec(
    name="tiktok_ads",
    kind="ads",
    description="TikTok Ads, API for Business v1.3",
    owner="marketing",
    tables=(AD_ACCOUNTS, CAMPAIGNS, AD_GROUPS, ADS, *DAILY, REJECTS),
    provides=frozenset({"ad_platforms", "ad_performance"}),
    configured=configured,
    build=build,
    restatement_days=28,
    expected_lag_days=1,
    stale_after_days=3,
)
