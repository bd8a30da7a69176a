"""HubSpot's own Python client reads the sandbox: objects over several pages, history, the search, labels, the bin, merges, limits.

Its models type answers but take them without properties: the proof that a spoiled one does not pass is the reading of a stage.
Submissions of forms are no part of the client and are read with its `api_request`.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from typing import Any

from hubspot import HubSpot
from hubspot.crm.associations.v4 import (
    BatchInputPublicFetchAssociationsBatchRequest,
    PublicFetchAssociationsBatchRequest,
)
from hubspot.crm.contacts import ApiException, PublicObjectSearchRequest
from hubspot.crm.contacts import BatchReadInputSimplePublicObjectId as ReadContacts
from hubspot.crm.contacts import SimplePublicObjectId as ContactId
from urllib3.util.retry import Retry

PREFIX = "SOURCES__HUBSPOT__"
BASE = os.environ[f"{PREFIX}BASE_URL"]


def control(url: str, path: str, body: Any = None, method: str = "POST") -> Any:
    data = json.dumps(body).encode() if body is not None else None
    with urllib.request.urlopen(urllib.request.Request(f"{url}/_sandbox/{path}", data=data, method=method)) as answer:
        return json.loads(answer.read())


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def client(token: str = "", **more: Any) -> HubSpot:
    """What a user of the client would write."""
    return HubSpot(access_token=token or os.environ[f"{PREFIX}ACCESS_TOKEN"], host=BASE, **more)


def pages(api: Any, limit: int, **asked: Any) -> tuple[list[Any], int]:
    """(rows, number of pages)."""
    rows: list[Any] = []
    after, n_pages = None, 0
    while True:
        page = api.get_page(limit=limit, after=after, **asked)
        rows += page.results
        n_pages += 1
        if page.paging is None:
            return rows, n_pages
        after = page.paging.next.after


def objects(api: HubSpot) -> None:
    wanted = ["email", "lifecyclestage", "hs_object_source", "hs_merged_object_ids"]
    contacts, n_pages = pages(api.crm.contacts.basic_api, 9, properties=wanted)
    assert len(contacts) > 30 and n_pages == -(-len(contacts) // 9), (len(contacts), n_pages)
    assert len({c.id for c in contacts}) == len(contacts)
    assert {c.id for c in api.crm.contacts.get_all()} == {c.id for c in contacts}
    assert {c.properties["hs_object_source"] for c in contacts} >= {"FORM", "IMPORT", "CRM_UI"}
    binned, _ = pages(api.crm.contacts.basic_api, 9, archived=True)
    assert binned and all(c.archived and c.archived_at for c in binned)
    merged = [c for c in contacts if c.properties["hs_merged_object_ids"]]
    assert merged
    old = merged[0].properties["hs_merged_object_ids"].split(";")[0]
    assert api.crm.contacts.basic_api.get_by_id(old).id == merged[0].id
    read = api.crm.contacts.batch_api.read(
        ReadContacts(
            inputs=[ContactId(id=contacts[0].id)], properties=["email"], properties_with_history=["lifecyclestage"]
        )
    )
    assert [h.value for h in read.results[0].properties_with_history["lifecyclestage"]]

    deals, _ = pages(
        api.crm.deals.basic_api, 4, properties=["dealstage", "amount"], properties_with_history=["dealstage"]
    )
    stages = {s.id for p in api.crm.pipelines.pipelines_api.get_all("deals").results for s in p.stages}
    for deal in deals:
        entered = [h.value for h in deal.properties_with_history["dealstage"]]
        assert entered[0] == deal.properties["dealstage"] and set(entered) <= stages
    companies, _ = pages(api.crm.companies.basic_api, 10)
    calls, _ = pages(api.crm.objects.calls.basic_api, 10, properties=["hs_call_duration"])
    meetings, _ = pages(api.crm.objects.meetings.basic_api, 10, properties=["hs_meeting_outcome"])
    assert companies and calls and meetings
    say(
        f"{len(contacts)} contacts on {n_pages} pages, {len(binned)} in the bin, {len(merged)} merged, {len(deals)} deals"
    )

    asked = [PublicFetchAssociationsBatchRequest(id=d.id) for d in deals]
    links = api.crm.associations.v4.batch_api.get_page(
        "deals", "contacts", BatchInputPublicFetchAssociationsBatchRequest(inputs=asked)
    )
    labels = {
        t.label for r in links.results for to in r.to for t in to.association_types if t.category == "USER_DEFINED"
    }
    assert labels and {r._from.id for r in links.results} <= {d.id for d in deals}
    say(f"buying roles: {', '.join(sorted(labels))}")


def search(api: HubSpot) -> None:
    found: list[str] = []
    last = "0"
    while True:
        filters = [
            {"propertyName": "lastmodifieddate", "operator": "GTE", "value": "1577836800000"},
            {"propertyName": "hs_object_id", "operator": "GT", "value": last},
        ]
        asked = PublicObjectSearchRequest(
            filter_groups=[{"filters": filters}], limit=10, properties=["email"],
            sorts=[{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
        )  # fmt: skip
        page = api.crm.contacts.search_api.do_search(public_object_search_request=asked)
        found += [r.id for r in page.results]
        if page.paging is None:
            break
        last = page.results[-1].id
    assert found == sorted((c.id for c in api.crm.contacts.get_all()), key=int)
    try:
        api.crm.contacts.search_api.do_search(
            public_object_search_request=PublicObjectSearchRequest(limit=100, after="9950", filter_groups=[], sorts=[])
        )
        raise AssertionError("a search beyond 10,000 results was answered")
    except ApiException as e:
        assert e.status == 400, e.status


def others(api: HubSpot) -> None:
    owners = api.crm.owners.owners_api.get_page(limit=2)
    assert len(owners.results) == 2 and owners.paging.next.after
    forms = api.marketing.forms.forms_api.get_page().results
    answer = api.api_request(
        {"base_url": BASE, "path": f"/form-integrations/v1/submissions/forms/{forms[0].id}", "qs": {"limit": 5}}
    ).json()
    moments = [r["submittedAt"] for r in answer["results"]]
    assert moments == sorted(moments, reverse=True) and len(moments) == 5
    events = api.marketing.events.basic_api.get_all().results
    took_part = [
        p.properties.attendance_state
        for e in events
        for p in api.marketing.events.retrieve_participant_state_api.get_participations_breakdown_by_marketing_event_id(
            int(e.object_id)
        ).results
    ]
    assert set(took_part) <= {"ATTENDED", "NO_SHOW", "REGISTERED", "CANCELLED"} and took_part
    say(f"{len(events)} marketing events with {len(took_part)} participations")


def troubles(url: str) -> None:
    """Throttled, with a token over, with a spoiled answer."""
    control(url, "faults", {"route": "/hubspot/crm/v3/objects/deals", "kind": "rate_limit", "times": 2})
    patient = client(retry=Retry(total=4, status_forcelist=(429,), backoff_factor=0.1))
    assert patient.crm.deals.basic_api.get_page().results
    control(url, "faults", {"route": "/hubspot/crm/v3/objects/deals", "kind": "rate_limit"})
    for token, status, category in (("", 429, "RATE_LIMITS"), ("pat-of-yesterday", 401, "INVALID_AUTHENTICATION")):
        try:
            client(token).crm.deals.basic_api.get_page()
            raise AssertionError(f"no {status}")
        except Exception as e:
            if getattr(e, "status", None) != status:
                raise
            assert json.loads(e.body)["category"] == category, e.body
    control(url, "faults", {"route": "/hubspot/crm/v3/objects/deals", "kind": "schema_change"})
    try:
        stage = client().crm.deals.basic_api.get_page(properties=["dealstage"]).results[0].properties["dealstage"]
        raise AssertionError(f"an object without properties was taken: {stage}")
    except TypeError:
        pass
    control(url, "faults", method="DELETE")


def restated(url: str, api: HubSpot) -> None:
    """A day later there is more, and the day before is as it was."""
    state = control(url, "state", method="GET")
    now = {c.id for c in api.crm.contacts.get_all()}
    control(url, "clock", {"as_of": "2026-11-16"})
    before = {c.id for c in api.crm.contacts.get_all()}
    control(url, "clock", {"as_of": state["clock"]})
    assert now != before and {c.id for c in api.crm.contacts.get_all()} == now


def main(url: str) -> None:
    api = client()
    objects(api)
    search(api)
    others(api)
    troubles(url)
    restated(url, api)


if __name__ == "__main__":
    main(sys.argv[1])
