"""Pipedrive's raw tables, and where each column lies in an answer. No requests here."""

from __future__ import annotations

from dataclasses import dataclass

from ingestion.arrow import Wire
from ingestion.crm import DELETED, PULLS
from ingestion.spec import REJECTS, Column, Table

_ID = Wire("id", "int")
_OWNER = Column("owner_id", "text", "who has it: a user")
_LIFE = (
    Column("created_at", "timestamp", "when the record was made"),
    Column("modified_at", "timestamp", "last change"),
    Column("is_deleted", "bool", "deleted, less than 30 days ago; later it is gone"),
    DELETED,
)
_LIFE_WIRE: dict[str, str | Wire] = {
    "owner_id": Wire("owner_id", "int"),
    "created_at": "add_time",
    "modified_at": "update_time",
    "is_deleted": Wire("is_deleted", "bool"),
}
_EXTRA = Column(
    "extra_properties", "json", "own fields asked for in the settings, by key; null without any", personal=True
)


@dataclass(frozen=True)
class Kind:
    """A thing of API v2 that is pulled: its table, its key, where its columns lie, and what recents call it."""

    name: str  # persons
    item: str  # person
    table: Table
    key: str
    wire: dict[str, str | Wire]


PERSONS = Kind(
    "persons",
    "person",
    Table(
        "persons",
        (
            Column("person_id", "text", "id"),
            Column("name", "text", "name", personal=True),
            Column("first_name", "text", "first name", personal=True),
            Column("last_name", "text", "last name", personal=True),
            Column("email", "text", "primary address; null for none", personal=True),
            Column("emails", "json", "all addresses, with labels", personal=True),
            Column("phone", "text", "primary number, as typed", personal=True),
            Column("phones", "json", "all numbers, with labels", personal=True),
            Column("job_title", "text", "title, as typed", personal=True),
            Column("organization_id", "text", "where they work; null for none"),
            _OWNER,
            Column("label_ids", "json", "labels, ids"),
            Column("source", "text", "where they came from: the own field named by SOURCE_FIELD; null without one"),
            Column("buying_role", "text", "role in decisions: the own field named by BUYING_ROLE_FIELD; null without one"),
            Column("notes", "text", "what was noted; loaded only when load_bodies is true", personal=True),
            _EXTRA,
            *_LIFE,
        ),
        ("person_id",),
        ("person_id",),
        "People. One row a person; a deleted or merged one is taken out.",
    ),
    "person_id",
    {
        "person_id": _ID, "name": "name", "first_name": "first_name", "last_name": "last_name", "email": "_email", "emails": "_emails",
        "phone": "_phone", "phones": "_phones", "job_title": "job_title", "organization_id": Wire("org_id", "int"),
        "label_ids": "_label_ids", "source": "_source", "buying_role": "_buying_role", **_LIFE_WIRE,
    },
)  # fmt: skip
ORGANIZATIONS = Kind(
    "organizations",
    "organization",
    Table(
        "organizations",
        (
            Column("organization_id", "text", "id"),
            Column("name", "text", "name"),
            Column("website", "text", "site"),
            Column("industry", "text", "line of business, id of an option"),
            Column("annual_revenue", "decimal", "yearly revenue, the company's currency"),
            Column("n_employees", "decimal", "employees"),
            Column("country", "text", "country of the address"),
            _OWNER,
            Column("label_ids", "json", "labels, ids"),
            _EXTRA,
            *_LIFE,
        ),
        ("organization_id",),
        ("organization_id",),
        "Companies. One row an organization; a deleted one is taken out.",
    ),
    "organization_id",
    {
        "organization_id": _ID, "name": "name", "website": "website", "industry": Wire("industry", "int"),
        "annual_revenue": Wire("annual_revenue", "double"), "n_employees": Wire("employee_count", "double"),
        "country": "address.country", "label_ids": "_label_ids", **_LIFE_WIRE,
    },
)  # fmt: skip
DEALS = Kind(
    "deals",
    "deal",
    Table(
        "deals",
        (
            Column("deal_id", "text", "id"),
            Column("title", "text", "title, as typed", personal=True),
            Column("person_id", "text", "main person; null for none"),
            Column("organization_id", "text", "the customer; null for none"),
            _OWNER,
            Column("pipeline_id", "text", "its pipeline"),
            Column("stage_id", "text", "the stage it is in, or was in when it ended"),
            Column("status", "text", "open, won, lost or deleted"),
            Column("amount", "decimal", "worth, the deal's currency; 0 also when nobody said"),
            Column("currency", "text", "ISO 4217"),
            Column("lost_reason", "text", "why it was lost, as chosen or typed"),
            Column("won_at", "timestamp", "when it was won"),
            Column("lost_at", "timestamp", "when it was lost"),
            Column("expected_close_date", "date", "when it is expected to end"),
            Column("origin", "text", "how it was made: ManuallyCreated, API, Import, WebForms, ..."),
            Column("channel_id", "text", "the marketing channel set by hand, its id"),
            Column("source_lead_id", "text", "the lead it was made of"),
            Column("label_ids", "json", "labels, ids"),
            Column("is_archived", "bool", "put away; it still counts"),
            _EXTRA,
            *_LIFE,
        ),
        ("deal_id",),
        ("deal_id",),
        "Deals. One row a deal.",
    ),
    "deal_id",
    {
        "deal_id": _ID, "title": "title", "person_id": Wire("person_id", "int"), "organization_id": Wire("org_id", "int"),
        "pipeline_id": Wire("pipeline_id", "int"), "stage_id": Wire("stage_id", "int"), "status": "status",
        "amount": Wire("value", "double"), "currency": "currency", "lost_reason": "lost_reason", "won_at": "won_time",
        "lost_at": "lost_time", "expected_close_date": "expected_close_date", "origin": "origin", "channel_id": "channel_id",
        "source_lead_id": "source_lead_id", "label_ids": "_label_ids", "is_archived": Wire("is_archived", "bool"), **_LIFE_WIRE,
    },
)  # fmt: skip
ACTIVITIES = Kind(
    "activities",
    "activity",
    Table(
        "activities",
        (
            Column("activity_id", "text", "id"),
            Column("activity_type", "text", "call, meeting, or a type of the company's own"),
            Column("activity_subject", "text", "subject, as typed", personal=True),
            Column("activity_note", "text", "what was noted; loaded only when load_bodies is true", personal=True),
            Column("deal_id", "text", "its deal; null for none"),
            Column("person_id", "text", "main person; null for none"),
            Column("organization_id", "text", "the customer; null for none"),
            _OWNER,
            Column("due_date", "date", "day it is planned for or took place, UTC"),
            Column("due_time", "text", "time of that day, HH:MM:SS UTC; null for the whole day"),
            Column("duration", "text", "length, HH:MM:SS; null when nobody said"),
            Column("is_done", "bool", "done, or only planned"),
            Column("done_at", "timestamp", "when it was marked as done"),
            Column("participant_ids", "text", "persons who take part, ids with commas"),
            *_LIFE,
        ),
        ("activity_id",),
        ("activity_id",),
        "Calls, meetings and other activities. One row an activity; a deleted one is taken out.",
    ),
    "activity_id",
    {
        "activity_id": _ID, "activity_type": "type", "activity_subject": "subject", "deal_id": Wire("deal_id", "int"),
        "person_id": Wire("person_id", "int"), "organization_id": Wire("org_id", "int"), "due_date": "due_date",
        "due_time": "due_time", "duration": "duration", "is_done": Wire("done", "bool"), "done_at": "marked_as_done_time",
        "participant_ids": "_participant_ids", **_LIFE_WIRE,
    },
)  # fmt: skip
KINDS = (PERSONS, ORGANIZATIONS, DEALS, ACTIVITIES)

