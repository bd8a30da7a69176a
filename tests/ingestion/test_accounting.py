"""The books in files: how they are read, what is rejected, and what the simulated company's hold."""

from __future__ import annotations

import csv
from collections import defaultdict
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from ingestion.sandbox.drop_folder import make_drop_folder
from ingestion.sandbox.store import World
from tests.conftest import Drop

BOOKS = """\
books:
  entity: accounting_figures
  location: regnskap_*.csv
  delimiter: ";"
  decimal: ","
  thousands: " "
  date_formats: ["%Y-%m"]
  currency: NOK
  vat: {basis: excluded}
  max_reject_share: 0.9
  key: [month, account]
  columns:
    month: Periode
    account: Konto
    amount: Beløp
    figure: {column: Konto, match: [{pattern: "^30", value: revenue}, {pattern: "^43", value: cost_of_goods}]}
    stream: {column: Konto, match: [{pattern: "^3000$", value: orders}, {pattern: ".", value: null}]}
"""
HEAD = "Periode;Konto;Beløp\n"


def test_a_month_of_the_books_is_read_and_a_corrected_file_replaces_it(drop: Drop) -> None:
    drop.catalogue(BOOKS)
    drop.write("regnskap_2026.csv", HEAD + "2026-09;3000;1 234,50\n2026-09;4300;600,00\n")
    drop.load()
    read = "select month, figure, stream, account, amount, currency, vat_basis from files.accounting_figures order by account"
    assert drop.rows(read) == [
        (date(2026, 9, 1), "revenue", "orders", "3000", Decimal("1234.5"), "NOK", "excluded"),
        (date(2026, 9, 1), "cost_of_goods", None, "4300", Decimal(600), "NOK", "excluded"),
    ]
    drop.write("regnskap_2026.csv", HEAD + "2026-09;3000;1 300,00\n")
    drop.load()
    assert drop.rows("select account, amount from files.accounting_figures") == [("3000", Decimal(1300))]


@pytest.mark.parametrize(
    ("line", "column", "reason"),
    [
        (";3000;1,00", "Periode", "missing key: month has no value"),
        ("13.2026;3000;1,00", "Periode", "expected a date written as %Y-%m, between 1900 and 2200"),
        ("2026-09;3000;about 12", "Beløp", "expected a number such as 1234,5"),
        ("2026-09;3000;", "Beløp", "missing amount: amount has no value"),
        ("2026-09;7999;1,00", "Konto", "expected a value that one of the rules under `match` finds"),
    ],
)
def test_a_line_nobody_can_read_is_rejected_and_the_others_go_on(
    drop: Drop, line: str, column: str, reason: str
) -> None:
    drop.catalogue(BOOKS)
    drop.write("regnskap_2026.csv", f"{HEAD}{line}\n2026-09;3000;1,00\n")
    assert drop.load().rejected == 1
    assert drop.rows('select "column", reason from files._rejects') == [(column, reason)]
    assert drop.rows("select account from files.accounting_figures") == [("3000",)]


def test_a_figure_or_stream_by_another_name_is_rejected(drop: Drop) -> None:
    drop.catalogue(
        """\
        books:
          entity: accounting_figures
          location: books.csv
          currency: NOK
          max_reject_share: 0.9
          columns: {month: month, figure: figure, stream: stream, amount: amount}
        """
    )
    drop.write(
        "books.csv",
        "month,figure,stream,amount\n2026-09-01,turnover,,1\n2026-09-01,revenue,shop,1\n2026-09-01,margin,,1\n",
    )
    drop.load()
    assert drop.rows("select reason from files._rejects order by _row") == [
        ("expected one of revenue, cost_of_goods, margin, marketing_cost",), ("expected one of orders, deals",),
    ]  # fmt: skip
    assert drop.rows("select figure, stream from files.accounting_figures") == [("margin", None)]


def books(folder: Path) -> dict[tuple[str, str], Decimal]:
    """(month, account) -> amount, of all years."""
    found: dict[tuple[str, str], Decimal] = {}
    for path in sorted((folder / "finance").glob("regnskap_*.csv")):
        with path.open(encoding="windows-1252", newline="") as f:
            for row in csv.DictReader(f, delimiter=";"):
                found[row["Periode"], row["Konto"]] = Decimal(row["Beløp"].replace(" ", "").replace(",", "."))
    return found


def test_the_companys_books_are_its_sales_without_vat_but_for_the_end_of_a_quarter(tmp_path: Path) -> None:
    world = World.create_or_extend(tmp_path / "company", "tiny", 7, date(2026, 10, 12), start=date(2026, 9, 20))
    make_drop_folder(tmp_path / "drop", date(2026, 11, 12), world)
    con = world.con()
    con.execute("set timezone = 'Europe/Oslo'")
    sold: dict[bool, Decimal] = defaultdict(Decimal)
    for late, ore in con.execute(
        """select ordered_at::date between '2026-09-29' and '2026-09-30', sum(amount_ore) from world.orders
           where ordered_at < '2026-10-01' group by all
           union all select refunded_at::date between '2026-09-29' and '2026-09-30', -sum(amount_ore) from world.refunds
           where refunded_at < '2026-10-01' group by all"""
    ).fetchall():
        sold[late] += Decimal(ore) / 125
    found = books(tmp_path / "drop")
    assert sold[True] > 0
    assert found["2026-09", "3000"] == pytest.approx(sold[False], abs=Decimal("0.01"))
    october = con.execute(
        """select (select sum(amount_ore) from world.orders where ordered_at >= '2026-10-01')
                - coalesce((select sum(amount_ore) from world.refunds where refunded_at between '2026-10-01' and '2026-11-12'), 0)"""
    ).fetchall()[0][0]
    assert found["2026-10", "3000"] == pytest.approx(Decimal(int(october)) / 125 + sold[True], abs=Decimal("0.01"))


def test_books_come_when_a_month_is_closed_and_an_unclosed_year_has_its_headers(
    tmp_path: Path, tiny_company: Path
) -> None:
    world = World.open(tiny_company)  # from 31 October
    make_drop_folder(tmp_path / "early", date(2026, 11, 10), world)
    assert books(tmp_path / "early") == {}
    assert (
        tmp_path / "early" / "finance" / "regnskap_2026.csv"
    ).read_bytes() == b"Periode;Konto;Kontonavn;Bel\xf8p\r\n"
    make_drop_folder(tmp_path / "late", date(2026, 11, 11), world)
    assert {month for month, _ in books(tmp_path / "late")} == {"2026-10"}
