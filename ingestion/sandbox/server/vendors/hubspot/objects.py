"""The sales system's records as HubSpot's objects: properties, which are all texts, with their history and labels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from ingestion.sandbox.server.vendors._crm import ADS, FORM, IMPORT, MERGE, PHONE, SALES, Crm, Thing

TYPES = {"contacts": "contact", "companies": "company", "deals": "deal", "calls": "call", "meetings": "meeting"}
PLURAL = {v: k for k, v in TYPES.items()}
PIPELINE = "default"
STAGES = {  # label -> (id, probability)
    "Ny": ("appointmentscheduled", "0.2"), "Møte": ("qualifiedtobuy", "0.4"), "Tilbud": ("presentationscheduled", "0.6"),
    "Forhandling": ("contractsent", "0.9"), "Vunnet": ("closedwon", "1.0"), "Tapt": ("closedlost", "0.0"),
}  # fmt: skip
LIFECYCLE = {
    "subscriber": "subscriber", "lead": "lead", "sales qualified": "salesqualifiedlead", "opportunity": "opportunity",
    "customer": "customer",
}  # fmt: skip
SOURCES = {
    "paid search": "PAID_SEARCH", "organic search": "ORGANIC_SEARCH", "social": "SOCIAL_MEDIA", "email": "EMAIL_MARKETING",
    "direct traffic": "DIRECT_TRAFFIC", "referral": "REFERRALS", "webinar": "OTHER_CAMPAIGNS",
}  # fmt: skip
_MADE_BY = {
    FORM: "FORM",
    PHONE: "CRM_UI",
    SALES: "CRM_UI",
    ADS: "INTEGRATION",
    IMPORT: "IMPORT",
    MERGE: "MERGE_OBJECTS",
}
ROLES = ("Daglig leder", "Kontorsjef", "Økonomisjef", "IT-ansvarlig")  # labels that the company made, ids from 11
_TYPE_IDS = {
    ("contact", "company"): 279, ("company", "contact"): 280, ("deal", "contact"): 3, ("contact", "deal"): 4,
    ("deal", "company"): 341, ("company", "deal"): 342, ("call", "contact"): 194, ("contact", "call"): 193,
    ("meeting", "contact"): 200, ("contact", "meeting"): 199, ("meeting", "deal"): 212, ("deal", "meeting"): 211,
}  # fmt: skip
_PRIMARY = {("contact", "company"): 1, ("company", "contact"): 2, ("deal", "company"): 5, ("company", "deal"): 6}

# Ours -> HubSpot's, by kind; what is made of several fields is added in `properties`.
_NAMES: Mapping[str, Mapping[str, str]] = {
    "contact": {
        "email": "email", "phone": "phone", "first_name": "firstname", "last_name": "lastname", "job_title": "jobtitle",
        "segment": "industry", "owner": "hubspot_owner_id", "lifecycle": "lifecyclestage", "origin": "hs_analytics_source",
        "landing_path": "hs_analytics_first_url", "buying_role": "hs_buying_role", "lead_status": "hs_lead_status",
        "google_click_id": "hs_google_click_id", "legal_basis": "hs_legal_basis", "email_optout": "hs_email_optout",
    },
    "company": {"name": "name", "domain": "domain", "segment": "industry", "owner": "hubspot_owner_id"},
    "deal": {
        "name": "dealname", "stage": "dealstage", "amount_ore": "amount", "owner": "hubspot_owner_id", "closes_at": "closedate",
        "lost_reason": "closed_lost_reason",
    },
    "call": {
        "started_at": "hs_timestamp", "is_inbound": "hs_call_direction", "seconds": "hs_call_duration",
        "body": "hs_call_body",
    },
    "meeting": {
        "started_at": "hs_timestamp", "name": "hs_meeting_title", "body": "hs_meeting_body", "is_online": "hs_meeting_location",
    },
}  # fmt: skip
# All properties that the account has, by kind; another one asked for is left out, as HubSpot does, and cannot be filtered by.
_COMMON = {
    "hs_object_id", "createdate", "hs_createdate", "hs_lastmodifieddate", "hs_object_source", "hs_object_source_id",
    "hs_object_source_label", "hs_merged_object_ids", "hubspot_owner_id",
}  # fmt: skip
PROPERTIES: Mapping[str, frozenset[str]] = {
    kind: frozenset({*names.values(), *_COMMON, *more})
    for (kind, names), more in zip(
        _NAMES.items(),
        (
            {"lastmodifieddate", "hs_calculated_merged_vids", "hs_analytics_source_data_1", "hs_analytics_source_data_2",
             "company", "mobilephone", "country", "hs_additional_emails", "associatedcompanyid", "notes"},
            {"country", "numberofemployees", "annualrevenue", "lifecyclestage"},
            {"pipeline", "deal_currency_code", "hs_is_closed", "hs_is_closed_won", "hs_analytics_source", "description"},
            {"hs_call_title", "hs_call_status", "hs_call_to_number", "hs_call_from_number", "hs_call_disposition"},
            {"hs_meeting_start_time", "hs_meeting_end_time", "hs_meeting_outcome", "hs_activity_type"},
        ),
        strict=True,
    )
}  # fmt: skip


def stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _text(name: str, value: Any) -> str | None:
    """A value as HubSpot keeps it."""
    if value is None:
        return None
    if name == "stage":
        return STAGES[value][0] if value in STAGES else str(value)
    if name == "lifecycle":
        return LIFECYCLE.get(value, str(value))
    if name == "origin":
        return SOURCES.get(value, str(value))
    if name == "amount_ore":
        return f"{value / 100:.2f}".removesuffix(".00")
    if name == "is_inbound":
        return "INBOUND" if value else "OUTBOUND"
    if name == "is_online":
        return "Teams" if value else "Hos kunden"
    if name == "seconds":
        return str(value * 1000)
    if name == "landing_path":
        return f"https://www.nordlyskontor.example{value}"
    return stamp(value) if isinstance(value, datetime) else str(value)


def properties(thing: Thing, crm: Crm) -> dict[str, str]:
    """Every property that has a value."""
    found = {theirs: _text(ours, thing.get(ours)) for ours, theirs in _NAMES[thing.kind].items()}
    modified = "lastmodifieddate" if thing.kind == "contact" else "hs_lastmodifieddate"
    found |= {
        "hs_object_id": str(thing.id),
        "hs_createdate" if thing.kind in ("call", "meeting") else "createdate": stamp(thing.created),
        modified: stamp(thing.modified),
        "hs_object_source": _MADE_BY[thing.made_by],
        "hs_object_source_label": _MADE_BY[thing.made_by],
        "hs_object_source_id": "import-2711" if thing.made_by == IMPORT else f"userId:{thing.get('owner') or 101}",
        "hs_merged_object_ids": ";".join(map(str, thing.merged)) or None,
    }
    if thing.kind == "contact":
        if thing.made_by in (IMPORT, PHONE, SALES) or found["hs_analytics_source"] is None:
            found |= {"hs_analytics_source": "OFFLINE", "hs_analytics_source_data_1": found["hs_object_source"]}
        merged_at = {gone: at for gone, stays, at in crm.merges if stays == thing.id}
        vids = [f"{gone}:{int(merged_at[gone].timestamp() * 1000)}" for gone in thing.merged if gone in merged_at]
        found["hs_calculated_merged_vids"] = ";".join(vids) or None
        if companies := list(thing.links.get("company", {})):
            found["associatedcompanyid"] = str(companies[0])
            found["company"] = crm.things["company"][companies[0]].get("name")
    if thing.kind == "deal":
        stage = thing.get("stage")
        found |= {
            "pipeline": PIPELINE,
            "deal_currency_code": "NOK",
            "hs_is_closed": str(stage in ("Vunnet", "Tapt")).lower(),
            "hs_is_closed_won": str(stage == "Vunnet").lower(),
        }
    if thing.kind == "call":
        number = "hs_call_from_number" if thing.get("is_inbound") else "hs_call_to_number"
        found |= {"hs_call_title": "Samtale", "hs_call_status": "COMPLETED", number: thing.get("phone")}
    if thing.kind == "meeting":
        found |= {
            "hs_meeting_start_time": found["hs_timestamp"],
            "hs_meeting_end_time": stamp(thing.get("started_at") + timedelta(minutes=45)),
            "hs_meeting_outcome": "COMPLETED",
            "hs_activity_type": "Demo",
        }
    extra = {name: thing.get(name) for name in thing.history if name not in _NAMES[thing.kind]}
    found |= {n: str(v) for n, v in extra.items() if n in PROPERTIES[thing.kind] and v is not None}
    return {name: value for name, value in found.items() if value is not None}


def history(thing: Thing, name: str) -> list[dict[str, Any]]:
    """A property's values, newest first."""
    ours = {theirs: ours for ours, theirs in _NAMES[thing.kind].items()}.get(name)
    return [
        {
            "value": _text(ours or "", value) or "",
            "timestamp": stamp(at),
            "sourceType": _MADE_BY.get(how, how),
            "sourceId": "userId:101" if how == SALES else "sandbox",
            "updatedByUserId": 101 if how == SALES else None,
        }
        for at, value, how in reversed(thing.history.get(ours or "", []))
    ]


