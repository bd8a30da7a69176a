"""Mailchimp's own Python client reads the sandbox: lists, members over several pages, reports, recipients, throttled, with a wrong key.

The client takes no address: each of its parts is pointed at the sandbox after it was made. It types nothing of the answers, so the
proof that it bites is the reading of figures through it.
"""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.request
from datetime import date, timedelta
from typing import Any

import mailchimp_marketing as sdk
from mailchimp_marketing.api_client import ApiClientError

PREFIX = "SOURCES__MAILCHIMP__"


def control(url: str, path: str, body: Any = None, method: str = "POST") -> Any:
    data = json.dumps(body).encode() if body is not None else None
    with urllib.request.urlopen(urllib.request.Request(f"{url}/_sandbox/{path}", data=data, method=method)) as answer:
        return json.loads(answer.read())


class Reader:
    """What a user of the client would write."""

    def __init__(self, key: str) -> None:
        self.client = sdk.Client()
        self.client.set_config({"api_key": key})
        host = os.environ[f"{PREFIX}BASE_URL"].rstrip("/")
        self.client.api_client.host = host
        for part in vars(self.client).values():
            if hasattr(part, "api_client"):
                part.api_client.host = host
                part.api_client.server = ""  # else it would take a "server" in the address for the data centre
        self.said: list[int] = []

    def ask(self, call: Any, *args: Any, **kwargs: Any) -> Any:
        """The answer; a throttled call is made again. Raises the client's error."""
        for _ in range(4):
            try:
                return call(*args, **kwargs)
            except ApiClientError as e:
                self.said.append(e.status_code)
                if e.status_code != 429:
                    raise
                time.sleep(1)
        raise AssertionError("throttled for ever")

    def pages(self, name: str, call: Any, *args: Any, count: int, **kwargs: Any) -> tuple[list[Any], int]:
        rows: list[Any] = []
        n_pages, total = 0, 1
        while len(rows) < total:
            page = self.ask(call, *args, count=count, offset=len(rows), **kwargs)
            rows, total, n_pages = rows + page[name], page["total_items"], n_pages + 1
        assert len(rows) == total
        return rows, n_pages


def main(url: str) -> None:
    reader = Reader(os.environ[f"{PREFIX}API_KEY"])
    client = reader.client
    clock = date.fromisoformat(control(url, "state", method="GET")["clock"])

    assert reader.ask(client.ping.get)["health_status"] == "Everything's Chimpy!"
    [one] = reader.ask(client.lists.get_all_lists)["lists"]
    control(url, "faults", {"route": "/mailchimp/.*members", "kind": "rate_limit", "after": 1})
    members, n_pages = reader.pages("members", client.lists.get_list_members_info, one["id"], count=100)
    assert n_pages > 2
    assert 429 in reader.said
    assert len({m["contact_id"] for m in members}) == len(members) == one["stats"]["total_contacts"]
    assert sum(m["status"] == "subscribed" for m in members) == one["stats"]["member_count"]
    since = f"{(clock - timedelta(days=3)).isoformat()}T00:00:00+00:00"
    changed, _ = reader.pages(
        "members", client.lists.get_list_members_info, one["id"], count=100, since_last_changed=since
    )
    assert {m["id"] for m in changed} == {m["id"] for m in members if m["last_changed"] > since}
    assert 0 < len(changed) < len(members)
    months = reader.ask(client.lists.get_list_growth_history, one["id"])["history"]
    assert months[0]["subscribed"] == one["stats"]["member_count"]

    mails = [c["id"] for c in reader.ask(client.campaigns.list, count=1000)["campaigns"]]
    for flow in reader.ask(client.automations.list, count=1000)["automations"]:
        steps = reader.ask(client.automations.list_all_workflow_emails, flow["id"])["emails"]
        assert sum(s["emails_sent"] for s in steps) == flow["emails_sent"]
        mails += [s["id"] for s in steps]
    n_sent = n_opens = 0
    for mail in mails:
        report = reader.ask(client.reports.get_campaign_report, mail)
        sent, _ = reader.pages("sent_to", client.reports.get_campaign_recipients, mail, count=150)
        bounced = [s["status"] for s in sent if s["status"] != "sent"]
        assert (len(sent), bounced.count("hard"), bounced.count("soft")) == (
            report["emails_sent"], report["bounces"]["hard_bounces"], report["bounces"]["soft_bounces"],
        )  # fmt: skip
        opened, _ = reader.pages("members", client.reports.get_campaign_open_details, mail, count=150)
        opens = [o for who in opened for o in who["opens"]]
        assert (len(opens), sum(not o["is_proxy_open"] for o in opens)) == (
            report["opens"]["opens_total"], report["opens"]["proxy_excluded_opens"],
        )  # fmt: skip
        active, _ = reader.pages("emails", client.reports.get_email_activity_for_campaign, mail, count=150)
        acts = [a["action"] for who in active for a in who["activity"]]
        assert (acts.count("open"), acts.count("click")) == (len(opens), report["clicks"]["clicks_total"])
        left, _ = reader.pages("unsubscribes", client.reports.get_unsubscribed_list_for_campaign, mail, count=150)
        abuse = reader.ask(client.reports.get_campaign_abuse_reports, mail)["abuse_reports"]
        assert (len(left), len(abuse)) == (report["unsubscribed"], report["abuse_reports"])
        n_sent, n_opens = n_sent + len(sent), n_opens + len(opens)

    wrong = Reader("wrong-us21")
    must_fail(lambda: wrong.ask(wrong.client.ping.get), 401, "a wrong key")
    control(url, "faults", {"route": "/mailchimp/", "kind": "expired_token"})
    must_fail(lambda: reader.ask(client.ping.get), 401, "a revoked key")
    must_fail(
        lambda: reader.ask(client.lists.get_list_members_info, one["id"], status="gone"), 400, "an unknown status"
    )
    must_fail(lambda: reader.ask(client.reports.get_campaign_report, "none"), 404, "an unknown campaign")
    control(url, "faults", {"route": "/mailchimp/.*members", "kind": "schema_change"})
    page = reader.ask(client.lists.get_list_members_info, one["id"])
    assert all("contact_id" not in m for m in page["members"])
    sys.stdout.write(
        f"{len(members)} members on {n_pages} pages, {len(mails)} mails to {n_sent} recipients with {n_opens} opens; "
        "throttled, a wrong key and a changed answer are seen\n"
    )


def must_fail(call: Any, status: int, what: str) -> None:
    try:
        call()
    except ApiClientError as e:
        assert e.status_code == status, f"{what}: {e.status_code}"
        return
    raise AssertionError(f"{what} went unnoticed")


if __name__ == "__main__":
    main(sys.argv[1])
