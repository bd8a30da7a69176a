"""How cells are read: numbers, dates, encodings, formats - and each bad input with its message."""

from __future__ import annotations

import gzip
import io
from datetime import UTC, date, datetime
from decimal import Decimal

import pandas as pd
import pytest

from tests.conftest import Drop

COSTS = """\
costs:
  entity: other_costs
  location: costs.csv
  delimiter: ";"
  decimal: ","
  thousands: " "
  date_formats: ["%d.%m.%Y"]
  currency: NOK
  max_reject_share: 1
  columns: {date: Dato, category: Type, amount: Sum}
"""
LINES = """\
lines:
  entity: order_lines
  location: lines.*
  currency: NOK
  time_zone: Europe/Oslo
  max_reject_share: 1
  columns: {order_id: order, quantity: qty, unit_price: price, ordered_at: at, customer_id: customer}
"""


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("1 234,50", "1234.50"),
        ("1\u00a0234,50", "1234.50"),
        ("1\u202f234\u202f567,5", "1234567.5"),
        ("-12,5", "-12.5"),
        ("\u221212,5", "-12.5"),
        ("1234", "1234"),
        (",5", "0.5"),
        ("1.234,50", None),
        ("12 34,50", None),
        ("1,234.50", None),
        ("12,5 kr", None),
        ("1e3", "1000"),
        ("99999999999999999999", None),
    ],
)
def test_norwegian_numbers(drop: Drop, written: str, expected: str | None) -> None:
    drop.catalogue(COSTS)
    drop.write("costs.csv", f"Dato;Type;Sum\n31.12.2026;tools;{written}\n")
    drop.load()
    amounts = [r[0] for r in drop.rows("select amount from files.other_costs")]
    assert amounts == ([] if expected is None else [Decimal(expected)])
    assert len(drop.rows("select 1 from files._rejects")) == (expected is None)


def test_norwegian_dates_and_days_that_do_not_exist(drop: Drop) -> None:
    drop.catalogue(COSTS)
    drop.write("costs.csv", "Dato;Type;Sum\n31.12.2026;a;1\n31.02.2026;b;1\n2026-12-31;c;1\n01.01.0026;d;1\n")
    drop.load()
    assert drop.rows("select category, date from files.other_costs") == [("a", date(2026, 12, 31))]
    assert drop.rows('select line, "column", value from files._rejects order by line') == [
        (3, "Dato", "31.02.2026"),
        (4, "Dato", "2026-12-31"),
        (5, "Dato", "01.01.0026"),
    ]


def test_times_without_a_zone_are_read_in_the_datasets_zone(drop: Drop) -> None:
    drop.catalogue(LINES)
    drop.write(
        "lines.csv",
        "order,qty,price,at,customer\n1,1,10,2026-07-01 12:00:00,\n2,1,10,2026-01-01T12:00:00,\n3,1,10,2026-01-01T12:00:00Z,\n",
    )
    drop.load()
    assert [r[0] for r in drop.rows("select ordered_at from files.order_lines order by order_id")] == [
        datetime(2026, 7, 1, 10, tzinfo=UTC),
        datetime(2026, 1, 1, 11, tzinfo=UTC),
        datetime(2026, 1, 1, 12, tzinfo=UTC),
    ]


def test_epoch_microseconds_are_utc_and_their_day_is_the_datasets_zones(drop: Drop) -> None:
    drop.catalogue("""\
        web:
          entity: web_purchases
          location: web.csv
          time_zone: Europe/Oslo
          currency: USD
          date_formats: [epoch_us]
          columns: {client_id: c, purchased_at: ts, purchased_date: ts}
        """)
    drop.write("web.csv", "c,ts\n1.2,1605937059520352\n1.3,1605998400000001\n")
    drop.load()
    assert drop.rows("select purchased_at, purchased_date from files.web_purchases order by client_id") == [
        (datetime(2020, 11, 21, 5, 37, 39, 520352, tzinfo=UTC), date(2020, 11, 21)),
        (datetime(2020, 11, 21, 22, 40, 0, 1, tzinfo=UTC), date(2020, 11, 21)),
    ]


