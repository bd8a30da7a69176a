"""HubSpot's raw tables, and where each column lies in an answer. No requests here."""

from __future__ import annotations

from dataclasses import dataclass

from ingestion.arrow import Wire
from ingestion.crm import DELETED, PULLS
from ingestion.spec import REJECTS, Column, ColumnType, Table


@dataclass(frozen=True)
class Property:
    """A property of a CRM object that becomes a column."""

    column: str
    name: str
    type: ColumnType
    description: str
    personal: bool = False


@dataclass(frozen=True)
class Kind:
    """A CRM object that is pulled: its table, its properties, which of them with history, and whom it is associated with."""

    name: str  # contacts
    one: str  # contact
    table: Table
    properties: tuple[Property, ...]
    history: tuple[str, ...] = ()
    linked: tuple[str, ...] = ()  # the plural names of what it may be associated with
    body: Property | None = None  # free text that is loaded only when asked for

    @property
    def key(self) -> str:
        return f"{self.one}_id"

    @property
    def modified(self) -> str:
        return "lastmodifieddate" if self.one == "contact" else "hs_lastmodifieddate"

    def wire(self, with_body: bool) -> dict[str, str | Wire]:
        found: dict[str, str | Wire] = {p.column: f"properties.{p.name}" for p in self.properties}
        if self.body and with_body:
            found[self.body.column] = f"properties.{self.body.name}"
        return found | {
            self.key: "id",
            "created_at": "createdAt",
            "modified_at": f"properties.{self.modified}",  # the search compares this one; updatedAt may differ
            "is_archived": Wire("archived", "bool"),
            "archived_at": "archivedAt",
        }


def _kind(
    one: str,
    name: str,
    description: str,
    properties: tuple[Property, ...],
    history: tuple[str, ...] = (),
    linked: tuple[str, ...] = (),
    body: Property | None = None,
    attributes: bool = True,
) -> Kind:
    extra = (body,) if body else ()
    columns = (
        Column(f"{one}_id", "text", "id; another one after a merge"),
        *(Column(p.column, p.type, p.description, personal=p.personal) for p in (*properties, *extra)),
        *(
            [
                Column(
                    "extra_properties",
                    "json",
                    "properties asked for in the settings, by name; null without any",
                    personal=True,
                )
            ]
            if attributes
            else []
        ),
        Column("created_at", "timestamp", "when the record was made: of an imported one the moment of the import"),
        Column("modified_at", "timestamp", "last change"),
        Column("is_archived", "bool", "in the recycle bin"),
        Column("archived_at", "timestamp", "since when; null: it is not"),
        DELETED,
    )
    table = Table(name, columns, (f"{one}_id",), (f"{one}_id",), description)
    return Kind(name, one, table, properties, history, linked, body)


_OWNER = Property("owner_id", "hubspot_owner_id", "text", "who has it; null for nobody")
_MADE = (
    Property("object_source", "hs_object_source", "text", "how it was made: FORM, CRM_UI, IMPORT, INTEGRATION, API, MERGE_OBJECTS, ..."),
    Property("object_source_id", "hs_object_source_id", "text", "which import, user or app made it"),
)  # fmt: skip
_SOURCE = (
    Property("source", "hs_analytics_source", "text", "original source as HubSpot says: PAID_SEARCH, ..., OFFLINE (which is no channel)"),
    Property("source_detail_1", "hs_analytics_source_data_1", "text", "first detail of it: a network, a site, IMPORT, ..."),
    Property("source_detail_2", "hs_analytics_source_data_2", "text", "second detail of it: a campaign, a keyword, ..."),
)  # fmt: skip
_LIFECYCLE = Property("lifecycle_stage", "lifecyclestage", "text", "internal name of the lifecycle stage it is in")

