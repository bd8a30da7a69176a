"""Klaviyo's own Python client reads the sandbox: account, metrics, profiles, lists, flows and events, throttled, with a wrong key.

The client types every answer strictly: a member of another type or a missing one does not pass. It asks with revision 2026-10-15; our
source with 2026-07-15, where campaigns and flow actions look otherwise, so those two are not read here.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from datetime import date, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from klaviyo_api import KlaviyoAPI
from openapi_client.exceptions import ApiException

KEY = "pk_0123456789abcdef0123456789abcdef01"  # the sandbox's; the demo's company sends by another system


def control(url: str, path: str, body: Any = None, method: str = "POST") -> Any:
    data = json.dumps(body).encode() if body is not None else None
    with urllib.request.urlopen(urllib.request.Request(f"{url}/_sandbox/{path}", data=data, method=method)) as answer:
        return json.loads(answer.read())


def pages(call: Any, *args: Any, **kwargs: Any) -> tuple[list[Any], int]:
    rows: list[Any] = []
    cursor, n_pages = None, 0
    while True:
        page = plain(call(*args, page_cursor=cursor, **kwargs))
        rows, n_pages = rows + page["data"], n_pages + 1
        if not (link := page["links"].get("next")):
            return rows, n_pages
        [cursor] = parse_qs(urlsplit(link).query)["page[cursor]"]  # the client finds it in https links alone


def plain(answer: Any) -> Any:
    """What the client made of an answer, by the vendor's names."""
    return answer if isinstance(answer, dict) else answer.to_dict()


def main(url: str) -> None:
    host = os.environ["SOURCES__KLAVIYO__BASE_URL"].removesuffix("/api/")
    client = KlaviyoAPI(KEY, max_delay=5, max_retries=3, test_host=host)
    clock = date.fromisoformat(control(url, "state", method="GET")["clock"])

    [account] = plain(client.Accounts.get_accounts())["data"]
    assert account["attributes"]["preferred_currency"] == "NOK"
    metrics = {m["attributes"]["name"]: m["id"] for m in plain(client.Metrics.get_metrics())["data"]}
    control(url, "faults", {"route": "/klaviyo/.*profiles", "kind": "rate_limit", "after": 1})
    profiles, n_pages = pages(
        client.Profiles.get_profiles, additional_fields_profile=["subscriptions"], page_size=100, sort="updated"
    )
    assert n_pages > 3
    assert [kind for kind, _ in control(url, "state", method="GET")["struck"]] == ["rate_limit"]
    assert len({p["id"] for p in profiles}) == len(profiles)
    consents = [p["attributes"]["subscriptions"]["email"]["marketing"]["consent"] for p in profiles]
    assert {"SUBSCRIBED", "NEVER_SUBSCRIBED"} <= set(consents)
    since = clock - timedelta(days=3)
    changed, _ = pages(client.Profiles.get_profiles, filter=f"greater-than(updated,{since}T00:00:00Z)", page_size=100)
    assert 0 < len(changed) < len(profiles)
    [one] = plain(client.Lists.get_lists())["data"]
    members, _ = pages(client.Lists.get_profiles_for_list, one["id"], page_size=100)
    assert {m["id"] for m in members} <= {p["id"] for p in profiles}
    flows, _ = pages(client.Flows.get_flows)
    assert flows

    counts = {}
    for name, metric in metrics.items():
        window = f'equals(metric_id,"{metric}"),greater-or-equal(datetime,2026-11-01T00:00:00Z)'
        events, n_event_pages = pages(client.Events.get_events, filter=window, sort="datetime", page_size=100)
        moments = [e["attributes"]["timestamp"] for e in events]
        assert moments == sorted(moments)
        assert {e["relationships"]["profile"]["data"]["id"] for e in events} <= {p["id"] for p in profiles}
        counts[name] = len(events)
        assert n_event_pages == max(1, -(-len(events) // 100))
    assert counts["Received Email"] > counts["Opened Email"] > counts["Clicked Email"] > 0
    assert counts["Placed Order"] > 0

    wrong = KlaviyoAPI("pk_wrong", max_retries=0, test_host=host)
    must_fail(ApiException, wrong.Metrics.get_metrics, "a wrong key", 401)
    bad = {"filter": "contains(datetime,2026)"}
    must_fail(ApiException, lambda: client.Events.get_events(**bad), "an unknown filter", 400)
    control(url, "faults", {"route": "/klaviyo/.*lists", "kind": "malformed_row"})
    must_fail(Exception, client.Lists.get_lists, "a moment that is none")
    control(url, "faults", {"route": "/klaviyo/.*lists", "kind": "schema_change"})
    must_fail(Exception, client.Lists.get_lists, "a renamed id")
    sys.stdout.write(
        f"{len(profiles)} profiles on {n_pages} pages, {sum(counts.values())} events of {len(counts)} metrics; "
        "throttled, a wrong key, malformed and renamed members are seen\n"
    )


def must_fail(error: type[Exception], call: Any, what: str, status: int | None = None) -> None:
    try:
        call()
    except error as e:
        assert status is None or e.status == status, f"{what}: {e}"
        return
    raise AssertionError(f"{what} went unnoticed")


if __name__ == "__main__":
    main(sys.argv[1])