def test_windows_1252_is_read_as_declared(drop: Drop) -> None:
    drop.catalogue(COSTS + "  encoding: windows-1252\n")
    drop.write("costs.csv", "Dato;Type;Sum\n31.12.2026;Rådgivning – Øst €;1\n".encode("windows-1252"))
    drop.load()
    assert drop.rows("select category from files.other_costs") == [("Rådgivning – Øst €",)]


def test_a_byte_order_mark_is_no_part_of_the_header(drop: Drop) -> None:
    drop.catalogue(COSTS)
    drop.write("costs.csv", "\ufeffDato;Type;Sum\n31.12.2026;a;1\n")
    assert drop.load().rows["other_costs"] == 1


def test_the_line_of_a_bad_row_is_its_line_in_the_file(drop: Drop) -> None:
    drop.catalogue(COSTS)
    drop.write(
        "costs.csv",
        'Dato;Type;Sum\n31.12.2026;"two\nlines";1\n31.12.2026;"a;b";x\n\n31.12.2026;too;many;1\n31.12.2026;few\n31.12.2026;c;y\n',
    )
    report = drop.load()
    assert report.rejected == 4
    assert drop.rows("select line, reason, value from files._rejects order by line") == [
        (4, "expected a number such as 1234,5", "x"),
        (6, "too many fields; expected 3", None),
        (7, "too few fields; expected 3", None),
        (8, "expected a number such as 1234,5", "y"),
    ]


def test_lines_are_right_behind_rows_that_are_left_out(drop: Drop) -> None:
    drop.catalogue(COSTS)
    drop.write("costs.csv", "Dato;Type;Sum\n31.12.2026;a;1;2\n31.12.2026;b;1\n31.12.2026;c;1;2\n31.12.2026;d;x\n")
    drop.load()
    assert drop.rows("select line from files._rejects order by line") == [(2,), (4,), (5,)]
    assert drop.rows("select _line from files.other_costs") == [(3,)]


def test_personal_values_are_masked_among_the_rejects(drop: Drop) -> None:
    drop.catalogue("""\
        leads:
          entity: leads
          location: l.csv
          max_reject_share: 1
          personal: [born]
          columns: {lead_id: id, created_date: day, person_id: {column: born, match: [{pattern: "^x", value: y}]}}
        """)
    drop.write("l.csv", "id,day,born\n1,2026-01-02,01017012345\n2,tomorrow,x\n")
    drop.load()
    assert drop.rows('select "column", value from files._rejects order by line') == [
        ("born", "0***(11)"),
        ("day", "tomorrow"),
    ]


def test_a_missing_key_or_required_value_is_rejected(drop: Drop) -> None:
    drop.catalogue(LINES + "  key: [order_id, customer_id]\n")
    drop.write(
        "lines.csv", "order,qty,price,at,customer\n,1,1,2026-01-01,c\n1,1,1,2026-01-01,\n2,1,,2026-01-01,c\n3,1,1,,c\n"
    )
    drop.load()
    assert [r[0] for r in drop.rows("select reason from files._rejects order by line")] == [
        "missing key: order_id has no value",
        "missing key: customer_id has no value",
        "missing unit_price: unit_price has no value",
        "none of ordered_at has a value",
    ]


def test_ndjson_reads_objects_and_rejects_other_lines(drop: Drop) -> None:
    drop.catalogue(LINES)
    drop.write(
        "lines.ndjson",
        '{"order": "1", "qty": 2, "price": 9.5, "at": "2026-01-01T10:00:00Z", "customer": "Å", "tags": ["a"]}\n'
        "not json\n[1]\n"
        '{"order": "2", "qty": "two", "price": 1, "at": "2026-01-01T10:00:00Z"}\n',
    )
    drop.load()
    assert drop.rows("select order_id, quantity, customer_id, _extra->>'tags' from files.order_lines") == [
        ("1", Decimal(2), "Å", '["a"]')
    ]
    assert drop.rows("select line, reason from files._rejects order by line") == [
        (2, "not a JSON object"),
        (3, "not a JSON object"),
        (4, "expected a number such as 1234.5"),
    ]