CONTACTS = _kind(
    "contact", "contacts", "People, also those in the recycle bin. One row a contact.",
    (
        Property("email", "email", "text", "primary address; null for none", personal=True),
        Property("additional_emails", "hs_additional_emails", "text", "further addresses, with semicolons", personal=True),
        Property("phone", "phone", "text", "phone number, as typed", personal=True),
        Property("mobile_phone", "mobilephone", "text", "mobile number, as typed", personal=True),
        Property("first_name", "firstname", "text", "first name", personal=True),
        Property("last_name", "lastname", "text", "last name", personal=True),
        Property("job_title", "jobtitle", "text", "title, as typed", personal=True),
        Property("company_id", "associatedcompanyid", "text", "its primary company; null for none"),
        Property("industry", "industry", "text", "line of business"),
        Property("country", "country", "text", "country, as typed"),
        _LIFECYCLE,
        Property("lead_status", "hs_lead_status", "text", "how far sales is with it, internal name"),
        Property("buying_role", "hs_buying_role", "text", "role in decisions, with semicolons; of one deal: the association's label"),
        _OWNER, *_SOURCE,
        Property("google_click_id", "hs_google_click_id", "text", "Google's id of the click before a form; null for none", personal=True),
        Property("legal_basis", "hs_legal_basis", "text", "legal basis for processing its data, as chosen"),
        Property("email_optout", "hs_email_optout", "bool", "wants no e-mail at all"),
        Property("first_url", "hs_analytics_first_url", "text", "first page seen", personal=True),
        *_MADE,
        Property("merged_ids", "hs_merged_object_ids", "text", "ids that were merged into it, with semicolons"),
        Property("merged_vids", "hs_calculated_merged_vids", "text", "the same with moments: id:milliseconds;..."),
    ),
    history=("lifecyclestage",),
    linked=("companies",),
)  # fmt: skip
COMPANIES = _kind(
    "company", "companies", "Companies, also those in the recycle bin. One row a company.",
    (
        Property("name", "name", "text", "name"),
        Property("domain", "domain", "text", "site"),
        Property("industry", "industry", "text", "line of business"),
        Property("country", "country", "text", "country, as typed"),
        Property("n_employees", "numberofemployees", "decimal", "employees"),
        Property("annual_revenue", "annualrevenue", "decimal", "yearly revenue, the account's currency"),
        _LIFECYCLE, _OWNER, *_MADE,
        Property("merged_ids", "hs_merged_object_ids", "text", "ids that were merged into it, with semicolons"),
    ),
    history=("lifecyclestage",),
)  # fmt: skip
DEALS = _kind(
    "deal", "deals", "Deals, also those in the recycle bin. One row a deal.",
    (
        Property("name", "dealname", "text", "name, as typed", personal=True),
        Property("pipeline_id", "pipeline", "text", "its pipeline"),
        Property("stage_id", "dealstage", "text", "the stage it is in"),
        Property("amount", "amount", "decimal", "worth, the deal's currency; null when nobody said"),
        Property("currency", "deal_currency_code", "text", "ISO 4217; null: the account's"),
        Property("closes_at", "closedate", "timestamp", "when it was closed, or is expected to be"),
        Property("is_closed", "hs_is_closed", "bool", "won or lost"),
        Property("is_won", "hs_is_closed_won", "bool", "won"),
        Property("lost_reason", "closed_lost_reason", "text", "why it was lost, as chosen or typed"),
        _OWNER, *_SOURCE[:1], *_MADE,
        Property("merged_ids", "hs_merged_object_ids", "text", "ids that were merged into it, with semicolons"),
    ),
    history=("dealstage", "pipeline"),
    linked=("contacts", "companies"),
)  # fmt: skip
CALLS = _kind(
    "call", "calls", "Telephone calls that were logged. One row a call.",
    (
        Property("started_at", "hs_timestamp", "timestamp", "when"),
        Property("direction", "hs_call_direction", "text", "INBOUND or OUTBOUND; null when nobody said"),
        Property("duration_ms", "hs_call_duration", "bigint", "length in milliseconds"),
        Property("status", "hs_call_status", "text", "COMPLETED, NO_ANSWER, BUSY, ..."),
        Property("disposition", "hs_call_disposition", "text", "outcome, id"),
        Property("from_number", "hs_call_from_number", "text", "who called", personal=True),
        Property("to_number", "hs_call_to_number", "text", "who was called", personal=True),
        _OWNER,
    ),
    linked=("contacts", "deals"), attributes=False,
    body=Property("body", "hs_call_body", "text", "what was noted; loaded only when load_bodies is true", personal=True),
)  # fmt: skip
MEETINGS = _kind(
    "meeting", "meetings", "Meetings, held or booked. One row a meeting.",
    (
        Property("started_at", "hs_meeting_start_time", "timestamp", "beginning"),
        Property("ended_at", "hs_meeting_end_time", "timestamp", "end"),
        Property("outcome", "hs_meeting_outcome", "text", "SCHEDULED, COMPLETED, RESCHEDULED, NO_SHOW, CANCELED"),
        Property("activity_type", "hs_activity_type", "text", "the company's own type: demo, ..."),
        Property("title", "hs_meeting_title", "text", "title, as typed", personal=True),
        Property("location", "hs_meeting_location", "text", "where, as typed", personal=True),
        _OWNER,
    ),
    linked=("contacts", "deals"), attributes=False,
    body=Property("body", "hs_meeting_body", "text", "what was noted; loaded only when load_bodies is true", personal=True),
)  # fmt: skip
KINDS = (CONTACTS, COMPANIES, DEALS, CALLS, MEETINGS)

