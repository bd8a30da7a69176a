"""What is asked of HubSpot, and how its answers become rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from ingestion.ads import setting, setting_list
from ingestion.arrow import Wire
from ingestion.crm import Batch, Pulls, chunks, with_attributes
from ingestion.errors import SourceError
from ingestion.http import VendorClient
from ingestion.sources.hubspot.client import NAME
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
    Kind,
)

OBJECTS, LINKS = "crm/objects/2026-03", "crm/associations/2026-03"
LIST_ROWS, SEARCH_ROWS, HISTORY_ROWS, LINK_ROWS, FORM_ROWS = 100, 200, 50, 1000, 50  # of a page, at most
EVENT_DAYS = 30  # how long after an event its participations may still change


class Reader:
    """Asks HubSpot, and puts what comes into the batch of a pull."""

    def __init__(self, client: VendorClient, pulls: Pulls, details: Mapping[str, Any]) -> None:
        self._client, self._pulls, self._details = client, pulls, details
        self._with_bodies = str(setting(NAME, "load_bodies", "false")).lower() == "true"
        self._attributes = {k.name: setting_list(NAME, f"{k.one}_properties") for k in KINDS}

    # --- CRM objects -----------------------------------------------------------------------------------------------
    def objects(self, kind: Kind) -> Callable[[Batch], None]:
        attributes = self._attributes[kind.name]
        wire = kind.wire(self._with_bodies)
        names = [p.name for p in kind.properties] + attributes + [kind.modified]
        if kind.body and self._with_bodies:
            names.append(kind.body.name)
        if attributes:
            wire["extra_properties"] = "extra_properties"

        def fetch(batch: Batch) -> None:
            live: list[str] = []
            gone: list[str] = []

            def take(rows: list[dict[str, Any]], request: str) -> list[str]:
                # a record that moves while pages are read may come twice
                rows = [r for r in rows if r.get("id") not in batch.ids]
                with_attributes(rows, attributes, lambda r: r.get("properties"))
                required = (kind.key, "created_at", "modified_at")
                found = batch.add(kind.table, wire, rows, required=required, request=request)
                if "merged_ids" in found.column_names:
                    gone.extend(_merges(batch, kind, found))
                return batch.records(found, kind.key, "modified_at")

            pages = self._listed(kind, names) if batch.since is None else self._changed(kind, names, batch.since)
            for rows in pages:
                live += take(rows, kind.name)
            for rows in self._listed(kind, names, archived=True):
                if batch.since is not None:
                    rows = [r for r in rows if _moment(r.get("archivedAt")) >= batch.since]
                take(rows, f"{kind.name}, archived")
            if kind.history:
                batch.drop(PROPERTY_CHANGES, object_type=kind.name, object_id=live)
                for ids in chunks(live, HISTORY_ROWS):
                    self._history(batch, kind, ids)
            if kind.linked:
                batch.drop(ASSOCIATIONS, object_type=kind.name, object_id=live)
                for other in kind.linked:
                    for ids in chunks(live, LINK_ROWS):
                        self._links(batch, kind, other, ids)
            gone = sorted({*gone, *self._pulls.gone(batch, kind.table, kind.key)} - batch.ids)
            batch.drop(kind.table, **{kind.key: gone})
            if kind.history:
                batch.drop(PROPERTY_CHANGES, object_type=kind.name, object_id=gone)
            if kind.linked:
                batch.drop(ASSOCIATIONS, object_type=kind.name, object_id=gone)

        return fetch

    def _listed(self, kind: Kind, names: Sequence[str], archived: bool = False) -> Iterator[list[dict[str, Any]]]:
        asked = {"limit": LIST_ROWS, "properties": ",".join(names), "archived": str(archived).lower()}
        yield from self._pages(f"{OBJECTS}/{kind.name}", asked)

    def _pages(self, path: str, asked: Mapping[str, Any]) -> Iterator[list[dict[str, Any]]]:
        """The rows of each page; the last one says nothing of a next."""
        after = None
        while True:
            body = self._client.get(path, {**asked, **({"after": after} if after else {})})
            yield body["results"]
            following = ((body.get("paging") or {}).get("next") or {}).get("after")
            if not following or following == after:
                return
            after = following

    def _changed(self, kind: Kind, names: Sequence[str], since: datetime) -> Iterator[list[dict[str, Any]]]:
        """What changed since then, in order of the id.

        The search gives 10,000 results and no more. Each page begins behind the last id of the one before, so that
        none has a page mark and no ceiling is met - also where an import gave a hundred thousand records one moment.
        """
        path = f"{OBJECTS}/{kind.name}/search"
        last = "0"
        while True:
            filters = [
                {"propertyName": kind.modified, "operator": "GTE", "value": str(int(since.timestamp() * 1000))},
                {"propertyName": "hs_object_id", "operator": "GT", "value": last},
            ]
            asked = {
                "filterGroups": [{"filters": filters}],
                "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
                "properties": list(names),
                "limit": SEARCH_ROWS,
            }
            body = self._client.call("POST", path, json=asked)
            rows = body["results"]
            yield rows
            if not rows or not body.get("paging"):
                return
            following = str(rows[-1]["id"])
            if int(following) <= int(last):
                raise SourceError(NAME, f"{path}: results are not in order of the id; did the API change?")
            last = following

    def _history(self, batch: Batch, kind: Kind, ids: Sequence[str]) -> None:
        asked = {"inputs": [{"id": i} for i in ids], "properties": [], "propertiesWithHistory": list(kind.history)}
        rows = []
        for record in self._client.call("POST", f"{OBJECTS}/{kind.name}/batch/read", json=asked)["results"]:
            for name in kind.history:
                for position, change in enumerate((record.get("propertiesWithHistory") or {}).get(name) or ()):
                    rows.append({**change, "id": record["id"], "property": name, "position": position})
        wire: dict[str, str | Wire] = {
            "object_id": "id", "property": "property", "position": Wire("position", "int"), "value": "value",
            "changed_at": "timestamp", "source_type": "sourceType",
        }  # fmt: skip
        required = ("object_id", "changed_at")
        batch.add(
            PROPERTY_CHANGES,
            wire,
            rows,
            constants={"object_type": kind.name},
            required=required,
            request=f"{kind.name}, history",
        )

    def _links(self, batch: Batch, kind: Kind, other: str, ids: Sequence[str]) -> None:
        """Links of records; those with very many come in pages of their own."""
        inputs = [{"id": i} for i in ids]
        while inputs:
            body = self._client.call("POST", f"{LINKS}/{kind.name}/{other}/batch/read", json={"inputs": inputs})
            rows, inputs = [], []
            for result in body["results"]:
                one = str(result["from"]["id"])
                for to in result["to"]:
                    # v4 gave numbers, 2026-03 gives texts
                    same = {"id": one, "to": str(to["toObjectId"])}
                    rows += [same | link for link in to["associationTypes"]]
                if after := ((result.get("paging") or {}).get("next") or {}).get("after"):
                    inputs.append({"id": one, "after": after})
            wire: dict[str, str | Wire] = {
                "object_id": "id", "to_id": "to", "category": "category", "type_id": Wire("typeId", "int"), "label": "label",
            }  # fmt: skip
            same = {"object_type": kind.name, "to_type": other}
            request = f"{kind.name}, associated {other}"
            batch.add(
                ASSOCIATIONS, wire, rows, constants=same, required=("object_id", "to_id", "type_id"), request=request
            )

    # --- what is listed whole --------------------------------------------------------------------------------------
    def owners(self, batch: Batch) -> None:
        account = {"account_id": batch.account_id}
        batch.drop(ACCOUNTS, **account)
        wire: dict[str, str | Wire] = {"currency": "companyCurrency", "time_zone": "timeZone"}
        batch.add(ACCOUNTS, wire, [self._details], constants=account, required=("account_id",))
        batch.drop(OWNERS, **account)
        wire = {
            "owner_id": "id", "user_id": "user", "email": "email", "first_name": "firstName", "last_name": "lastName",
            "is_archived": Wire("archived", "bool"),
        }  # fmt: skip
        for archived in ("false", "true"):
            for rows in self._pages("crm/v3/owners", {"limit": 500, "archived": archived}):
                rows = [r | {"user": str(r["userId"]) if r.get("userId") is not None else None} for r in rows]
                found = batch.add(OWNERS, wire, rows, constants=account, required=("owner_id",))
                batch.n_rows += found.num_rows

    def pipelines(self, batch: Batch) -> None:
        account = {"account_id": batch.account_id}
        batch.drop(PIPELINE_STAGES, **account)
        rows = [
            {**stage, "pipeline": pipeline}
            for pipeline in self._client.get("crm/v3/pipelines/deals")["results"]
            for stage in pipeline["stages"]
        ]
        wire: dict[str, str | Wire] = {
            "pipeline_id": "pipeline.id", "pipeline_name": "pipeline.label", "stage_id": "id", "stage_name": "label",
            "display_order": Wire("displayOrder", "int"), "is_closed": "metadata.isClosed",
            "probability": "metadata.probability",
        }  # fmt: skip
        found = batch.add(PIPELINE_STAGES, wire, rows, constants=account, required=("pipeline_id", "stage_id"))
        batch.n_rows = found.num_rows

    def forms(self, batch: Batch) -> None:
        account = {"account_id": batch.account_id}
        batch.drop(FORMS, **account)
        wire: dict[str, str | Wire] = {
            "form_id": "id", "name": "name", "form_type": "formType", "is_archived": Wire("archived", "bool"),
        }  # fmt: skip
        forms: list[str] = []
        for archived in ("false", "true"):
            for rows in self._pages("marketing/v3/forms/", {"limit": 100, "archived": archived}):
                found = batch.add(FORMS, wire, rows, constants=account, required=("form_id",))
                forms += found["form_id"].to_pylist()
        for form in forms:
            self._submissions(batch, form)
        batch.drop(FORM_SUBMISSIONS, submission_id=self._pulls.gone(batch, FORM_SUBMISSIONS, "submission_id"))

    def _submissions(self, batch: Batch, form: str) -> None:
        """Newest first: pages are read until one begins before the cursor."""
        wire: dict[str, str | Wire] = {
            "submission_id": "conversionId", "submitted_at": "submitted", "email": "email", "page_location": "pageUrl",
            "answers": "answers",
        }  # fmt: skip
        for rows in self._pages(f"form-integrations/v1/submissions/forms/{form}", {"limit": FORM_ROWS}):
            for row in rows:
                answers = {v["name"]: v.get("value") for v in row.get("values") or ()}
                at = datetime.fromtimestamp(int(row["submittedAt"]) / 1000, UTC)
                row |= {
                    "submitted": at.isoformat(),
                    "email": answers.get("email"),
                    "answers": json.dumps(answers, ensure_ascii=False),
                }
            recent = [r for r in rows if batch.since is None or _moment(r["submitted"]) >= batch.since]
            is_last = len(recent) < len(rows)
            # a submission that comes meanwhile moves the pages by one
            rows = [r for r in recent if r.get("conversionId") not in batch.ids]
            required = ("submission_id", "submitted_at")
            found = batch.add(
                FORM_SUBMISSIONS, wire, rows, constants={"form_id": form}, required=required, request=f"form {form}"
            )
            batch.records(found, "submission_id", "submitted_at")
            if is_last:
                return

    def events(self, batch: Batch) -> None:
        account = {"account_id": batch.account_id}
        batch.drop(MARKETING_EVENTS, **account)
        wire: dict[str, str | Wire] = {
            "event_id": "objectId", "external_id": "externalEventId", "name": "eventName", "event_type": "eventType",
            "starts_at": "startDateTime", "ends_at": "endDateTime", "is_cancelled": Wire("eventCancelled", "bool"), "url": "eventUrl",
        }  # fmt: skip
        settled = datetime.combine(batch.as_of, datetime.min.time(), UTC) - timedelta(days=EVENT_DAYS)
        for rows in self._pages("marketing/v3/marketing-events/", {"limit": 100}):
            found = batch.add(MARKETING_EVENTS, wire, rows, constants=account, required=("event_id",))
            batch.records(found, "event_id", "starts_at")
            for event, ends in zip(found["event_id"].to_pylist(), found["ends_at"].to_pylist(), strict=True):
                if batch.since is None or ends is None or ends >= settled:
                    self._participations(batch, event)
        batch.drop(EVENT_PARTICIPATIONS, event_id=self._pulls.gone(batch, MARKETING_EVENTS, "event_id"))

    def _participations(self, batch: Batch, event: str) -> None:
        batch.drop(EVENT_PARTICIPATIONS, event_id=event)
        wire: dict[str, str | Wire] = {
            "contact_id": "associations.contact.contactId", "state": "properties.attendanceState", "occurred_at": "occurred",
        }  # fmt: skip
        path = f"marketing/v3/marketing-events/participations/{event}/breakdown"
        for rows in self._pages(path, {"limit": 100}):
            for row in rows:
                at = (row.get("properties") or {}).get("occurredAt")
                row["occurred"] = datetime.fromtimestamp(int(at) / 1000, UTC).isoformat() if at is not None else None
            required = ("contact_id", "state")
            batch.add(
                EVENT_PARTICIPATIONS,
                wire,
                rows,
                constants={"event_id": event},
                required=required,
                request=f"event {event}",
            )


def _merges(batch: Batch, kind: Kind, found: Any) -> list[str]:
    """Rows of what was merged into the records of a page; gives the ids that are no more."""
    rows = []
    moments = found["merged_vids"].to_pylist() if "merged_vids" in found.column_names else [None] * found.num_rows
    for survivor, merged, at in zip(found[kind.key].to_pylist(), found["merged_ids"].to_pylist(), moments, strict=True):
        when = dict(part.split(":") for part in (at or "").split(";") if part.count(":") == 1)
        for one in filter(None, (part.strip() for part in (merged or "").split(";"))):
            moment = when.get(one, "")
            iso = datetime.fromtimestamp(int(moment) / 1000, UTC).isoformat() if moment.isdigit() else None
            rows.append({"merged": one, "surviving": survivor, "at": iso})
    wire: dict[str, str | Wire] = {"merged_id": "merged", "surviving_id": "surviving", "merged_at": "at"}
    batch.add(MERGES, wire, rows, constants={"object_type": kind.name}, required=("merged_id", "surviving_id"))
    return [str(r["merged"]) for r in rows]


def _moment(text: Any) -> datetime:
    """A moment as HubSpot writes it; what is none counts as just now, so that the row is read and told."""
    try:
        return datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    except ValueError:
        return datetime.max.replace(tzinfo=UTC)
