"""Google Search Console: what people searched for on Google, and which pages they were shown and clicked. API webmasters/v3.

Days are of Pacific time. Only final data are pulled, which come two to three days late; 16 months are kept by Google. A domain
property holds its URL-prefix properties: figures of several sites may overlap and are never added up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ingestion.ads import Pull, Reports, setting, setting_list
from ingestion.arrow import Reject, Wire, from_rows
from ingestion.errors import SourceError
from ingestion.http import VendorClient, google_client, unsigned
from ingestion.settings import Settings
from ingestion.sources.search_console.tables import REPORTS, SITES, Report
from ingestion.spec import REJECTS, Configuration, LoadContext, SourceSpec

if TYPE_CHECKING:
    import pyarrow as pa
    from dlt.extract import DltSource

BASE_URL = "https://searchconsole.googleapis.com"
MONTHS_KEPT = 16
MAX_ROWS = 25_000  # of a page
ROWS_A_DAY = 50_000  # of a site and search type; Google tells the rows with most clicks
TYPES = ("web", "image", "video", "news")  # Discover and Google News know neither queries nor counts by property
_ANSWER = {"rows", "responseAggregationType", "metadata"}
_WIRES = {"date_day": Wire("date"), "clicks": Wire("clicks", "double"), "impressions": Wire("impressions", "double"),
          "position": Wire("position", "double")}  # fmt: skip

NEXT_STEPS = {
    "authError": "the token is not accepted; grant access anew and set SOURCES__SEARCH_CONSOLE__REFRESH_TOKEN",
    "forbidden": "give the user access to the property in Search Console, or leave it out of SOURCES__SEARCH_CONSOLE__SITES",
    "accessNotConfigured": "switch the Search Console API on in the Google Cloud project of the client id",
    "insufficientPermissions": "grant access anew with the scope webmasters.readonly",
    "quotaExceeded": "the quota of Search Console is used up; the next night goes on",
    "rateLimitExceeded": "too many calls a minute; the next night goes on",
}


def configured(settings: Settings) -> Configuration:
    if missing := unsigned("search_console"):
        return Configuration(False, missing)
    sites = setting_list("search_console", "sites")
    return Configuration(True, f"sites {', '.join(sites)}" if sites else "all verified sites of the user")


def first_kept(as_of: date) -> date:
    """The oldest day that Google still tells."""
    months = as_of.year * 12 + as_of.month - 1 - MONTHS_KEPT
    return date(months // 12, months % 12 + 1, min(as_of.day, 28))


def build(context: LoadContext) -> DltSource:
    """Tables of SPEC for one run. Raises SourceError when a setting is wrong or the sites cannot be listed."""
    name = SPEC.name
    types = setting_list(name, "search_types") or ["web"]
    if unknown := [t for t in types if t not in TYPES]:
        raise SourceError(
            name, f"search type {unknown[0]!r}; SOURCES__SEARCH_CONSOLE__SEARCH_TYPES takes {', '.join(TYPES)}"
        )
    client = google_client(
        name,
        BASE_URL,
        "webmasters/v3/",
        next_steps=NEXT_STEPS,
        throttled=("rateLimitExceeded", "userRateLimitExceeded"),
    )
    page_rows = int(setting(name, "page_rows", MAX_ROWS))

    def pages(site: str, asked: Mapping[str, Any], aggregation: str) -> Iterator[list[Any]]:
        """The rows of each page; the one after the last has none. Raises SourceError when the answer is another than asked for."""
        path = f"sites/{quote(site, safe='')}/searchAnalytics/query"
        first = 0
        while True:
            body = client.call("POST", path, json={**asked, "rowLimit": page_rows, "startRow": first})
            # a member more or another name may hold the rows: days must not be emptied for it
            if other := sorted(set(body) - _ANSWER):
                raise SourceError(name, f"the answer has an unknown member {other[0]!r}; did the API change?")
            if not (rows := body.get("rows")):
                return
            # the discovery document writes BY_PAGE, the service byPage
            if str(body.get("responseAggregationType")).replace("_", "").lower() != aggregation.lower():
                text = f"counted {body.get('responseAggregationType')}, not {aggregation} as asked for"
                raise SourceError(name, f"{text}; did the API change?")
            yield rows
            first += page_rows

    def fetch(report: Report) -> Any:
        by_property = report.aggregation == "byProperty"
        wire = _WIRES | {d: Wire(d) for d in report.dimensions if d != "date"}

        def days(pull: Pull, reject: Reject) -> Iterator[pa.Table]:
            for search_type in types:
                asked = {
                    "startDate": pull.start.isoformat(),
                    "endDate": pull.end.isoformat(),
                    "dimensions": list(report.dimensions),
                    "type": search_type,
                    "dataState": "final",
                    # grouped by page Google wants "auto", and counts by page
                    "aggregationType": report.aggregation if by_property else "auto",
                }
                n_rows: Counter[date] = Counter()
                same = {"account_id": pull.account_id, "search_type": search_type}
                for rows in pages(pull.account_id, asked, report.aggregation):
                    for row in rows:
                        row |= zip(report.dimensions, row.get("keys") or (), strict=False)
                    for metric in ("clicks", "impressions", "position"):
                        if not any(metric in row for row in rows):
                            raise SourceError(name, f"no row of the answer has {metric}; did the API change?")
                    required = [c for c in wire if c != "position"]
                    found = from_rows(report.table, wire, rows, constants=same, required=required, reject=reject)
                    n_rows.update(found["date_day"].to_pylist())
                    yield found
                if full := sorted(d.isoformat() for d, n in n_rows.items() if n >= ROWS_A_DAY):
                    context.notes.remarks.append(
                        f"{report.table.name}, {pull.account_id}, {search_type}: {', '.join(full)} has {ROWS_A_DAY:,} rows, "
                        "the most that Google tells of a day; rows with few clicks are missing"
                    )

        return days

    levels = _sites(client)
    sites = setting_list(name, "sites") or sorted(levels)
    if missing := [s for s in sites if s not in levels]:
        raise SourceError(
            name,
            f"site {missing[0]} is not among the {len(levels)} verified properties of the user ({', '.join(sorted(levels))}); "
            "check SOURCES__SEARCH_CONSOLE__SITES",
        )

    def site(account: str, reject: Reject) -> Iterator[pa.Table]:
        row = {"siteUrl": account, "permissionLevel": levels[account]}
        wire = {"account_id": "siteUrl", "permission_level": "permissionLevel"}
        yield from_rows(SITES, wire, [row], required=["account_id", "permission_level"], reject=reject)

    reports = Reports(SPEC, context, first_available=first_kept(context.as_of))
    return reports.source(
        [
            reports.entities(SITES, sites, site),
            *(reports.daily(r.table, sites, fetch(r), max_days=r.max_days) for r in REPORTS),
        ]
    )


def _sites(client: VendorClient) -> dict[str, Any]:
    """The properties the user may read, and as what. Raises SourceError."""
    levels: dict[str, Any] = {}
    for entry in client.get("sites").get("siteEntry") or ():
        if not isinstance(entry.get("siteUrl"), str):
            raise SourceError(
                SPEC.name, f"a site has no siteUrl that can be read: {str(entry)[:200]}; did the API change?"
            )
        if entry.get("permissionLevel") != "siteUnverifiedUser":
            levels[entry["siteUrl"]] = entry.get("permissionLevel")
    return levels


SPEC = SourceSpec(
    name="search_console",
    kind="search",
    description="Google Search Console, API webmasters/v3",
    owner="marketing",
    tables=(SITES, *(r.table for r in REPORTS), REJECTS),
    provides=frozenset({"organic_search"}),
    configured=configured,
    build=build,
    restatement_days=5,
    expected_lag_days=3,
    stale_after_days=6,
)