def test_parquet_keeps_types_and_writes_whole_numbers_as_ids(drop: Drop) -> None:
    drop.catalogue(LINES)
    buffer = io.BytesIO()
    pd.DataFrame(
        {
            "order": ["1", "2"],
            "qty": [2, -1],
            "price": [6.95, 2.1],
            "at": pd.to_datetime(["2026-07-01 12:00", None]),
            "customer": [13085.0, None],
        }
    ).to_parquet(buffer)
    drop.write("lines.parquet", buffer.getvalue())
    drop.load()
    assert drop.rows("select order_id, quantity, unit_price, customer_id, ordered_at from files.order_lines") == [
        ("1", Decimal(2), Decimal("6.95"), "13085", datetime(2026, 7, 1, 10, tzinfo=UTC))
    ]
    assert drop.rows("select line, reason from files._rejects") == [(2, "none of ordered_at has a value")]


def test_xlsx_is_read_with_its_dates_numbers_and_rows(drop: Drop) -> None:
    drop.catalogue(LINES + "  sheet: Orders\n  skip_lines: 1\n")
    buffer = io.BytesIO()
    frame = pd.DataFrame(
        {
            "order": [1, 2],
            "qty": [2.0, 1.0],
            "price": [9.5, "free"],
            "at": pd.to_datetime(["2026-07-01 12:00"] * 2),
            "customer": [7, None],
        }
    )
    with pd.ExcelWriter(buffer) as book:
        pd.DataFrame({"x": [1]}).to_excel(book, sheet_name="Other")
        frame.to_excel(book, sheet_name="Orders", index=False, startrow=1)
    drop.write("lines.xlsx", buffer.getvalue())
    drop.load()
    assert drop.rows("select order_id, unit_price, customer_id, _line from files.order_lines") == [
        ("1", Decimal("9.5"), "7", 3)
    ]
    assert drop.rows('select line, "column", value from files._rejects') == [(4, "price", "free")]


def test_gzip_and_tsv_are_read_by_their_endings(drop: Drop) -> None:
    drop.catalogue(LINES)
    drop.write("lines.tsv.gz", gzip.compress(b"order\tqty\tprice\tat\tcustomer\n1\t1\t2\t2026-01-01\t\n"))
    assert drop.load().rows["order_lines"] == 1


def test_a_wide_table_is_unpivoted_and_its_empty_cells_counted(drop: Drop) -> None:
    drop.catalogue("""\
        rates:
          entity: exchange_rates
          location: r.csv
          null_values: ["N/A"]
          max_reject_share: 1
          unpivot: {keep: [Date], name_to: currency, value_to: rate}
          key: [date, base_currency, quote_currency]
          columns: {date: Date, base_currency: {value: EUR}, quote_currency: currency, rate: rate}
        """)
    drop.write("r.csv", "Date,USD,NOK,\n2026-01-02,1.1,11.5,\n2026-01-03,N/A,oops,\n")
    drop.load()
    assert drop.rows("select quote_currency, rate from files.exchange_rates order by 1") == [
        ("NOK", Decimal("11.5")),
        ("USD", Decimal("1.1")),
    ]
    assert drop.rows("select n_rows, n_loaded, n_rejected, n_null_skipped from files._files") == [(3, 2, 1, 1)]
    assert drop.rows('select line, "column", value from files._rejects') == [(3, "NOK", "oops")]


RULES = "{column: order, match: [{pattern: '^C', value: cancellation}, {pattern: '^[0-9]', value: sale}]}"


def test_rules_give_values_by_pattern_and_reject_what_none_finds(drop: Drop) -> None:
    drop.catalogue(LINES.replace("order_id: order,", f"order_id: order, order_type: {RULES},"))
    drop.write("lines.csv", "order,qty,price,at,customer\nC1,-1,1,2026-01-01,\n2,1,1,2026-01-01,\nX3,1,1,2026-01-01,\n")
    drop.load()
    assert drop.rows("select order_type from files.order_lines order by order_id") == [("sale",), ("cancellation",)]
    assert drop.rows("select value, reason from files._rejects") == [
        ("X3", "expected a value that one of the rules under `match` finds")
    ]