DEAL_CHANGES = Table(
    "deal_changes",
    (
        Column("deal_id", "text", "the deal"),
        Column("position", "bigint", "0 is the newest; two changes may share a moment"),
        Column("field", "text", "stage_id, status or pipeline_id"),
        Column("old_value", "text", "what it was"),
        Column("new_value", "text", "what it became"),
        Column("changed_at", "timestamp", "when"),
        Column("change_source", "text", "what changed it: app, api, import, workflow, ..."),
        DELETED,
    ),
    row_key=("deal_id", "position"),
    merge_key=("deal_id",),
    description="Changes of stage, status and pipeline. One row a change; a deal's are replaced together.",
)
DEAL_PARTICIPANTS = Table(
    "deal_participants",
    (
        Column("deal_id", "text", "the deal"),
        Column("person_id", "text", "who takes part"),
        Column("added_at", "timestamp", "since when"),
        DELETED,
    ),
    row_key=("deal_id", "person_id"),
    merge_key=("deal_id",),
    description="Who takes part in a deal beside its main person. One row a person; a deal's are replaced together.",
)
STAGES = Table(
    "stages",
    (
        Column("account_id", "text", "always pipedrive: the token's company"),
        Column("stage_id", "text", "id"),
        Column("stage_name", "text", "name"),
        Column("pipeline_id", "text", "its pipeline"),
        Column("pipeline_name", "text", "the pipeline's name"),
        Column("display_order", "bigint", "place in the pipeline"),
        Column("probability_pct", "double", "percent of deals here that are won, as the company set it"),
        Column("is_deleted", "bool", "no longer in use"),
        DELETED,
    ),
    row_key=("account_id", "stage_id"),
    merge_key=("account_id",),
    description="Stages of pipelines. Won and lost are no stages but a deal's status. One row a stage.",
)
USERS = Table(
    "users",
    (
        Column("account_id", "text", "always pipedrive: the token's company"),
        Column("user_id", "text", "id"),
        Column("name", "text", "name", personal=True),
        Column("email", "text", "address", personal=True),
        Column("is_active", "bool", "may sign in"),
        DELETED,
    ),
    row_key=("account_id", "user_id"),
    merge_key=("account_id",),
    description="Who in the company has records. One row a user.",
)
LEADS = Table(
    "leads",
    (
        Column("account_id", "text", "always pipedrive: the token's company"),
        Column("lead_id", "text", "id"),
        Column("title", "text", "title, as typed", personal=True),
        Column("person_id", "text", "who; null for none"),
        Column("organization_id", "text", "which company; null for none"),
        _OWNER,
        Column("label_names", "text", "labels, with semicolons"),
        Column("source_name", "text", "how it came in: Manually created, API, Web forms, ..."),
        Column("origin", "text", "the same, Pipedrive's own word"),
        Column("channel_id", "text", "the marketing channel set by hand, its id"),
        Column("is_archived", "bool", "put away"),
        Column("created_at", "timestamp", "when it was made"),
        Column("modified_at", "timestamp", "last change"),
        DELETED,
    ),
    row_key=("account_id", "lead_id"),
    merge_key=("account_id",),
    description="The leads inbox: leads that are no deal yet. One row a lead.",
)
MERGES = Table(
    "merges",
    (
        Column("object_type", "text", "persons, organizations or deals"),
        Column("merged_id", "text", "id that is no more"),
        Column("surviving_id", "text", "id of the record that holds it now"),
        Column("merged_at", "timestamp", "last change of the survivor when the merge was first told"),
    ),
    row_key=("object_type", "merged_id", "surviving_id"),
    merge_key=("object_type", "merged_id", "surviving_id"),
    description="Records that were merged. One row a pair.",
)
TABLES = (
    *(k.table for k in KINDS),
    DEAL_CHANGES,
    DEAL_PARTICIPANTS,
    STAGES,
    USERS,
    LEADS,
    MERGES,
    PULLS,
    REJECTS,
)
