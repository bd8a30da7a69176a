"""The simulated company's books against its orders and deals, in the published mart: what differs on purpose, and nothing else."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import duckdb
import pytest

from tests.acceptance.conftest import Undisturbed

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_the_ends_of_quarters_are_cut_offs_and_deals_without_amount_are_said(undisturbed: Undisturbed) -> None:
    with duckdb.connect(str(undisturbed.marts), read_only=True) as con:
        rows = con.execute(
            """select figure, stream, month_start, explanation, n_unknown_records, unexplained_amount, difference
               from rpt_accounting_reconciliation where stream <> 'all' and month_start >= '2026-06-01' order by all"""
        ).fetchall()
    shop = {(figure, month): said for figure, stream, month, said, *_ in rows if stream == "orders"}
    wanted = {6: "cut-off", 7: "cut-off", 8: "agrees", 9: "cut-off", 10: "cut-off"}
    for figure in ("revenue", "cost_of_goods", "margin"):
        assert {m: shop[figure, date(2026, m, 1)] for m in wanted} == wanted
    assert sum(r[6] for r in rows if r[1] == "orders" and r[6] is not None and r[0] == "revenue") == pytest.approx(
        Decimal(0), abs=1
    )
    deals = [r for r in rows if r[1] == "deals" and r[6] is not None]
    assert deals
    for _, _, month, said, n_unknown, unexplained, difference in deals:
        assert said == ("records without a value" if n_unknown else "agrees"), month
        assert (unexplained > 0) == (n_unknown > 0)
        assert unexplained == difference
