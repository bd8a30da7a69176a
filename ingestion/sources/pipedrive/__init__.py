"""Pipedrive: persons, organizations, deals with their stages, activities, leads. API v2, v1 where v2 has nothing.

Nights ask for what was updated since the last one, and v1's recents for what was deleted or merged; the first night, and one a week,
list everything. A deal's changes and participants are asked for deal by deal, for deals that changed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ingestion.ads import secret, setting, setting_list
from ingestion.arrow import Wire
from ingestion.crm import Batch, Pulls, freshness, with_attributes
from ingestion.errors import SourceError
from ingestion.http import VendorClient
from ingestion.settings import Settings
from ingestion.sources.pipedrive.tables import (
    DEAL_CHANGES,
    DEAL_PARTICIPANTS,
    DEALS,
    KINDS,
    LEADS,
    MERGES,
    PERSONS,
    STAGES,
    TABLES,
    USERS,
    Kind,
)
from ingestion.spec import Configuration, Freshness, LoadContext, SourceSpec

if TYPE_CHECKING:
    from dlt.extract import DltSource
    from duckdb import DuckDBPyConnection

NAME = "pipedrive"
BASE_URL = "https://api.pipedrive.com"
PAGE_ROWS = 500
DELETED_DAYS = 30  # how long Pipedrive tells of what was deleted
CHANGED_FIELDS = ("stage_id", "status", "pipeline_id")
OTHER_KINDS = ("stages", "users", "leads")
_TOO_LONG = 86_400.0

NEXT_STEPS = {
    "401": "the token is not accepted; copy it anew in Pipedrive (personal preferences, API) and set SOURCES__PIPEDRIVE__API_TOKEN",
    "402": "the company's plan is over",
    "403": "the token's user may not read this; give them access, or leave the part out with SOURCES__PIPEDRIVE__LEAVE_OUT",
    "429": "the company's calls are used up; the next night goes on",
}


def configured(settings: Settings) -> Configuration:
    if not secret(NAME, "api_token"):
        return Configuration(False, "no token; set SOURCES__PIPEDRIVE__API_TOKEN")
    return Configuration(True, "token of a user")


def envelope(body: Any) -> tuple[str, str] | None:
    """{"success": false, "error", "errorCode"}."""
    if not isinstance(body, dict) or body.get("success") is not False:
        return None
    return str(body.get("errorCode") or body.get("code") or "error"), str(body.get("error", ""))


def retry_hint(body: Any, headers: Mapping[str, str]) -> float | None:
    """The window's rest; when the tokens of the day are gone, the next night goes on."""
    if headers.get("x-daily-ratelimit-token-remaining", "") == "0":
        return _TOO_LONG
    reset = headers.get("x-ratelimit-reset", "")
    return float(reset) if reset.isdigit() else None


def build(context: LoadContext) -> DltSource:
    """Tables of SPEC for one run. Raises SourceError when a setting is wrong."""
    left_out = setting_list(NAME, "leave_out")
    names = (*(k.name for k in KINDS), *OTHER_KINDS)
    if unknown := sorted(set(left_out) - set(names)):
        raise SourceError(NAME, f"SOURCES__PIPEDRIVE__LEAVE_OUT names {unknown[0]!r}; it takes {', '.join(names)}")
    client = VendorClient(
        NAME,
        f"{str(setting(NAME, 'base_url', BASE_URL)).rstrip('/')}/",
        headers={"x-api-token": secret(NAME, "api_token")},
        envelope=envelope,
        next_steps=NEXT_STEPS,
        retry_hint=retry_hint,
    )
    pulls = Pulls(SPEC, context, NAME)
    reader = _Reader(client, pulls)
    for kind in KINDS:
        tables = [kind.table, *([DEAL_CHANGES, DEAL_PARTICIPANTS] if kind is DEALS else []), MERGES]
        if kind.name not in left_out:
            pulls.pull(kind.name, tables, reader.things(kind))
    for name, (table, fetch) in {
        "stages": (STAGES, reader.stages),
        "users": (USERS, reader.users),
        "leads": (LEADS, reader.leads),
    }.items():
        if name not in left_out:
            pulls.pull(name, [table], fetch)
    return pulls.source()


