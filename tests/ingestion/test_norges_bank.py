"""Norges Bank against the sandbox: SDMX-JSON and CSV, rates for a hundred, days without any."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
import requests

from ingestion import ops
from ingestion.pipeline import LoadReport, load_source
from ingestion.settings import Settings
from ingestion.sources.norges_bank import SPEC
from tests.sandbox import THROUGH, Sandbox

NIGHT = THROUGH + timedelta(days=1)
ALL = (
    "select date_day, base_currency, obs_value, (10 ** unit_mult)::bigint from norges_bank.exchange_rates order by 1, 2"
)


class House:
    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self.sandbox = sandbox
        self.settings = Settings(_env_file=None, data_dir=folder, hash_key="0123456789abcdef0123456789abcdef")  # type: ignore[call-arg,arg-type]

    def load(self, as_of: date = NIGHT, **kwargs: Any) -> LoadReport:
        self.sandbox.set_clock(as_of)
        report = load_source(SPEC, self.settings, as_of, **kwargs)
        ops.write_load_status(self.settings, [report], as_of)
        return report

    def raw(self, sql: str = ALL) -> list[Any]:
        with duckdb.connect(str(self.settings.raw_file(SPEC.name)), read_only=True) as con:
            return con.execute(sql).fetchall()

    def told(self, currencies: str = "EUR,USD,GBP,SEK,DKK,JPY", as_of: date = NIGHT) -> list[Any]:
        """What the bank has published before the day `as_of`."""
        sql = (
            "select date, currency, rate, unit from world.exchange_rates where date < ? and currency in ? order by 1, 2"
        )
        return self.sandbox.world.con().execute(sql, [as_of, tuple(currencies.split(","))]).fetchall()

    def ask(self, key: str, **params: str) -> requests.Response:
        return requests.get(f"{self.sandbox.url}/norges_bank/api/data/EXR/{key}", params=params, timeout=30)


@pytest.fixture
def house(sandbox: Sandbox, tmp_path: Path) -> House:
    return House(sandbox, tmp_path)


def test_every_rate_is_as_published_and_a_second_pull_changes_nothing(house: House) -> None:
    report = house.load()
    assert (report.status, report.message) == ("loaded", "")
    assert house.raw() == house.told() and {r[3] for r in house.raw()} == {1, 100}
    again = house.load()
    assert 0 < again.rows["exchange_rates"] < report.rows["exchange_rates"]
    assert house.raw() == house.told()


def test_a_night_pulls_a_week_again_and_a_currency_asked_for_later_gets_its_past(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__NORGES_BANK__CURRENCIES", "EUR,nok")
    house.load(date(2026, 11, 10))
    assert house.raw() == house.told("EUR", date(2026, 11, 10))
    monkeypatch.setenv("SOURCES__NORGES_BANK__CURRENCIES", "EUR,SEK")
    assert house.load(date(2026, 11, 11)).rows["exchange_rates"] == 6 + len(house.told("SEK", date(2026, 11, 11)))
    assert house.raw() == house.told("EUR,SEK", date(2026, 11, 11))


def test_a_rate_that_was_corrected_is_replaced(house: House) -> None:
    house.load()
    with duckdb.connect(str(house.settings.raw_file(SPEC.name))) as con:
        con.execute("update norges_bank.exchange_rates set obs_value = 1 where date_day = '2026-11-17'")
    house.load()
    assert house.raw() == house.told()


def test_without_currencies_nothing_is_asked(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCES__NORGES_BANK__CURRENCIES", "")
    assert SPEC.configured(house.settings).message.startswith("no currencies; set SOURCES__NORGES_BANK__CURRENCIES")


def test_a_weekend_has_no_rates_and_that_is_well(house: House) -> None:
    report = house.load(window=(date(2026, 11, 14), date(2026, 11, 15)))
    assert (report.status, report.rows) == ("loaded", {"exchange_rates": 0})


def test_a_currency_that_is_not_published_is_told_and_the_others_are_read(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__NORGES_BANK__CURRENCIES", "EUR,XXX")
    report = house.load()
    assert report.status == "partial" and "no rates of XXX from" in report.message
    assert house.raw() == house.told("EUR")


@pytest.mark.parametrize("kind", ["rate_limit", "server_error", "truncated", "reset"])
def test_a_passing_fault_is_waited_for(house: House, kind: str) -> None:
    house.sandbox.order("/norges_bank/", kind)
    assert (house.load().status, [k for k, _ in house.sandbox.struck()]) == ("loaded", [kind])
    assert house.raw() == house.told()


def test_a_value_that_is_no_rate_is_left_out_and_told(house: House) -> None:
    house.sandbox.order("/norges_bank/", "malformed_row")
    report = house.load()
    assert (report.status, report.rejected) == ("partial", 1) and "'n/a' is no rate" in report.message
    assert len(house.raw()) == len(house.told()) - 1


def test_another_shape_of_answer_is_told_and_raw_keeps_what_it_has(house: House) -> None:
    house.load()
    house.sandbox.order("/norges_bank/", "schema_change")
    report = house.load()
    assert (
        report.status == "failed"
        and "the answer is not the SDMX-JSON it was (KeyError 'observations')" in report.message
    )
    assert house.raw() == house.told()


def test_csv_and_json_say_the_same(house: House) -> None:
    week = {"startPeriod": "2026-11-13", "endPeriod": "2026-11-17"}
    lines = house.ask("B.JPY+EUR.NOK.SP", format="csv", **week).text.splitlines()
    head = lines[0].split(";")
    rows = [dict(zip(head, line.split(";"), strict=True)) for line in lines[1:]]
    assert [(r["BASE_CUR"], r["TIME_PERIOD"]) for r in rows] == [
        (c, f"2026-11-{d}") for c in ("EUR", "JPY") for d in (13, 16, 17)
    ]
    assert {(r["BASE_CUR"], r["UNIT_MULT"], r["Unit Multiplier"]) for r in rows} == {
        ("EUR", "0", "Units"),
        ("JPY", "2", "Hundreds"),
    }
    data = house.ask("B.JPY+EUR.NOK.SP", format="sdmx-json", **week).json()["data"]
    yen = data["dataSets"][0]["series"]["0:1:0:0"]
    assert [v for [v] in yen["observations"].values()] == [r["OBS_VALUE"] for r in rows if r["BASE_CUR"] == "JPY"]
    assert data["structure"]["attributes"]["series"][2]["values"][yen["attributes"][2]]["id"] == "2"
    assert all(Decimal(r["OBS_VALUE"]) > 0 for r in rows)
    assert len(house.ask("B..NOK.SP", format="csv", lastNObservations="1").text.splitlines()) == 7


def test_what_finds_nothing_is_answered_with_a_sentence(house: House) -> None:
    weekend = house.ask("B.EUR.NOK.SP", format="sdmx-json", startPeriod="2026-11-14", endPeriod="2026-11-15")
    assert weekend.status_code == 404 and weekend.text.startswith("No data for data query")
    assert house.ask("B.EUR.SEK.SP", format="csv").status_code == 404
    assert house.ask("B.EUR.NOK.SP", format="csv", from_="2026").status_code == 400
    assert house.ask("B.EUR", format="csv").status_code == 400