def test_a_value_under_no_header_is_rejected_not_lost(drop: Drop) -> None:
    drop.catalogue(COSTS)
    drop.write("costs.csv", "Dato;Type;Sum;\n31.12.2026;a;1;\n31.12.2026;b;1;stray\n")
    drop.load()
    assert drop.rows("select line, reason from files._rejects") == [(3, "a value in a column without a header")]


BAD_FILES = [
    ("an empty file", "costs.csv", b"", "the file is empty (0 bytes)"),
    ("a file of blank lines", "costs.csv", b"\n\n", "no header in the first line"),
    ("bytes that are not UTF-8", "costs.csv", "Dato;Type;Sum\n31.12.2026;Rådgivning;1\n".encode("windows-1252"),
     "not utf-8 at line 2 (byte 0xe5); set `encoding` to what the file is, often windows-1252"),
    ("a header without a mapped column", "costs.csv", b"Dato;Typ;Sum\n31.12.2026;a;1\n",
     "the header has no column 'Type'; the nearest is 'Typ'"),
    ("a header that names a column twice", "costs.csv", b"Dato;Type;Sum;Sum\n31.12.2026;a;1;1\n", "the header names 'Sum' twice"),
    ("a truncated gzip", "costs.csv.gz", gzip.compress(b"Dato;Type;Sum\n" + b"31.12.2026;a;1\n" * 500)[:40],
     "the gzip is cut off; copy the file again"),
    ("no gzip at all", "costs.csv.gz", b"Dato;Type;Sum\n", "not a readable gzip"),
    ("a Parquet file of 0 bytes", "costs.parquet", b"", "the file is empty (0 bytes)"),
    ("a broken Parquet file", "costs.parquet", b"PAR1 but no more", "not a readable Parquet file"),
    ("a workbook that is none", "costs.xlsx", b"PK but no more", "not a readable XLSX workbook"),
    ("an unknown format", "costs.docx", b"x", "unknown format .docx; expected one of csv, tsv, ndjson, parquet, xlsx"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "name", "content", "message"), BAD_FILES, ids=[b[0] for b in BAD_FILES])
def test_a_file_that_cannot_be_used_says_why(drop: Drop, what: str, name: str, content: bytes, message: str) -> None:
    drop.catalogue(COSTS.replace("costs.csv", "costs.*"))
    drop.write(name, content)
    report = drop.load()
    assert report.status == "failed"
    assert f"{name}: " in report.message
    assert message in report.message


def test_a_utf8_file_declared_windows_1252_is_refused(drop: Drop) -> None:
    drop.catalogue(COSTS + "  encoding: windows-1252\n")
    drop.write("costs.csv", "Dato;Type;Sum\n31.12.2026;Rådgivning;1\n")
    assert "the catalogue says windows-1252, but the file is UTF-8; set `encoding: utf-8`" in drop.load().message


def test_a_workbook_with_a_password_is_refused(drop: Drop) -> None:
    from msoffcrypto.format.ooxml import OOXMLFile

    plain, locked = io.BytesIO(), io.BytesIO()
    pd.DataFrame({"Dato": [1]}).to_excel(plain, index=False)
    plain.seek(0)
    OOXMLFile(plain).encrypt("secret", locked)
    drop.catalogue(COSTS.replace("costs.csv", "costs.xlsx"))
    drop.write("costs.xlsx", locked.getvalue())
    assert "costs.xlsx: the workbook is protected by a password; save it without one" in drop.load().message


def test_a_sheet_that_is_not_there_is_named(drop: Drop) -> None:
    buffer = io.BytesIO()
    pd.DataFrame({"Dato": [1]}).to_excel(buffer, index=False, sheet_name="Ark1")
    drop.catalogue(COSTS.replace("costs.csv", "costs.xlsx") + "  sheet: Kostnader\n")
    drop.write("costs.xlsx", buffer.getvalue())
    assert "no sheet 'Kostnader'; the workbook has Ark1" in drop.load().message


def test_a_location_without_any_file_is_said(drop: Drop) -> None:
    drop.catalogue(COSTS)
    assert "costs: costs.csv: no file there yet" in drop.load().message
