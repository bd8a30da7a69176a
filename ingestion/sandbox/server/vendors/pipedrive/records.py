"""The sales system's records as Pipedrive's: persons, organizations, deals with their changes, activities, stages, leads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from ingestion.sandbox.server.vendors._crm import IMPORT, Crm, Thing

ROLE_FIELD = "9dc80c50d78a15643bfc4ca79d76156a73a1ca0e"
SOURCE_FIELD = "b3d1c1a6f0e94c1f8f5d2f0a7d6f1e2c3b4a5968"
PIPELINE = 1
STAGES = {"Ny": 1, "Møte": 2, "Tilbud": 3, "Forhandling": 4}
STATUS = {"Vunnet": "won", "Tapt": "lost"}
DELETED_DAYS = 30  # how long what was deleted is told of


def stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def old_stamp(at: datetime) -> str:
    """As v1 writes it."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def first_of(others: Mapping[int, Any] | None) -> int | None:
    return next(iter(sorted(others)), None) if others else None


def _base(thing: Thing) -> dict[str, Any]:
    at = {"id": thing.id, "add_time": stamp(thing.created), "update_time": stamp(thing.modified)}
    return at | {"owner_id": thing.get("owner") or 101, "is_deleted": thing.archived_at is not None, "visible_to": 3}


def _values(*values: str | None) -> list[dict[str, Any]]:
    return [{"value": v, "primary": n == 0, "label": "work"} for n, v in enumerate(filter(None, values))]


def _person(thing: Thing, crm: Crm) -> dict[str, Any]:
    first, last = thing.get("first_name"), thing.get("last_name")
    source = "Import" if thing.made_by == IMPORT else thing.get("origin")
    return _base(thing) | {
        "name": " ".join(filter(None, (first, last))), "first_name": first, "last_name": last,
        "org_id": first_of(thing.links.get("company")), "emails": _values(thing.get("email")), "phones": _values(thing.get("phone")),
        "label_ids": [], "job_title": thing.get("job_title"), "notes": thing.get("body"), "im": [], "birthday": None,
        "picture_id": None, "postal_address": None,
        "custom_fields": {ROLE_FIELD: thing.get("buying_role"), SOURCE_FIELD: source},
    }  # fmt: skip


def _organization(thing: Thing, crm: Crm) -> dict[str, Any]:
    return _base(thing) | {
        "name": thing.get("name"), "website": thing.get("domain"), "linkedin": None, "industry": None, "annual_revenue": None,
        "employee_count": None, "label_ids": [], "address": None, "custom_fields": {},
    }  # fmt: skip


def deal_row(thing: Thing, crm: Crm) -> dict[str, Any]:
    history = thing.history.get("stage", [])
    open_stages = [(at, stage) for at, stage, _ in history if stage in STAGES]
    status = STATUS.get(thing.get("stage"), "open")
    ended = stamp(history[-1][0]) if status != "open" else None
    amount = thing.get("amount_ore")
    return _base(thing) | {
        "title": thing.get("name"), "person_id": first_of(thing.links.get("contact")), "org_id": first_of(thing.links.get("company")),
        "pipeline_id": PIPELINE, "stage_id": STAGES[open_stages[-1][1]] if open_stages else 1,
        "value": amount / 100 if amount is not None else 0, "currency": "NOK",
        "stage_change_time": stamp(open_stages[-1][0]) if len(open_stages) > 1 else None, "is_archived": False,
        "status": "deleted" if thing.archived_at else status, "probability": None, "lost_reason": thing.get("lost_reason"),
        "close_time": ended, "won_time": ended if status == "won" else None, "lost_time": ended if status == "lost" else None,
        "expected_close_date": thing.get("closes_at").date().isoformat(), "label_ids": [], "origin": "ManuallyCreated",
        "origin_id": None, "channel": None, "channel_id": None, "source_lead_id": None, "arr": None, "mrr": None, "acv": None,
        "custom_fields": {},
    }  # fmt: skip


def _activity(thing: Thing, crm: Crm) -> dict[str, Any]:
    at = thing.get("started_at").astimezone(UTC)
    seconds = thing.get("seconds") or 45 * 60
    people = sorted(thing.links.get("contact", {}))
    return _base(thing) | {
        "subject": "Samtale" if thing.kind == "call" else thing.get("name"), "type": thing.kind, "creator_user_id": 101,
        "deal_id": first_of(thing.links.get("deal")), "lead_id": None, "person_id": people[0] if people else None, "org_id": None,
        "project_id": None, "due_date": at.date().isoformat(), "due_time": f"{at:%H:%M:%S}",
        "duration": f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}", "busy": False, "done": True,
        "marked_as_done_time": stamp(thing.created), "location": None, "attendees": [], "priority": None, "outcome": None,
        "participants": [{"person_id": p, "primary": n == 0} for n, p in enumerate(people)], "note": thing.get("body"),
    }  # fmt: skip


def _stage(number: int, name: str, crm: Crm) -> dict[str, Any]:
    return {
        "id": number, "order_nr": number, "name": name, "is_deleted": False, "deal_probability": 20 * number,
        "pipeline_id": PIPELINE, "is_deal_rot_enabled": False, "days_to_rotten": None, "add_time": stamp(crm.first),
        "update_time": stamp(crm.first),
    }  # fmt: skip


def _pipeline(crm: Crm) -> dict[str, Any]:
    at = {"add_time": stamp(crm.first), "update_time": stamp(crm.first)}
    return {
        "id": PIPELINE,
        "name": "Salg",
        "order_nr": 0,
        "is_deleted": False,
        "is_deal_probability_enabled": True,
        **at,
    }


ROWS: Mapping[str, Callable[[Crm], list[dict[str, Any]]]] = {
    "persons": lambda crm: [_person(t, crm) for t in crm.live("contact")],
    "organizations": lambda crm: [_organization(t, crm) for t in crm.live("company")],
    "deals": lambda crm: [deal_row(t, crm) for t in crm.live("deal")],
    "activities": lambda crm: [_activity(t, crm) for kind in ("call", "meeting") for t in crm.live(kind)],
    "stages": lambda crm: [_stage(n, name, crm) for name, n in STAGES.items()],
    "pipelines": lambda crm: [_pipeline(crm)],
}


def is_told(thing: Thing, crm: Crm) -> bool:
    return thing.archived_at is not None and thing.archived_at > crm.at - timedelta(days=DELETED_DAYS)


def deal_changes(deal: Thing) -> list[dict[str, Any]]:
    """Changes of stage and status, newest first."""
    found: list[dict[str, Any]] = []
    stage, status = None, "open"
    for at, value, _ in deal.history.get("stage", []):
        field, new, old = (
            ("status", STATUS[value], status) if value in STATUS else ("stage_id", str(STAGES[value]), stage)
        )
        if old is not None:  # what a deal was made with is no change
            found.append(
                {
                    "field_key": field, "old_value": old, "new_value": new, "actor_user_id": 101, "time": stamp(at),
                    "change_source": "app", "change_source_user_agent": None, "is_bulk_update_flag": False,
                }
            )  # fmt: skip
        if field == "status":
            status = new
        else:
            stage = new
    return found[::-1]
