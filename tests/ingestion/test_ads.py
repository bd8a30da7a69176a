"""What ad sources have in common: windows, emptied days, accounts that fail, versions of names, unreadable rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from ingestion.ads import Pull, Reports
from ingestion.arrow import Reject, Wire, from_rows
from ingestion.errors import SourceError
from ingestion.pipeline import LoadReport, load_source
from ingestion.settings import Settings
from ingestion.spec import REJECTS, Column, Configuration, LoadContext, SourceSpec, Table, history_table

DAILY = Table(
    "ad_daily",
    (
        Column("account_id", "text"),
        Column("date_day", "date"),
        Column("ad_id", "text"),
        Column("clicks", "bigint"),
        Column("cost", "decimal"),
        Column("_deleted", "bool", hard_delete=True),
    ),
    row_key=("account_id", "date_day", "ad_id"),
    merge_key=("account_id", "date_day"),
    date_column="date_day",
)
CAMPAIGNS = history_table(
    "campaigns",
    (Column("account_id", "text"), Column("campaign_id", "text"), Column("name", "text")),
    ("account_id", "campaign_id"),
    "Campaigns.",
)


class Vendor:
    """A toy platform: days -> rows by account, campaigns by account, and what it was asked."""

    def __init__(self) -> None:
        self.days: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self.campaigns: dict[str, list[dict[str, Any]]] = {"a": [], "b": []}
        self.broken: set[str] = set()
        self.asked: list[Pull] = []
        self.restated_days: int | None = None

    def daily(self, pull: Pull, reject: Reject) -> Iterator[pa.Table]:
        self.asked.append(pull)
        for day in pull.days:
            if rows := self.days.get((pull.account_id, day.isoformat())):
                wire = {"date_day": "day", "ad_id": "ad", "clicks": "clicks", "cost": Wire("cost", "double")}
                yield from_rows(DAILY, wire, rows, constants={"account_id": pull.account_id}, reject=reject)
            if pull.account_id in self.broken:
                raise SourceError("toy", "the report broke off (code 2)")

    def entities(self, account: str, reject: Reject) -> Iterable[pa.Table]:
        wire = {"campaign_id": "id", "name": "name"}
        yield from_rows(CAMPAIGNS, wire, self.campaigns[account], constants={"account_id": account}, reject=reject)


def _spec(vendor: Vendor) -> SourceSpec:
    def build(context: LoadContext) -> Any:
        reports = Reports(spec, context)
        return reports.source(
            [
                reports.daily(DAILY, ["a", "b"], vendor.daily, max_days=10, restated_days=vendor.restated_days),
                reports.entities(CAMPAIGNS, ["a", "b"], vendor.entities),
            ]
        )

    spec = SourceSpec(
        "toy_ads",
        "ads",
        "toy",
        "marketing",
        (DAILY, CAMPAIGNS, REJECTS),
        frozenset(),
        lambda settings: Configuration(True, "toy"),
        build,
        restatement_days=3,
    )
    return spec


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Vendor, SourceSpec, Settings]:
    monkeypatch.setenv("SOURCES__TOY_ADS__START_DATE", "2026-11-01")
    vendor = Vendor()
    return vendor, _spec(vendor), Settings(data_dir=tmp_path, hash_key="0123456789abcdef0123456789abcdef")  # type: ignore[arg-type]


def _load(toy: tuple[Vendor, SourceSpec, Settings], day: int, **kwargs: Any) -> LoadReport:
    from ingestion import ops

    report = load_source(toy[1], toy[2], date(2026, 11, day), **kwargs)
    ops.write_load_status(toy[2], [report], date(2026, 11, day))
    return report


def _raw(toy: tuple[Vendor, SourceSpec, Settings], sql: str) -> list[Any]:
    with duckdb.connect(str(toy[2].raw_file("toy_ads")), read_only=True) as con:
        return con.execute(sql).fetchall()


def _row(day: int, ad: str, clicks: object, cost: float) -> dict[str, Any]:
    return {"day": f"2026-11-{day:02d}", "ad": ad, "clicks": str(clicks), "cost": cost}


SUMS = "select account_id, day(date_day), ad_id, clicks, cost::varchar from toy_ads.ad_daily order by all"


def test_the_first_pull_goes_back_to_the_start_date_in_slices_and_the_next_one_only_the_window(
    toy: tuple[Vendor, SourceSpec, Settings],
) -> None:
    vendor = toy[0]
    vendor.days = {("a", "2026-11-02"): [_row(2, "x", 3, 1.1)], ("b", "2026-11-14"): [_row(14, "y", 1, 0.1)]}
    report = _load(toy, 15)
    assert (report.status, report.message, report.rows) == ("loaded", "", {"ad_daily": 2, "campaigns": 0})
    assert _raw(toy, SUMS) == [("a", 2, "x", 3, "1.100000"), ("b", 14, "y", 1, "0.100000")]
    assert sorted((p.account_id, p.start.day, p.end.day) for p in vendor.asked) == [
        ("a", 1, 10), ("a", 11, 14), ("b", 1, 10), ("b", 11, 14),
    ]  # fmt: skip
    vendor.asked.clear()
    assert _load(toy, 16).rows["ad_daily"] == 1
    assert sorted((p.account_id, p.start.day, p.end.day) for p in vendor.asked) == [("a", 12, 15), ("b", 12, 15)]
    assert len(_raw(toy, SUMS)) == 2


def test_a_report_that_is_never_restated_pulls_only_days_it_has_not(toy: tuple[Vendor, SourceSpec, Settings]) -> None:
    toy[0].restated_days = 0
    _load(toy, 10)
    toy[0].asked.clear()
    _load(toy, 10)
    assert toy[0].asked == []
    _load(toy, 12)
    assert {(p.start.day, p.end.day) for p in toy[0].asked} == {(10, 11)}


def test_a_missed_week_is_pulled_from_where_the_last_good_night_would_have_begun(
    toy: tuple[Vendor, SourceSpec, Settings],
) -> None:
    _load(toy, 10)
    toy[0].asked.clear()
    _load(toy, 20)
    assert {(p.start.day, p.end.day) for p in toy[0].asked} == {(7, 16), (17, 19)}


def test_a_day_that_comes_back_empty_is_emptied_and_a_restated_one_replaced(
    toy: tuple[Vendor, SourceSpec, Settings],
) -> None:
    vendor = toy[0]
    vendor.days = {("a", "2026-11-13"): [_row(13, "x", 3, 1.0)], ("a", "2026-11-14"): [_row(14, "x", 4, 2.0)]}
    _load(toy, 15)
    vendor.days = {("a", "2026-11-14"): [_row(14, "x", 3, 1.5)]}
    _load(toy, 15)
    assert _raw(toy, SUMS) == [("a", 14, "x", 3, "1.500000")]


def test_an_account_that_fails_keeps_its_good_days_and_catches_up_while_the_other_goes_on(
    toy: tuple[Vendor, SourceSpec, Settings],
) -> None:
    vendor = toy[0]
    vendor.days = {("a", "2026-11-13"): [_row(13, "x", 3, 1.0)], ("b", "2026-11-13"): [_row(13, "y", 1, 1.0)]}
    _load(toy, 14)
    vendor.days = {("a", "2026-11-13"): [_row(13, "x", 9, 9.0)], ("b", "2026-11-13"): [_row(13, "y", 2, 2.0)]}
    vendor.broken = {"a"}
    report = _load(toy, 15)
    assert report.status == "partial"
    assert report.message == "account a, ad_daily: the report broke off (code 2)"
    assert _raw(toy, SUMS) == [("a", 13, "x", 3, "1.000000"), ("b", 13, "y", 2, "2.000000")]
    vendor.broken = set()
    vendor.asked.clear()
    assert _load(toy, 20).status == "loaded"
    assert sorted((p.account_id, p.start.day) for p in vendor.asked) == [("a", 11), ("b", 12)]
    assert _raw(toy, SUMS)[0] == ("a", 13, "x", 9, "9.000000")


def test_when_every_account_fails_the_source_has_failed(toy: tuple[Vendor, SourceSpec, Settings]) -> None:
    vendor = toy[0]
    _load(toy, 14)
    vendor.broken = {"a", "b"}
    vendor.entities = lambda account, reject: (_ for _ in ()).throw(SourceError("toy", "no campaigns (code 3)"))  # type: ignore[method-assign]
    report = _load(toy, 15)
    assert report.status == "failed"
    assert report.last_good_as_of == date(2026, 11, 14)


def test_names_are_kept_as_versions_and_what_is_gone_is_closed_by_account(
    toy: tuple[Vendor, SourceSpec, Settings],
) -> None:
    vendor = toy[0]
    vendor.campaigns = {
        "a": [{"id": "1", "name": "one"}, {"id": "2", "name": "two"}],
        "b": [{"id": "9", "name": "nine"}],
    }
    _load(toy, 14)
    _load(toy, 15)
    vendor.campaigns = {"a": [{"id": "1", "name": "uno"}], "b": [{"id": "9", "name": "nine"}]}
    _load(toy, 16)
    sql = """select account_id, campaign_id, name, day(_dlt_valid_from), day(_dlt_valid_to) from toy_ads.campaigns
             order by 2, 4"""
    assert _raw(toy, sql) == [
        ("a", "1", "one", 14, 16), ("a", "1", "uno", 16, None), ("a", "2", "two", 14, 16), ("b", "9", "nine", 14, None),
    ]  # fmt: skip


def test_a_row_that_cannot_be_read_is_kept_apart_and_the_good_ones_go_on(
    toy: tuple[Vendor, SourceSpec, Settings],
) -> None:
    toy[0].days = {("a", "2026-11-13"): [_row(13, "x", "many", 3.0), _row(13, "y", 1, 1.0)]}
    report = _load(toy, 14)
    assert (report.status, report.rejected) == ("partial", 1)
    assert "ad_daily, account a: 1 rows could not be read, first: clicks is not readable as bigint" in report.message
    assert [r[2] for r in _raw(toy, SUMS)] == ["y"]
    sql = "select table_name, account_id, request, position, column_name, row_text from toy_ads._rejects"
    row_text = '{"day": "2026-11-13", "ad": "x", "clicks": "many", "cost": 3.0}'
    assert _raw(toy, sql) == [("ad_daily", "a", "2026-11-11 to 2026-11-13", 0, "clicks", row_text)]
    toy[0].days = {("a", "2026-11-13"): [_row(13, "x", 7, 3.0), _row(13, "y", 1, 1.0)]}
    assert _load(toy, 15).status == "loaded"
    assert [r[2:4] for r in _raw(toy, SUMS)] == [("x", 7), ("y", 1)]


def test_when_no_row_can_be_read_the_days_keep_what_they_have(toy: tuple[Vendor, SourceSpec, Settings]) -> None:
    toy[0].days = {("a", "2026-11-13"): [_row(13, "x", 7, 3.0)]}
    _load(toy, 14)
    toy[0].days = {("a", "2026-11-13"): [_row(13, "x", "many", 3.0)]}
    report = _load(toy, 15)
    assert report.status == "partial"
    assert "no row could be read (clicks is not readable as bigint); did the API change?" in report.message
    assert [r[2:4] for r in _raw(toy, SUMS)] == [("x", 7)]


def test_a_backfill_pulls_its_days_and_no_entities(toy: tuple[Vendor, SourceSpec, Settings]) -> None:
    vendor = toy[0]
    _load(toy, 20)
    vendor.asked.clear()
    vendor.days = {("a", "2026-10-05"): [{**_row(5, "x", 1, 1.0), "day": "2026-10-05"}]}
    first = date(2026, 10, 1)
    _load(toy, 20, window=(first, first + timedelta(days=6)))
    assert {(p.start, p.end) for p in vendor.asked} == {(first, date(2026, 10, 7))}
    assert _raw(toy, SUMS) == [("a", 5, "x", 1, "1.000000")]
    vendor.asked.clear()
    _load(toy, 21)  # the night goes on where the last night was
    assert {p.start.day for p in vendor.asked} == {17}


def test_a_campaign_that_cannot_be_read_does_not_look_deleted(toy: tuple[Vendor, SourceSpec, Settings]) -> None:
    vendor = toy[0]
    vendor.campaigns["a"] = [{"id": "1", "name": "one"}, {"id": "2", "name": "two"}]
    _load(toy, 14)
    vendor.campaigns["a"] = [{"id": "1", "name": "uno"}, {"id": "2", "name": {"no": "text"}}]
    report = _load(toy, 15)
    assert report.status == "partial"
    assert "campaigns, account a: 1 rows could not be read, first: name is not readable as text" in report.message
    sql = "select name, _dlt_valid_to from toy_ads.campaigns order by name"
    assert _raw(toy, sql) == [("one", None), ("two", None)]


def test_an_answer_of_another_shape_is_told_and_stops_no_other_account(
    toy: tuple[Vendor, SourceSpec, Settings],
) -> None:
    vendor = toy[0]
    del vendor.campaigns["a"]  # the fetch meets a KeyError
    report = _load(toy, 14)
    assert report.status == "partial"
    assert "account a, campaigns: the answer has another shape than expected (KeyError" in report.message
