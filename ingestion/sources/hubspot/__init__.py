"""HubSpot: contacts, companies, deals with their stages, calls, meetings, forms, marketing events. API 2026-03, v3 where there is no other.

Nights ask the search for what changed since the last one; the first night, and one a week, list everything. Values are all texts.
The recycle bin keeps records for 90 days; what was erased, or merged away, is gone from one night to the next and is taken out here.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from ingestion.ads import secret, setting_list
from ingestion.crm import Pulls, freshness
from ingestion.errors import SourceError
from ingestion.settings import Settings
from ingestion.sources.hubspot.client import NAME, client_of
from ingestion.sources.hubspot.reading import Reader
from ingestion.sources.hubspot.tables import (
    ACCOUNTS,
    ASSOCIATIONS,
    EVENT_PARTICIPATIONS,
    FORM_SUBMISSIONS,
    FORMS,
    KINDS,
    MARKETING_EVENTS,
    MERGES,
    OWNERS,
    PIPELINE_STAGES,
    PROPERTY_CHANGES,
    TABLES,
)
from ingestion.spec import Configuration, Freshness, LoadContext, SourceSpec

if TYPE_CHECKING:
    from dlt.extract import DltSource
    from duckdb import DuckDBPyConnection

OTHER_KINDS = ("owners", "pipelines", "forms", "marketing_events")


def configured(settings: Settings) -> Configuration:
    if secret(NAME, "access_token"):
        return Configuration(True, "token of a private app")
    missing = [n for n in ("client_id", "client_secret", "refresh_token") if not secret(NAME, n)]
    if not missing:
        return Configuration(True, "refresh token of an app")
    return Configuration(
        False,
        "no token; set SOURCES__HUBSPOT__ACCESS_TOKEN (of a private app), or CLIENT_ID, CLIENT_SECRET and REFRESH_TOKEN",
    )


def build(context: LoadContext) -> DltSource:
    """Tables of SPEC for one run. Raises SourceError when a setting is wrong or the account cannot be read."""
    client = client_of()
    left_out = setting_list(NAME, "leave_out")
    if unknown := sorted(set(left_out) - {*OTHER_KINDS, *(k.name for k in KINDS)}):
        raise SourceError(
            NAME,
            f"SOURCES__HUBSPOT__LEAVE_OUT names {unknown[0]!r}; it takes {', '.join((*OTHER_KINDS, *(k.name for k in KINDS)))}",
        )
    details = client.get("account-info/v3/details")
    pulls = Pulls(SPEC, context, str(details["portalId"]))
    reader = Reader(client, pulls, details)
    for kind in KINDS:
        tables = [kind.table, *([PROPERTY_CHANGES] if kind.history else []), *([ASSOCIATIONS] if kind.linked else [])]
        tables += [MERGES] if any(p.column == "merged_ids" for p in kind.properties) else []
        if kind.name not in left_out:
            pulls.pull(kind.name, tables, reader.objects(kind))
    others = {
        "owners": ((OWNERS, ACCOUNTS), reader.owners),
        "pipelines": ((PIPELINE_STAGES,), reader.pipelines),
        "forms": ((FORMS, FORM_SUBMISSIONS), reader.forms),
        "marketing_events": ((MARKETING_EVENTS, EVENT_PARTICIPATIONS), reader.events),
    }
    for name, (room, fetch) in others.items():
        if name not in left_out:
            pulls.pull(name, room, fetch)
    return pulls.source()


def reaches(con: DuckDBPyConnection, settings: Settings, as_of: date) -> Freshness:
    return freshness(con, as_of, SPEC)


SPEC = SourceSpec(
    name=NAME,
    kind="crm",
    description="HubSpot, CRM objects of 2026-03",
    owner="sales",
    tables=TABLES,
    provides=frozenset({"crm_systems", "form_submissions"}),
    configured=configured,
    build=build,
    expected_lag_days=1,
    stale_after_days=3,
    freshness=reaches,
)
