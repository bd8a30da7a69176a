"""What HubSpot knows beside its records: owners, pipelines, the account, forms and their submissions, marketing events."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from starlette.requests import Request

from ingestion.sandbox.server.vendors._crm import Crm
from ingestion.sandbox.server.vendors.hubspot.asking import Refused, asked_of, first_of, kind_of, number_of, page_of
from ingestion.sandbox.server.vendors.hubspot.objects import PIPELINE, STAGES, stamp

PORTAL = 26_811_404
FORM = "6f1d3c52-0f6a-4d0b-9a5e-2b8f3f1a7c10"


def owners(crm: Crm, request: Request, body: Any) -> Any:
    asked = asked_of(request, {"email", "after", "limit", "archived"})
    archived = first_of(asked, "archived", "false").lower() == "true"
    rows: list[dict[str, Any]] = [
        {
            "id": str(o["id"]), "email": o["email"], "firstName": o["name"].split()[0], "lastName": o["name"].split()[-1],
            "userId": o["id"], "userIdIncludingInactive": o["id"], "type": "PERSON", "archived": False,
            "createdAt": stamp(crm.first), "updatedAt": stamp(crm.first),
        }
        for o in crm.owners
        if not archived
    ]  # fmt: skip
    return page_of(rows, [str(r["id"]) for r in rows], asked, 100, 500, "/crm/v3/owners")


def pipelines(crm: Crm, request: Request, body: Any) -> Any:
    if kind_of(request) != "deal":
        return {"results": []}
    at = {"createdAt": stamp(crm.first), "updatedAt": stamp(crm.first), "archived": False}
    stages = [
        {
            "id": number, "label": label, "displayOrder": order, "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT",
            "metadata": {"isClosed": str(label in ("Vunnet", "Tapt")).lower(), "probability": probability}, **at,
        }
        for order, (label, (number, probability)) in enumerate(STAGES.items())
    ]  # fmt: skip
    return {"results": [{"id": PIPELINE, "label": "Salg", "displayOrder": 0, "stages": stages, **at}]}


def account(crm: Crm, request: Request, body: Any) -> Any:
    return {
        "portalId": PORTAL, "accountType": "STANDARD", "timeZone": "Europe/Oslo", "companyCurrency": "NOK",
        "additionalCurrencies": [], "utcOffset": "+01:00", "utcOffsetMilliseconds": 3_600_000,
        "uiDomain": "app-eu1.hubspot.com", "dataHostingLocation": "eu1",
    }  # fmt: skip


def forms(crm: Crm, request: Request, body: Any) -> Any:
    asked = asked_of(request, {"after", "limit", "archived", "formTypes"})
    if first_of(asked, "archived", "false").lower() == "true":
        return {"results": []}
    row = {
        "id": FORM, "name": "Kontakt oss", "formType": "hubspot", "archived": False, "createdAt": stamp(crm.first),
        "updatedAt": stamp(crm.first), "fieldGroups": [], "configuration": {"language": "no"},
        "displayOptions": {"theme": "default_style", "submitButtonText": "Send"}, "legalConsentOptions": {"type": "none"},
    }  # fmt: skip
    return page_of([row], [FORM], asked, 20, 100, "/marketing/v3/forms")


def submissions(crm: Crm, request: Request, body: Any) -> Any:
    """Newest first."""
    if request.path_params["form"] != FORM:
        raise Refused(404, "OBJECT_NOT_FOUND", "Form not found")
    asked = asked_of(request, {"after", "limit"})
    rows = [
        {
            "conversionId": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{crm.seed}/{f['id']}")),
            "submittedAt": int(f["at"].timestamp() * 1000),
            "values": [
                {"name": name, "value": f[ours], "objectTypeId": "0-1"}
                for name, ours in (
                    ("email", "email"),
                    ("firstname", "first_name"),
                    ("lastname", "last_name"),
                    ("phone", "phone"),
                    ("ga_client_id", "client_id"),
                    ("gclid", "click_id"),
                )
                if f.get(ours) and (name != "gclid" or f["is_google_click"])
            ],
            "pageUrl": f"https://www.nordlyskontor.example{f['landing_path']}",
        }
        for f in sorted(crm.forms, key=lambda f: (f["at"], f["id"]), reverse=True)
    ]
    limit = number_of(first_of(asked, "limit"), "limit", 20, 50)
    ids = [r["conversionId"] for r in rows]
    after = first_of(asked, "after", "")
    first = ids.index(after) + 1 if after in ids else 0
    answer: dict[str, Any] = {"results": rows[first : first + limit]}
    if first + limit < len(rows):
        answer["paging"] = {"next": {"after": ids[first + limit - 1], "link": ""}}
    return answer


def events(crm: Crm, request: Request, body: Any) -> Any:
    asked = asked_of(request, {"after", "limit"})
    rows: list[dict[str, Any]] = []
    for number, at, guests in crm.webinars():
        came = [c for _, _, c in guests if c]
        rows.append(
            {
                "objectId": str(50_000_000 + number), "externalEventId": f"webinar-{number}", "eventName": f"Webinar {number}",
                "eventType": "WEBINAR", "eventStatus": "PAST" if at < crm.at else "UPCOMING", "eventOrganizer": "Nordlys Kontor",
                "eventDescription": None, "eventUrl": f"https://www.nordlyskontor.example/webinar/{number}",
                "startDateTime": stamp(at), "endDateTime": stamp(at + timedelta(hours=1)), "eventCancelled": False,
                "eventCompleted": at < crm.at, "registrants": len(guests), "attendees": len(came),
                "noShows": sum(1 for _, _, c in guests if c is False), "cancellations": 0,
                "appInfo": {"id": "1", "name": "webinars"}, "customProperties": [],
                "createdAt": stamp(at - timedelta(days=20)), "updatedAt": stamp(min(crm.at, at)),
            }
        )  # fmt: skip
    return page_of(rows, [r["objectId"] for r in rows], asked, 10, 100, "/marketing/v3/marketing-events")


def participations(crm: Crm, request: Request, body: Any) -> Any:
    asked = asked_of(request, {"after", "limit", "state", "contactIdentifier"})
    event = next((w for w in crm.webinars() if str(50_000_000 + w[0]) == request.path_params["event"]), None)
    if event is None:
        raise Refused(404, "OBJECT_NOT_FOUND", "Marketing event not found")
    number, at, guests = event
    rows: list[dict[str, Any]] = []
    for contact, registered, came in guests:
        state = {True: "ATTENDED", False: "NO_SHOW", None: "REGISTERED"}[came]
        moment = registered if came is None else at
        who = {
            "contactId": str(contact.id), "email": contact.get("email") or "", "firstname": contact.get("first_name"),
            "lastname": contact.get("last_name"),
        }  # fmt: skip
        rows.append(
            {
                "id": str(contact.id * 1000 + number), "createdAt": stamp(registered),
                "associations": {
                    "contact": who,
                    "marketingEvent": {
                        "marketingEventId": str(50_000_000 + number), "name": f"Webinar {number}",
                        "externalEventId": f"webinar-{number}", "externalAccountId": "sandbox",
                    },
                },
                "properties": {"attendanceState": state, "occurredAt": int(moment.timestamp() * 1000)},
            }
        )  # fmt: skip
    return {"total": len(rows), **page_of(rows, [r["id"] for r in rows], asked, 10, 100, request.url.path)}
