"""Suites as data: what is refused and how, and that suites and marts are the same."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
import yaml

from ingestion.registry import all_specs
from quality.suites import EXPECTATIONS, SUITES_DIR, SuiteError, load_suites, read_suite

MARTS = Path(__file__).resolve().parents[2] / "dbt_project" / "models" / "marts"
SOUND = """
suite: mart_fct_sale
relation: marts.fct_sale
description: a mart made up for a test
owner: nobody
key: [sale_key]
checks:
  - id: key_known
    expectation: column_values_to_not_be_null
    args: {column: sale_key}
    severity: critical
    reason: readers join on it
"""


def refused(tmp_path: Path, text: str, name: str = "mart_fct_sale.yml") -> str:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SuiteError) as caught:
        read_suite(path)
    return str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "severity: critical",
            "severity: fatal",
            "mart_fct_sale.yml: check 'key_known': key 'severity': Input should be 'critical' or 'warning'; came 'fatal'",
        ),
        ("    severity: critical\n", "", "mart_fct_sale.yml: check 'key_known': key 'severity': is missing"),
        ("    reason: readers join on it\n", "", "check 'key_known': key 'reason': is missing"),
        ("reason: readers join on it", "reason: so", "key 'reason': String should have at least 10 characters"),
        ("owner: nobody", "owner: nobody\ncolour: red", "mart_fct_sale.yml: key 'colour': is not a known key"),
        ("args:", "arguments:", "check 'key_known': key 'arguments': is not a known key"),
        (
            "column_values_to_not_be_null",
            "column_values_to_be_nice",
            "check 'key_known': key 'expectation': unknown expectation 'column_values_to_be_nice'; known are column_max",
        ),
        (
            "{column: sale_key}",
            "{}",
            "check 'key_known': args lacks 'column', which column_values_to_not_be_null needs",
        ),
        (
            "{column: sale_key}",
            "{column: sale_key, colunm: x}",
            "check 'key_known': args has 'colunm', which column_values_to_not_be_null does not take",
        ),
        ("key: [sale_key]", "key: []", "key 'key': Tuple should have at least 1 item"),
        ("suite: mart_fct_sale", "suite: mart_fct_sales", "suite is 'mart_fct_sales'; expected 'mart_fct_sale'"),
        ("relation: marts.fct_sale", "relation: fct_sale", "key 'relation'"),
        ("id: key_known", "id: Key Known", "key 'id'"),
        (
            "owner: nobody",
            "owner: nobody\nowner: somebody",
            "mart_fct_sale.yml: no valid YAML: key 'owner' is given twice",
        ),
        ("key: [sale_key]", "key: [sale_key", "mart_fct_sale.yml: no valid YAML"),
    ],
)
def test_a_suite_that_cannot_be_is_refused_by_file_check_and_key(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    assert old in SOUND
    assert message in refused(tmp_path, SOUND.replace(old, new, 1))


def check(expectation: str, args: str) -> str:
    text = SOUND.replace("column_values_to_not_be_null", expectation)
    return text.replace("{column: sale_key}", args)


@pytest.mark.parametrize(
    ("expectation", "args", "message"),
    [
        (
            "column_values_to_be_between",
            "{column: a}",
            "args needs max_value or min_value, else the check can never fail",
        ),
        ("unexpected_rows", "{sql: select 1}", "args.sql does not select from {batch}"),
        ("unexpected_rows", "{sql: 'select {today} from {batch}'}", "args.sql has {today}; known placeholders"),
        ("unexpected_rows", "{sql: 'select { from {batch}'}", "write a literal brace twice"),
        ("row_count_within_history", "{nights: 28, min_nights: 7}", "args needs max_share or min_share"),
        ("columns_match_spec", "{}", "columns_match_spec is for contracts"),
        ("row_key_unique", "{}", "row_key_unique is for contracts"),
    ],
)
def test_arguments_that_cannot_be_are_refused(tmp_path: Path, expectation: str, args: str, message: str) -> None:
    assert message in refused(tmp_path, check(expectation, args))


def test_two_checks_of_one_id_are_refused(tmp_path: Path) -> None:
    twice = SOUND + SOUND.split("checks:\n")[1]
    assert refused(tmp_path, twice) == "mart_fct_sale.yml: check id 'key_known' is used twice"


def test_a_fault_is_traced_one_way(tmp_path: Path) -> None:
    both = SOUND + "    source: files\n    source_column: source_name\n"
    assert "a fault is traced one way" in refused(tmp_path, both)


def test_a_file_is_named_after_what_it_checks(tmp_path: Path) -> None:
    assert "file's name is 'mart_fct_other'" in refused(tmp_path, SOUND, "mart_fct_other.yml")


def test_a_text_is_no_suite(tmp_path: Path) -> None:
    assert "expected a mapping" in refused(tmp_path, "just a text")


def test_suites_are_the_published_marts() -> None:
    assert set(load_suites().marts) == {p.stem for p in MARTS.rglob("*.sql")}


def test_contracts_are_the_kinds_of_the_registered_sources() -> None:
    assert set(load_suites().contracts) == {s.kind for s in all_specs()}


def test_every_mart_names_its_columns_as_dbt_does() -> None:
    documented = {
        model["name"]: [c["name"] for c in model.get("columns", [])]
        for path in MARTS.rglob("*.yml")
        for model in (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("models", [])
    }
    suites = load_suites().marts
    checked = {
        name: next(list(c.args["column_set"]) for c in suite.checks if c.expectation == "table_columns_to_match_set")
        for name, suite in suites.items()
    }
    assert {n: sorted(c) for n, c in checked.items()} == {n: sorted(c) for n, c in documented.items()}


def test_every_mart_has_a_key_that_is_checked_unique() -> None:
    for suite in load_suites().marts.values():
        unique = [
            c
            for c in suite.checks
            if c.expectation in ("column_values_to_be_unique", "compound_columns_to_be_unique")
            and c.severity == "critical"
        ]
        assert unique, suite.suite


def test_both_borders_together_hold_every_kind_of_check() -> None:
    marts = load_suites().marts
    used = {c.expectation for suite in marts.values() for c in suite.checks}
    assert {"table_columns_to_match_set", "row_count_within_history", "column_values_to_be_between"} <= used
    assert any(c.id == "not_stale" and c.source_column for c in marts["rpt_source_status"].checks)
    assert any(c.id == "raw_reaches_marts" for c in marts["rpt_reconciliation"].checks)


def test_every_expectation_exists_in_great_expectations() -> None:
    from quality.engine import great_expectations

    there = dir(great_expectations().expectations)
    assert [k.ge_class for k in EXPECTATIONS.values() if k.ge_class and k.ge_class not in there] == []


def test_the_folder_holds_suites_only() -> None:
    assert {p.suffix for p in SUITES_DIR.iterdir()} == {".yml"}


def test_every_check_of_the_house_can_be_built() -> None:
    from quality.build import Facts, plan

    suites, night = load_suites(), date(2026, 11, 1)
    for mart in suites.marts.values():
        assert len(plan(mart.checks, Facts(night, history=[100] * 28))) == len(mart.checks)
    for spec in all_specs():
        for table in spec.tables:
            checks = suites.contracts[spec.kind].checks_of(table.name)
            assert len(plan(checks, Facts(night, spec=table))) == len(checks)