def as_object(thing: Thing, crm: Crm, wanted: Iterable[str], with_history: Iterable[str] = ()) -> dict[str, Any]:
    """A record as lists and searches give it. Without properties asked for, HubSpot gives a few."""
    defaults = {
        "contact": ("email", "firstname", "lastname"), "company": ("name", "domain"),
        "deal": ("dealname", "amount", "closedate", "pipeline", "dealstage"),
    }.get(thing.kind, ())  # fmt: skip
    always = ["hs_object_id"]
    always += ["createdate", "lastmodifieddate" if thing.kind == "contact" else "hs_lastmodifieddate"]
    if thing.kind in ("call", "meeting"):
        always = ["hs_object_id", "hs_createdate", "hs_lastmodifieddate"]
    has = properties(thing, crm)
    asked = [p for p in (list(wanted) or defaults) if p in PROPERTIES[thing.kind]]
    found: dict[str, Any] = {
        "id": str(thing.id),
        "properties": {name: has.get(name) for name in dict.fromkeys([*always, *asked])},
        "createdAt": stamp(thing.created),
        "updatedAt": stamp(thing.modified),
        "archived": thing.archived_at is not None,
    }
    if thing.archived_at:
        found["archivedAt"] = stamp(thing.archived_at)
    if known := [p for p in with_history if p in PROPERTIES[thing.kind]]:
        found["propertiesWithHistory"] = {p: history(thing, p) for p in known}
    return found


def association_types(one: str, other: str, labels: Iterable[str]) -> list[dict[str, Any]]:
    """The types of a link, the labelled ones first."""
    found: list[dict[str, Any]] = [
        {"category": "HUBSPOT_DEFINED", "typeId": _PRIMARY[one, other], "label": "Primary"}
        if label == "Primary"
        else {"category": "USER_DEFINED", "typeId": 11 + ROLES.index(label), "label": label}
        for label in labels
    ]
    return [*found, {"category": "HUBSPOT_DEFINED", "typeId": _TYPE_IDS[one, other], "label": None}]