class _Reader:
    """Asks Pipedrive, and puts what comes into the batch of a pull."""

    def __init__(self, client: VendorClient, pulls: Pulls) -> None:
        self._client, self._pulls = client, pulls
        self._with_bodies = str(setting(NAME, "load_bodies", "false")).lower() == "true"
        self._extra = {k.name: setting_list(NAME, f"{k.item}_fields") for k in KINDS}
        self._source, self._role = (str(setting(NAME, key, "")) for key in ("source_field", "buying_role_field"))

    # --- pages -----------------------------------------------------------------------------------------------------
    def _v2(self, name: str, since: datetime | None = None, **asked: Any) -> Iterator[list[dict[str, Any]]]:
        asked = {"limit": PAGE_ROWS, "sort_by": "id", **asked}
        if since is not None:
            asked["updated_since"] = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        cursor = None
        while True:
            body = self._client.get(f"api/v2/{name}", {**asked, **({"cursor": cursor} if cursor else {})})
            yield body["data"] or []
            following = (body.get("additional_data") or {}).get("next_cursor")
            if not following or following == cursor:
                return
            cursor = following

    def _v1(self, path: str, **asked: Any) -> Iterator[list[dict[str, Any]]]:
        start = 0
        while True:
            body = self._client.get(f"v1/{path}", {"limit": PAGE_ROWS, **asked, "start": start})
            yield body["data"] or []
            paging = (body.get("additional_data") or {}).get("pagination") or {}
            if not paging.get("more_items_in_collection"):
                return
            start = int(paging["next_start"])

    # --- API v2 ----------------------------------------------------------------------------------------------------
    def things(self, kind: Kind) -> Callable[[Batch], None]:
        wire = dict(kind.wire)
        if self._extra[kind.name]:
            wire["extra_properties"] = "extra_properties"
        if self._with_bodies and kind.name in ("persons", "activities"):
            wire |= {"notes": "notes"} if kind is PERSONS else {"activity_note": "note"}

        def fetch(batch: Batch) -> None:
            # asked before the lists: what is deleted meanwhile is told the next night
            gone = self._recents(batch, kind)
            live: list[str] = []

            def take(rows: list[dict[str, Any]], request: str) -> list[str]:
                rows = [r for r in rows if str(r.get("id")) not in batch.ids]
                for row in rows:
                    self._flatten(row)
                with_attributes(rows, self._extra[kind.name], lambda r: r.get("custom_fields"))
                required = (kind.key, "created_at", "modified_at")
                found = batch.add(kind.table, wire, rows, required=required, request=request)
                return batch.records(found, kind.key, "modified_at")

            for rows in self._v2(kind.name, batch.since):
                live += take(rows, kind.name)
            if kind is DEALS:
                for rows in self._v2("deals/archived", batch.since):
                    live += take(rows, "deals, archived")
                for rows in self._v2("deals", batch.since, status="deleted"):
                    take(rows, "deals, deleted")
                for deal in live:
                    self._deal(batch, deal)
            gone = sorted({*gone, *self._pulls.gone(batch, kind.table, kind.key)} - batch.ids)
            batch.drop(kind.table, **{kind.key: gone})
            if kind is DEALS:
                batch.drop(DEAL_CHANGES, deal_id=gone)
                batch.drop(DEAL_PARTICIPANTS, deal_id=gone)

        return fetch

    def _flatten(self, row: dict[str, Any]) -> None:
        """Lists and own fields of a record as columns want them."""
        own = row.get("custom_fields") or {}
        for name, plural in (("_email", "emails"), ("_phone", "phones")):
            values = [v for v in row.get(plural) or () if v.get("value")]
            primary = [v for v in values if v.get("primary")] or values
            row[name] = primary[0]["value"] if primary else None
            row[f"_{plural}"] = json.dumps(values, ensure_ascii=False) if values else None
        row["_label_ids"] = json.dumps(row["label_ids"]) if row.get("label_ids") else None
        for name in ("due_time", "duration"):  # "" where it has none
            row[name] = row.get(name) or None
        people = [str(p["person_id"]) for p in row.get("participants") or () if p.get("person_id")]
        row["_participant_ids"] = ",".join(people) or None
        for name, key in (("_source", self._source), ("_buying_role", self._role)):
            value = own.get(key) if key else None
            row[name] = str(value) if value is not None else None

    def _recents(self, batch: Batch, kind: Kind) -> list[str]:
        """What was deleted or merged away of a kind; merges go into their table."""
        since = batch.since or datetime.combine(batch.as_of, datetime.min.time(), UTC) - timedelta(days=DELETED_DAYS)
        gone: list[str] = []
        merges = []
        asked = {"since_timestamp": since.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S"), "items": kind.item}
        for rows in self._v1("recents", **asked):
            for row in rows:
                data = row.get("data") or {}
                if data.get("active_flag") is False:
                    gone.append(str(row["id"]))
                if merged := data.get("merge_what_id"):
                    at = str(data.get("update_time"))
                    merges.append({"merged": str(merged), "surviving": str(row["id"]), "at": at})
                    gone.append(str(merged))
        wire: dict[str, str | Wire] = {"merged_id": "merged", "surviving_id": "surviving", "merged_at": "at"}
        known = self._pulls.known_pairs(MERGES, kind.name)
        merges = [m for m in merges if (m["merged"], m["surviving"]) not in known]
        batch.add(MERGES, wire, merges, constants={"object_type": kind.name}, required=("merged_id", "surviving_id"))
        return gone

    def _deal(self, batch: Batch, deal: str) -> None:
        """A deal's changes and participants: each is asked for by itself, there is no list of them."""
        batch.drop(DEAL_CHANGES, deal_id=deal)
        rows: list[dict[str, Any]] = []
        cursor = None
        while True:
            asked = {"limit": PAGE_ROWS, **({"cursor": cursor} if cursor else {})}
            body = self._client.get(f"v1/deals/{deal}/changelog", asked)
            rows += [r for r in body["data"] or () if r.get("field_key") in CHANGED_FIELDS]
            following = (body.get("additional_data") or {}).get("next_cursor")
            if not following or following == cursor:
                break
            cursor = following
        wire: dict[str, str | Wire] = {
            "position": Wire("position", "int"), "field": "field_key", "old_value": "old", "new_value": "new", "changed_at": "time",
            "change_source": "change_source",
        }  # fmt: skip
        for position, row in enumerate(rows):
            row |= {"position": position, "old": _text(row.get("old_value")), "new": _text(row.get("new_value"))}
        same = {"deal_id": deal}
        batch.add(
            DEAL_CHANGES,
            wire,
            rows,
            constants=same,
            required=("field", "changed_at"),
            request=f"deal {deal}, changelog",
        )
        batch.drop(DEAL_PARTICIPANTS, deal_id=deal)
        for people in self._v1(f"deals/{deal}/participants"):
            wire = {"person_id": Wire("person_id.value", "int"), "added_at": "add_time"}
            batch.add(
                DEAL_PARTICIPANTS,
                wire,
                people,
                constants=same,
                required=("person_id",),
                request=f"deal {deal}, participants",
            )

    # --- what is listed whole --------------------------------------------------------------------------------------
    def stages(self, batch: Batch) -> None:
        account = {"account_id": batch.account_id}
        batch.drop(STAGES, **account)
        pipelines = {p["id"]: p["name"] for rows in self._v2("pipelines") for p in rows}
        wire: dict[str, str | Wire] = {
            "stage_id": Wire("id", "int"), "stage_name": "name", "pipeline_id": Wire("pipeline_id", "int"), "pipeline_name": "pipeline",
            "display_order": Wire("order_nr", "int"), "probability_pct": Wire("deal_probability", "double"),
            "is_deleted": Wire("is_deleted", "bool"),
        }  # fmt: skip
        for rows in self._v2("stages"):
            rows = [r | {"pipeline": pipelines.get(r.get("pipeline_id"))} for r in rows]
            batch.n_rows += batch.add(STAGES, wire, rows, constants=account, required=("stage_id",)).num_rows

    def users(self, batch: Batch) -> None:
        account = {"account_id": batch.account_id}
        batch.drop(USERS, **account)
        wire: dict[str, str | Wire] = {
            "user_id": Wire("id", "int"), "name": "name", "email": "email", "is_active": Wire("active_flag", "bool"),
        }  # fmt: skip
        rows = self._client.get("v1/users")["data"] or []
        batch.n_rows = batch.add(USERS, wire, rows, constants=account, required=("user_id",)).num_rows

    def leads(self, batch: Batch) -> None:
        account = {"account_id": batch.account_id}
        batch.drop(LEADS, **account)
        labels = {row["id"]: row["name"] for row in self._client.get("v1/leadLabels")["data"] or []}
        wire: dict[str, str | Wire] = {
            "lead_id": "id", "title": "title", "person_id": Wire("person_id", "int"),
            "organization_id": Wire("organization_id", "int"), "owner_id": Wire("owner_id", "int"), "label_names": "labels",
            "source_name": "source_name", "origin": "origin", "channel_id": "channel_id",
            "is_archived": Wire("is_archived", "bool"), "created_at": "add_time", "modified_at": "update_time",
        }  # fmt: skip
        for path in ("leads", "leads/archived"):
            for rows in self._v1(path):
                rows = [
                    r | {"labels": "; ".join(labels.get(i, i) for i in r.get("label_ids") or ()) or None}
                    for r in rows
                    if r.get("id") not in batch.ids
                ]
                found = batch.add(
                    LEADS, wire, rows, constants=account, required=("lead_id", "created_at"), request=path
                )
                batch.ids.update(found["lead_id"].to_pylist())
                batch.n_rows += found.num_rows


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def reaches(con: DuckDBPyConnection, settings: Settings, as_of: date) -> Freshness:
    return freshness(con, as_of, SPEC)


SPEC = SourceSpec(
    name=NAME,
    kind="crm",
    description="Pipedrive, API v2",
    owner="sales",
    tables=TABLES,
    provides=frozenset({"crm_systems"}),
    configured=configured,
    build=build,
    expected_lag_days=1,
    stale_after_days=3,
    freshness=reaches,
)
