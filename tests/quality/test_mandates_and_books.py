"""The suites of dim_mandate and rpt_accounting_reconciliation: green on sound rows, red by planted faults."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ingestion.settings import Settings
from tests.quality import test_plan

SOUND = {
    "dim_mandate": {
        "mandate_key": "'m' || range", "subject": "'goal'", "subject_id": "'g' || range", "subject_name": "'More'", "owner": "'Ada'",
        "mandate_id": "'B1'", "decision": "'all'", "decided_by": "'Bo'", "limit_amount": "10", "currency": "'NOK'",
        "mandate_basis": "'own'",
    },
    "rpt_accounting_reconciliation": {
        "reconciliation_key": "'r' || range", "month_start": "date '2026-10-01'", "figure": "'revenue'", "stream": "'orders'",
        "accounting_amount": "90", "system_amount": "100", "difference": "-10", "explanation": "'cut-off'",
        "explained_amount": "-10", "unexplained_amount": "0",
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("mart", "over", "check", "severity"),
    [
        ("dim_mandate", {}, "", ""),
        ("dim_mandate", {"mandate_key": "'m0'"}, "mandate_key_unique", "critical"),
        ("dim_mandate", {"owner": "null"}, "owner_known", "critical"),
        ("dim_mandate", {"subject": "'report'"}, "subject_in_set", "critical"),
        ("dim_mandate", {"decided_by": "null"}, "basis_agrees_with_the_mandate", "critical"),
        ("dim_mandate", {"mandate_basis": "'none'"}, "basis_agrees_with_the_mandate", "critical"),
        ("dim_mandate", {"currency": "null"}, "limits_have_a_currency", "critical"),
        ("dim_mandate", {"owner": "'ada@firma.no'"}, "no_addresses", "critical"),
        ("rpt_accounting_reconciliation", {}, "", ""),
        ("rpt_accounting_reconciliation", {"reconciliation_key": "'r0'"}, "reconciliation_key_unique", "critical"),
        ("rpt_accounting_reconciliation", {"system_unknown_reason": "'why'"}, "unknown_sides_have_a_reason", "critical"),
        ("rpt_accounting_reconciliation", {"explained_amount": "-9"}, "differences_add_up", "critical"),
        ("rpt_accounting_reconciliation", {"difference": "-9"}, "differences_add_up", "critical"),
        ("rpt_accounting_reconciliation", {"explanation": "'unknown'"}, "unknown_is_not_explained", "critical"),
        ("rpt_accounting_reconciliation", {"explanation": "'unexplained'"}, "books_and_systems_agree", "warning"),
    ],
)  # fmt: skip
def test_faults_are_seen(
    settings: Settings,
    warehouse: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
    mart: str,
    over: dict[str, str],
    check: str,
    severity: str,
) -> None:
    monkeypatch.setitem(test_plan.SOUND, mart, SOUND[mart])
    assert test_plan.red(settings, warehouse, mart, **over) == ({check: severity} if check else {})