PROPERTY_CHANGES = Table(
    "property_changes",
    (
        Column("object_type", "text", "contacts, companies or deals"),
        Column("object_id", "text", "id of the record"),
        Column("property", "text", "lifecyclestage, dealstage or pipeline"),
        Column("position", "bigint", "0 is the newest; two changes may share a moment"),
        Column("value", "text", "what it became; empty: it was cleared"),
        Column("changed_at", "timestamp", "when"),
        Column("source_type", "text", "what changed it: CRM_UI, IMPORT, WORKFLOWS, ..."),
        DELETED,
    ),
    row_key=("object_type", "object_id", "property", "position"),
    merge_key=("object_type", "object_id"),
    description="Every value of stages. One row a change; a record's are replaced together.",
)  # fmt: skip
ASSOCIATIONS = Table(
    "associations",
    (
        Column("object_type", "text", "contacts, deals, calls or meetings"),
        Column("object_id", "text", "id of the record"),
        Column("to_type", "text", "contacts, companies or deals"),
        Column("to_id", "text", "id of the other record"),
        Column("category", "text", "HUBSPOT_DEFINED, USER_DEFINED or INTEGRATOR_DEFINED"),
        Column("type_id", "bigint", "id of the type or label"),
        Column("label", "text", "the label: Primary, or one of the company's own, such as a buying role; null for none"),
        DELETED,
    ),
    row_key=("object_type", "object_id", "to_type", "to_id", "category", "type_id"),
    merge_key=("object_type", "object_id"),
    description="Who belongs to what, with labels. One row a label of a link; a record's are replaced together.",
)  # fmt: skip
MERGES = Table(
    "merges",
    (
        Column("object_type", "text", "contacts, companies or deals"),
        Column("merged_id", "text", "id that is no more"),
        Column("surviving_id", "text", "id of the record that holds it now"),
        Column("merged_at", "timestamp", "when; known of contacts alone"),
    ),
    row_key=("object_type", "merged_id", "surviving_id"),
    merge_key=("object_type", "surviving_id"),
    description="Records that were merged. One row a pair.",
)
OWNERS = Table(
    "owners",
    (
        Column("account_id", "text", "HubSpot's number of the company"),
        Column("owner_id", "text", "id"),
        Column("user_id", "text", "id of the user"),
        Column("email", "text", "address", personal=True),
        Column("first_name", "text", "first name", personal=True),
        Column("last_name", "text", "last name", personal=True),
        Column("is_archived", "bool", "no user any more"),
        DELETED,
    ),
    row_key=("account_id", "owner_id"),
    merge_key=("account_id",),
    description="Who in the company has records. One row an owner.",
)
PIPELINE_STAGES = Table(
    "pipeline_stages",
    (
        Column("account_id", "text", "HubSpot's number of the company"),
        Column("pipeline_id", "text", "id of the pipeline"),
        Column("pipeline_name", "text", "its name"),
        Column("stage_id", "text", "id of the stage"),
        Column("stage_name", "text", "its name"),
        Column("display_order", "bigint", "place, from 0"),
        Column("is_closed", "bool", "whether a deal ends here"),
        Column(
            "probability", "decimal", "share of deals here that are won, as the company set it", precision=9, scale=6
        ),
        DELETED,
    ),
    row_key=("account_id", "pipeline_id", "stage_id"),
    merge_key=("account_id",),
    description="Stages of deal pipelines. One row a stage.",
)
ACCOUNTS = Table(
    "accounts",
    (
        Column("account_id", "text", "HubSpot's number of the company"),
        Column("currency", "text", "of deals that name none"),
        Column("time_zone", "text", "of its reports"),
        DELETED,
    ),
    row_key=("account_id",),
    merge_key=("account_id",),
    description="The account. One row.",
)
FORMS = Table(
    "forms",
    (
        Column("account_id", "text", "HubSpot's number of the company"),
        Column("form_id", "text", "id"),
        Column("name", "text", "name"),
        Column("form_type", "text", "hubspot, captured, flow, ..."),
        Column("is_archived", "bool", "in the recycle bin"),
        DELETED,
    ),
    row_key=("account_id", "form_id"),
    merge_key=("account_id",),
    description="Forms. One row a form.",
)
FORM_SUBMISSIONS = Table(
    "form_submissions",
    (
        Column("form_id", "text", "the form"),
        Column("submission_id", "text", "conversionId"),
        Column("submitted_at", "timestamp", "when"),
        Column("email", "text", "address given; null for none", personal=True),
        Column("page_location", "text", "page of the form", personal=True),
        Column("answers", "json", "what was filled in, by field", personal=True),
        DELETED,
    ),
    row_key=("form_id", "submission_id"),
    merge_key=("submission_id",),
    description="Forms that were sent. One row a submission.",
)
MARKETING_EVENTS = Table(
    "marketing_events",
    (
        Column("account_id", "text", "HubSpot's number of the company"),
        Column("event_id", "text", "objectId"),
        Column("external_id", "text", "id in the system that runs it"),
        Column("name", "text", "name"),
        Column("event_type", "text", "WEBINAR, CONFERENCE, ..."),
        Column("starts_at", "timestamp", "beginning"),
        Column("ends_at", "timestamp", "end"),
        Column("is_cancelled", "bool", "called off"),
        Column("url", "text", "its page"),
        DELETED,
    ),
    row_key=("account_id", "event_id"),
    merge_key=("account_id",),
    description="Webinars, fairs and the like. One row an event.",
)
EVENT_PARTICIPATIONS = Table(
    "event_participations",
    (
        Column("event_id", "text", "the event"),
        Column("contact_id", "text", "who"),
        Column("state", "text", "REGISTERED, ATTENDED, NO_SHOW or CANCELLED: the last known"),
        Column("occurred_at", "timestamp", "when it came to that"),
        DELETED,
    ),
    row_key=("event_id", "contact_id", "state"),
    merge_key=("event_id",),
    description="Who took part in events. One row a contact, event and state.",
)
TABLES = (
    *(k.table for k in KINDS), PROPERTY_CHANGES, ASSOCIATIONS, MERGES, OWNERS, PIPELINE_STAGES, ACCOUNTS, FORMS, FORM_SUBMISSIONS,
    MARKETING_EVENTS, EVENT_PARTICIPATIONS, PULLS, REJECTS,
)  # fmt: skip
