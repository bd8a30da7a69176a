"""Norges Bank's exchange rates over its SDMX web service, api/data/EXR, as SDMX-JSON or CSV. No key, no limits told.

Business days only. A key that finds nothing is answered 404 with a sentence, not with an empty answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from ingestion.sandbox.server.vendor import Desk, Vendor, json_response

PARAMETERS = {
    "format", "startPeriod", "endPeriod", "lastNObservations", "firstNObservations", "locale", "detail", "bom", "apisrc",
}  # fmt: skip
NAMES = {
    "EUR": "Euro", "USD": "US dollar", "GBP": "Pound sterling", "SEK": "Swedish krona", "DKK": "Danish krone",
    "JPY": "Japanese yen",
}  # fmt: skip
UNITS = {0: "Units", 1: "Tens", 2: "Hundreds", 3: "Thousands"}
NO_DATA = "No data for data query against the dataflow: urn:sdmx:org.sdmx.infomodel.datastructure.Dataflow=NB:EXR(1.0)"
COLLECTION = ("C", "ECB concertation time 14:15 CET")
Row = dict[str, Any]


def _routes(desk: Desk) -> Sequence[BaseRoute]:
    def data(request: Request) -> Response:
        asked = request.query_params
        if unknown := sorted(set(asked) - PARAMETERS):
            return PlainTextResponse(f"Unknown query parameter: {unknown[0]}", 400)
        key = [part.split("+") if part else [] for part in request.path_params["key"].split(".")]
        if len(key) != 4:
            return PlainTextResponse("Not enough key values in query, expecting 4", 400)
        try:
            first, last = _period(asked.get("startPeriod", "1999"))[0], _period(asked.get("endPeriod", "2999"))[1]
        except ValueError:
            return PlainTextResponse("Could not format Date value in the query", 400)
        frequency, base, quote, tenor = key
        rows = []
        if all(not has or wanted in has for has, wanted in ((frequency, "B"), (quote, "NOK"), (tenor, "SP"))):
            rows = desk.rows(
                """select currency, date, unit, rate from now.exchange_rates
                   where date between ? and ? and (len(?) = 0 or list_contains(?, currency)) order by currency, date""",
                [first, last, base, base],
            )
        for name, at in (("lastNObservations", -1), ("firstNObservations", 1)):
            if name in asked:
                rows = _some(rows, int(asked[name]) * at)
        if not rows:
            return PlainTextResponse(NO_DATA, 404)
        if asked.get("format") == "csv":
            return PlainTextResponse(_csv(rows), media_type="text/csv")
        if asked.get("format") != "sdmx-json":
            return PlainTextResponse("Only csv and sdmx-json are served here", 406)
        return json_response(_sdmx(rows))

    return [Route("/api/data/EXR/{key}", data)]


def _period(text: str) -> tuple[date, date]:
    """First and last day of 2026, 2026-11 or 2026-11-23."""
    year, month, day = [int(p) for p in re.fullmatch(r"(\d{4})(?:-(\d\d))?(?:-(\d\d))?", text).groups(default="0")]  # type: ignore[union-attr]
    if day:
        return date(year, month, day), date(year, month, day)
    if month:
        return date(year, month, 1), date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)
    return date(year, 1, 1), date(year, 12, 31)


def _some(rows: list[Row], n: int) -> list[Row]:
    by_currency: dict[str, list[Row]] = {}
    for row in rows:
        by_currency.setdefault(row["currency"], []).append(row)
    return [r for found in by_currency.values() for r in (found[n:] if n < 0 else found[:n])]


def _value(row: Row) -> str:
    """The rate as the bank writes it: no more digits than needed."""
    return f"{Decimal(row['rate']).normalize():f}"


def _multiplier(row: Row) -> int:
    return len(str(row["unit"])) - 1


def _csv(rows: list[Row]) -> str:
    head = (
        "FREQ;Frequency;BASE_CUR;Base Currency;QUOTE_CUR;Quote Currency;TENOR;Tenor;DECIMALS;CALCULATED;UNIT_MULT;"
        "Unit Multiplier;COLLECTION;Collection Indicator;TIME_PERIOD;OBS_VALUE"
    )
    lines = [
        f"B;Business;{r['currency']};{NAMES.get(r['currency'], r['currency'])};NOK;Norwegian krone;SP;Spot;4;false;{_multiplier(r)};"
        f"{UNITS[_multiplier(r)]};{';'.join(COLLECTION)};{r['date']};{_value(r)}"
        for r in rows
    ]
    return "\n".join([head, *lines]) + "\n"


def _sdmx(rows: list[Row]) -> Any:
    """SDMX-JSON: series by the positions of their dimensions' values, observations by the position of their day."""
    days = sorted({r["date"] for r in rows})
    currencies = list(dict.fromkeys(r["currency"] for r in rows))
    multipliers = sorted({_multiplier(r) for r in rows})
    series: dict[str, Any] = {}
    for r in rows:
        one = series.setdefault(
            f"0:{currencies.index(r['currency'])}:0:0",
            {"attributes": [0, 0, multipliers.index(_multiplier(r)), 0], "observations": {}},
        )
        one["observations"][str(days.index(r["date"]))] = [_value(r)]

    def dimension(id_: str, position: int, values: Sequence[tuple[str, str]]) -> Row:
        return {"id": id_, "name": id_, "keyPosition": position, "role": None, "values": _named(values)}

    dimensions = [
        dimension("FREQ", 0, [("B", "Business")]),
        dimension("BASE_CUR", 1, [(c, NAMES.get(c, c)) for c in currencies]),
        dimension("QUOTE_CUR", 2, [("NOK", "Norwegian krone")]),
        dimension("TENOR", 3, [("SP", "Spot")]),
    ]
    ids = [d["id"] for d in dimensions]
    attributes = [
        {"id": id_, "name": id_, "role": None, "relationship": {"dimensions": ids}, "values": _named(values)}
        for id_, values in (
            ("DECIMALS", [("4", "4")]), ("CALCULATED", [("false", "false")]),
            ("UNIT_MULT", [(str(m), UNITS[m]) for m in multipliers]), ("COLLECTION", [COLLECTION]),
        )
    ]  # fmt: skip
    times = [{"start": f"{d}T00:00:00", "end": f"{d}T23:59:59", "id": f"{d}", "name": f"{d}"} for d in days]
    return {
        "meta": {"id": "IREF000001", "prepared": f"{days[-1]}T16:00:00", "test": False, "sender": {"id": "Unknown"}, "links": []},
        "data": {
            "dataSets": [{"action": "Information", "links": [], "reportingBegin": f"{days[0]}T00:00:00",
                          "reportingEnd": f"{days[-1]}T23:59:59", "series": series}],
            "structure": {
                "name": "Exchange rates", "links": [],
                "dimensions": {
                    "dataset": [], "series": dimensions,
                    "observation": [{"id": "TIME_PERIOD", "name": "Time Period", "keyPosition": 4, "role": "time", "values": times}],
                },
                "attributes": {"dataset": [], "series": attributes, "observation": []},
            },
        },
    }  # fmt: skip


def _named(values: Sequence[tuple[str, str]]) -> list[Row]:
    return [{"id": id_, "name": name} for id_, name in values]


def _error(kind: str) -> Response:
    if kind == "rate_limit":
        return PlainTextResponse("Too many requests", 429, {"Retry-After": "1"})
    return PlainTextResponse("Internal server error", 500)


def _spoil(kind: str, body: bytes) -> bytes:
    """malformed_row: the first observation is no number; schema_change: observations have another name."""
    answer = orjson.loads(body)
    for n, one in enumerate(answer["data"]["dataSets"][0]["series"].values()):
        if kind == "schema_change":
            one["values"] = one.pop("observations")
        elif n == 0:
            one["observations"][next(iter(one["observations"]))] = ["n/a"]
    return orjson.dumps(answer)


def _environment(url: str) -> Mapping[str, str]:
    return {
        "SOURCES__NORGES_BANK__BASE_URL": f"{url}/norges_bank/api",
        "SOURCES__NORGES_BANK__CURRENCIES": ",".join(NAMES),
        "SOURCES__NORGES_BANK__START_DATE": "2020-01-01",  # as far as the company goes back
    }


VENDOR = Vendor("norges_bank", _routes, _error, _spoil, _environment)
