"""Google's own Python client reads the sandbox: sites, the report over several pages, throttled, with a token over, restated.

The client builds requests from its discovery document and gives answers as they came: the proof that a spoiled answer does not pass
is the reading of a row's figures.
"""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.request
from datetime import date, timedelta
from typing import Any

from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

PREFIX = "SOURCES__SEARCH_CONSOLE__"
Figures = dict[tuple[str, ...], tuple[int, int, float]]  # by keys: clicks, impressions, position


def control(url: str, path: str, body: Any = None, method: str = "POST") -> Any:
    data = json.dumps(body).encode() if body is not None else None
    with urllib.request.urlopen(urllib.request.Request(f"{url}/_sandbox/{path}", data=data, method=method)) as answer:
        return json.loads(answer.read())


class Reader:
    """What a user of the client would write."""

    def __init__(self, url: str, days: tuple[date, date]) -> None:
        credentials = Credentials(
            None,
            refresh_token=os.environ[f"{PREFIX}REFRESH_TOKEN"],
            token_uri=os.environ[f"{PREFIX}TOKEN_URL"],
            client_id=os.environ[f"{PREFIX}CLIENT_ID"],
            client_secret=os.environ[f"{PREFIX}CLIENT_SECRET"],
        )
        at = {"api_endpoint": f"{url}/search_console/"}
        self.service = build("searchconsole", "v1", credentials=credentials, static_discovery=True, client_options=at)
        at = {"api_endpoint": f"{url}/search_console/webmasters/v3/"}  # it stands for host and path
        self.old = build("webmasters", "v3", credentials=credentials, static_discovery=True, client_options=at)
        self.days = {"startDate": days[0].isoformat(), "endDate": days[1].isoformat()}
        self.statuses: list[int] = []

    def query(self, site: str, service: Any = None, **asked: Any) -> Any:
        """One answer; a throttled call is made again. Raises HttpError."""
        call = (service or self.service).searchanalytics().query(siteUrl=site, body={**self.days, **asked})
        for _ in range(4):
            try:
                return call.execute()
            except HttpError as e:
                self.statuses.append(e.resp.status)
                if e.resp.status != 429:
                    raise
                time.sleep(1)
        raise AssertionError("throttled for ever")

    def report(self, site: str, *dimensions: str, page_rows: int = 1_000, **asked: Any) -> tuple[Figures, int]:
        """(figures, number of pages): the page after the last has no rows."""
        found: Figures = {}
        n_pages = 0
        while rows := self.query(
            site, dimensions=list(dimensions), rowLimit=page_rows, startRow=n_pages * page_rows, **asked
        ).get("rows"):
            for row in rows:
                keys = tuple(row["keys"])
                assert len(keys) == len(dimensions)
                assert keys not in found
                assert abs(row["ctr"] - row["clicks"] / row["impressions"]) < 1e-9
                assert row["position"] >= 1
                found[keys] = (int(row["clicks"]), int(row["impressions"]), row["position"])
            n_pages += 1
        return found, n_pages


def total(figures: Figures) -> tuple[int, int]:
    return sum(f[0] for f in figures.values()), sum(f[1] for f in figures.values())


def main(url: str) -> None:
    about = control(url, "state", method="GET")
    clock = date.fromisoformat(about["clock"])
    reader = Reader(url, (date.fromisoformat(about["from"]), clock))

    levels = {s["siteUrl"]: s["permissionLevel"] for s in reader.service.sites().list().execute()["siteEntry"]}
    assert reader.old.sites().list().execute()["siteEntry"]
    domain, prefix = [s for s, level in levels.items() if level != "siteUnverifiedUser"]
    assert (domain[:10], prefix[:8]) == ("sc-domain:", "https://")
    clicks, shown = total(reader.report(domain, "date")[0])
    assert total(reader.report(prefix, "date")[0]) == (clicks, shown)  # the only host there is

    control(url, "faults", {"route": "searchAnalytics", "kind": "rate_limit", "after": 1})
    queries, n_pages = reader.report(domain, "date", "query", "country", "device", page_rows=50)
    assert n_pages > 2
    assert reader.statuses == [429]
    assert total(queries)[0] < clicks  # anonymised ones are in the totals alone
    assert total(queries)[1] < shown
    pages, _ = reader.report(domain, "date", "page", "country", "device", aggregationType="auto")
    assert total(pages)[0] == clicks
    assert total(pages)[1] > shown  # a search that shows two pages counts twice
    by = {d: reader.query(domain, dimensions=[d])["responseAggregationType"] for d in ("query", "page")}
    assert by == {"query": "byProperty", "page": "byPage"}
    assert reader.query(domain, service=reader.old, dimensions=["date"]) == reader.query(domain, dimensions=["DATE"])

    fresh = reader.query(domain, dimensions=["date"], dataState="all")
    incomplete = date.fromisoformat(fresh["metadata"]["firstIncompleteDate"])
    assert clock - timedelta(days=2) <= incomplete < clock
    before = {
        k: f for k, f in reader.report(domain, "date", dataState="all")[0].items() if k[0] >= incomplete.isoformat()
    }
    control(url, "clock", {"as_of": (clock + timedelta(days=4)).isoformat()})
    after, _ = reader.report(domain, "date", dataState="all")
    assert before
    assert all(after[day][:2] >= figures[:2] for day, figures in before.items())
    assert any(after[day] != figures for day, figures in before.items())
    control(url, "clock", {"as_of": clock.isoformat()})

    control(url, "faults", {"route": "searchAnalytics", "kind": "expired_token"})
    assert reader.report(domain, "date", "query", "country", "device")[0] == queries  # the client renews by itself
    must_fail(HttpError, lambda: reader.query(domain, dimensions=["date"], limit=5), "an unknown field")
    must_fail(
        HttpError, lambda: reader.query(domain, dimensions=["searchAppearance"]), "a dimension that is not served"
    )
    must_fail(HttpError, lambda: reader.query("sc-domain:other.example"), "somebody else's site")
    must_fail(
        HttpError, lambda: reader.query(domain, dimensions=["page"], aggregationType="byProperty"), "pages by property"
    )
    # of what is no JSON the client makes a text, which has no rows
    spoiled = {"malformed_row": (TypeError, ValueError), "schema_change": KeyError, "truncated": AttributeError}
    for kind, error in spoiled.items():
        control(url, "faults", {"route": "searchAnalytics", "kind": kind})
        must_fail(error, lambda: reader.report(domain, "date"), kind)
    sys.stdout.write(
        f"{len(queries)} rows of queries in {n_pages} pages, {total(queries)[0]} of {clicks} clicks with their query; "
        f"{len(before)} days in the making; malformed, renamed and cut-off answers do not pass\n"
    )


def must_fail(error: Any, call: Any, what: str) -> None:
    try:
        call()
    except error:
        return
    raise AssertionError(f"{what} went unnoticed")


if __name__ == "__main__":
    main(sys.argv[1])
