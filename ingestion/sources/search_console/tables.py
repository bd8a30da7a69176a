"""Search Console's raw tables. A report is a table of its own: what Google counts by property and by page is never mixed."""

from __future__ import annotations

from dataclasses import dataclass

from ingestion.spec import Column, Table, history_table

_SITE = Column("account_id", "text", "siteUrl: the property, as sc-domain:example.com or https://www.example.com/")
_DAY = Column("date_day", "date", "the day in Pacific time (America/Los_Angeles)")
_TYPE = Column("search_type", "text", "web, image, video or news")
_DIMENSIONS = {
    "query": Column("query", "text", "what was searched; never one that few people searched for: Google hides those"),
    "page": Column("page", "text", "the canonical address that was shown"),
    "country": Column(
        "country", "text", "where the search came from: three letters of ISO 3166-1, lower case; zzz: unknown"
    ),
    "device": Column("device", "text", "DESKTOP, MOBILE or TABLET"),
}
_METRICS = (
    Column("clicks", "bigint", "clicks to the site"),
    Column("impressions", "bigint", "times shown"),
    Column("position", "decimal", "average place in the results, from 1, weighted by impressions"),
    Column("_deleted", "bool", "takes out the site's day; no row of raw has it", hard_delete=True),
)

SITES = history_table(
    "sites",
    (_SITE, Column("permission_level", "text", "siteOwner, siteFullUser or siteRestrictedUser")),
    ("account_id",),
    "Properties that are pulled, as versions.",
)


@dataclass(frozen=True)
class Report:
    """One report and the raw table it fills. `aggregation` is what the answer must say it was counted by."""

    table: Table
    dimensions: tuple[str, ...]  # in the order of an answer's keys
    aggregation: str
    max_days: int  # asked for at once


def _report(name: str, dimensions: tuple[str, ...], aggregation: str, max_days: int, description: str) -> Report:
    table = Table(
        name,
        (_SITE, _TYPE, _DAY, *(_DIMENSIONS[d] for d in dimensions), *_METRICS),
        row_key=("account_id", "search_type", "date_day", *dimensions),
        merge_key=("account_id", "date_day"),
        description=description,
        date_column="date_day",
        provides="organic_search",
    )
    return Report(table, ("date", *dimensions), aggregation, max_days)


REPORTS = (
    _report(
        "property_daily", ("country", "device"), "byProperty", 31,
        "Results by day, counted by property: a search that shows several pages counts once. Holds rare queries too.",
    ),
    _report(
        "query_daily", ("query", "country", "device"), "byProperty", 7,
        "Results by day and query, counted by property. Less than property_daily: rare queries are hidden.",
    ),
    _report(
        "page_daily", ("page", "country", "device"), "byPage", 7,
        "Results by day and page, counted by page: a search that shows two pages counts for both.",
    ),
    _report(
        "query_page_daily", ("query", "page"), "byPage", 7,
        "Results by day, query and page, counted by page. Less than page_daily: rare queries are hidden.",
    ),
)  # fmt: skip
