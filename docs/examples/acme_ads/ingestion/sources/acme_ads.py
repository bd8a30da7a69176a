"""Acme Ads, API v3: accounts, campaigns, ad groups, ads, and results by day. Each night pulls the last 28 days again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ingestion.ads import Fetch, FetchEntities, Pull, Reports, secret, setting, setting_list
from ingestion.arrow import Reject, Wire, from_rows
from ingestion.http import VendorClient
from ingestion.settings import Settings
from ingestion.spec import REJECTS, Column, Configuration, LoadContext, SourceSpec, Table, history_table

if TYPE_CHECKING:
    import pyarrow as pa
    from dlt.extract import DltSource

ACCOUNT, DAY = Column("account_id", "text", "ad account"), Column("date_day", "date", "the account's own day")
CAMPAIGN, AD_GROUP = Column("campaign_id", "text", "campaign"), Column("ad_group_id", "text", "ad group")
AD, NAME, STATUS = Column("ad_id", "text", "ad"), Column("name", "text", "name"), Column("status", "text", "on or off")

ENTITIES = {
    "ad_accounts": (
        (ACCOUNT, NAME, Column("currency", "text", "ISO 4217"), Column("time_zone", "text", "IANA name")),
        (),
    ),
    "campaigns": (
        (ACCOUNT, CAMPAIGN, NAME, STATUS, Column("goal", "text", "Acme's word for its type")),
        ("campaign_id",),
    ),
    "ad_groups": ((ACCOUNT, CAMPAIGN, AD_GROUP, NAME, STATUS), ("ad_group_id",)),
    "ads": ((ACCOUNT, CAMPAIGN, AD_GROUP, AD, NAME, STATUS, Column("url", "text", "landing page")), ("ad_id",)),
}
# Acme's report by level: the ids that make a row of it
LEVELS = {"account": (), "campaign": (CAMPAIGN,), "ad": (CAMPAIGN, AD_GROUP, AD)}


def _things(name: str, columns: tuple[Column, ...], key: tuple[str, ...]) -> Table:
    return history_table(name, columns, ("account_id", *key), f"Acme's {name.replace('_', ' ')}, in versions.")


def _daily(level: str, ids: tuple[Column, ...]) -> Table:
    results = (
        Column("impressions", "bigint", "times shown"),
        Column("clicks", "bigint", "clicks"),
        Column("cost", "decimal", "media cost without VAT in the account's currency"),
        Column("conversions", "decimal", "conversions as Acme counts them, on the day of the click"),
        Column("_deleted", "bool", "marks a day that is taken out before its rows come", hard_delete=True),
    )
    return Table(
        f"{level}_daily",
        (ACCOUNT, DAY, *ids, *results),
        row_key=("account_id", "date_day", *(c.name for c in ids)),
        merge_key=("account_id", "date_day"),
        description=f"Results by {level} and day, from the report of that level.",
        date_column="date_day",
        provides="ad_performance",
    )


ENTITY_TABLES = tuple(_things(name, columns, key) for name, (columns, key) in ENTITIES.items())
DAILY_TABLES = {level: _daily(level, ids) for level, ids in LEVELS.items()}
NEXT_STEPS = {"190": "the token is over; renew it and set SOURCES__ACME_ADS__ACCESS_TOKEN"}


def configured(settings: Settings) -> Configuration:
    accounts = setting_list("acme_ads", "accounts")
    if not secret("acme_ads", "access_token"):
        return Configuration(False, "no token; set SOURCES__ACME_ADS__ACCESS_TOKEN")
    if not accounts:
        return Configuration(False, "no accounts; set SOURCES__ACME_ADS__ACCOUNTS")
    return Configuration(True, f"accounts {', '.join(accounts)}")


def envelope(body: Any) -> tuple[str, str] | None:
    """Acme answers 200 with {"error": {"code", "message"}} when it refuses."""
    error = body.get("error") if isinstance(body, dict) else None
    return (str(error["code"]), error["message"]) if error else None


def build(context: LoadContext) -> DltSource:
    """Entities and daily rows of all accounts. Raises SourceError."""
    from dlt.sources.helpers.rest_client.auth import BearerTokenAuth
    from dlt.sources.helpers.rest_client.paginators import JSONLinkPaginator

    client = VendorClient(
        SPEC.name,
        str(setting("acme_ads", "base_url", "https://ads.acme.example/v3")),
        auth=BearerTokenAuth(secret("acme_ads", "access_token")),
        paginator=JSONLinkPaginator(next_url_path="next"),
        envelope=envelope,
        next_steps=NEXT_STEPS,
        throttled={"429"},
    )
    reports, accounts = Reports(SPEC, context), setting_list("acme_ads", "accounts")

    def entities(table: Table) -> FetchEntities:
        wire = {c.name: c.name for c in table.columns if not c.name.startswith(("_", "account_id"))}

        def fetch(account: str, reject: Reject) -> Iterator[pa.Table]:
            for page in client.pages(f"accounts/{account}/{table.name}", data_selector="data"):
                yield from_rows(table, wire, page, constants={"account_id": account}, reject=reject)

        return fetch

    def daily(level: str, table: Table) -> Fetch:
        wire: dict[str, str | Wire] = {"date_day": "day", "cost": "cost"}
        wire |= {c.name: c.name for c in LEVELS[level]}
        wire |= {name: Wire(name, "int") for name in ("impressions", "clicks")}
        wire["conversions"] = Wire("conversions", "double")

        def fetch(pull: Pull, reject: Reject) -> Iterator[pa.Table]:
            window = {"level": level, "from": pull.start.isoformat(), "to": pull.end.isoformat()}
            for page in client.pages(f"accounts/{pull.account_id}/report", params=window, data_selector="data"):
                yield from_rows(table, wire, page, constants={"account_id": pull.account_id}, reject=reject)

        return fetch

    return reports.source(
        [
            *(reports.entities(table, accounts, entities(table)) for table in ENTITY_TABLES),
            *(reports.daily(table, accounts, daily(level, table)) for level, table in DAILY_TABLES.items()),
        ]
    )


SPEC = SourceSpec(
    name="acme_ads",
    kind="ads",
    description="Acme Ads, API v3",
    owner="marketing",
    tables=(*ENTITY_TABLES, *DAILY_TABLES.values(), REJECTS),
    provides=frozenset({"ad_platforms", "ad_performance"}),
    configured=configured,
    build=build,
    restatement_days=28,
)
