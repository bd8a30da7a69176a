"""The plan's marts on a night of the simulated company against what its books, its files and the workbook say (plan_truth.py)."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest

from ingestion.sandbox.drop_folder import make_drop_folder
from ingestion.sandbox.plan import write_example
from ingestion.sandbox.store import World
from ingestion.settings import PROJECT_DIR
from tests.acceptance.nights import Warehouse
from tests.acceptance.plan_truth import Truth
from tests.sandbox import SEED, serving

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

BEGAN, AS_OF = date(2025, 1, 1), date(2026, 11, 22)  # old enough for last year's baselines and season
NOT_READ = ("GA4", "SEARCH_CONSOLE", "MAILCHIMP")  # no goal of the example is measured there
# beside the example's, so that every status is seen: reached by the forecast, by its interval alone, begun too late, not begun
MORE_GOALS = (
    ("T1", "Net revenue", 6_800_000, date(2026, 1, 1), date(2026, 12, 31), "Webshop"),
    ("T2", "Net revenue", 7_600_000, date(2026, 1, 1), date(2026, 12, 31), "Webshop"),
    ("T3", "Leads", 50, date(2026, 11, 2), date(2026, 12, 31), "CRM"),
    ("T4", "Leads", 50, date(2026, 12, 1), date(2026, 12, 31), "CRM"),
)
STATUSES = {"achieved", "on track", "at risk", "off track", "not measurable yet"}


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> tuple[Warehouse, Truth]:
    """A company of two years, its example plan, and a good night on both."""
    folder = tmp_path_factory.mktemp("plan")
    company = folder / "company"
    World.create_or_extend(company, "tiny", SEED, BEGAN + timedelta(days=19))
    world = World.create_or_extend(company, "tiny", SEED, AS_OF - timedelta(days=1))
    assert world.start_date == BEGAN
    make_drop_folder(folder / "drop", AS_OF, world)
    write_example(folder / "plan.xlsx", world, AS_OF, "en")
    change(folder / "plan.xlsx", add_goals)
    with serving(company, AS_OF) as sandbox:
        own = {k: v for k, v in sandbox.environment().items() if not any(name in k for name in NOT_READ)}
        own["SOURCES__PLAN__FILE"] = str(folder / "plan.xlsx")
        house = Warehouse(folder / "data", folder / "drop" / "catalogue.yml", AS_OF, own)
        run = house.start()  # two years to load take longer than other nights may
        said, _ = run.communicate(timeout=800)
        assert run.returncode == 0, said
    return house, Truth(World.open(company), folder / "plan.xlsx", folder / "drop", AS_OF)


def change(workbook: Path, edit: Callable[[Any], object]) -> None:
    book = openpyxl.load_workbook(workbook)
    edit(book)
    book.save(workbook)


def column(sheet: Any, header: str) -> int:
    return 1 + [c.value for c in sheet[1]].index(header)


def row_of(sheet: Any, **values: object) -> int:
    """The one row whose cells under these headers hold these values."""
    (row,) = (
        r
        for r in range(2, sheet.max_row + 1)
        if all(sheet.cell(r, column(sheet, h)).value == v for h, v in values.items())
    )
    return int(row)


def add_goals(book: Any) -> None:
    sheet = book["Goals"]
    row = row_of(sheet, **{"Goal id": "M7"})
    for goal, kpi, target, start, due, measured_in in MORE_GOALS:
        row += 1
        told = {"Goal id": goal, "Level": "Business", "Goal": goal, "KPI": kpi, "Target": target, "Start": start, "Due": due,
                "Measured in": measured_in, "Owner": "Head of marketing"}  # fmt: skip
        for header, value in told.items():
            sheet.cell(row, column(sheet, header)).value = value


def near(found: Any, wanted: Any, off: float = 0.01) -> bool:
    """Equal to the cent; numbers that are forecast or divided by what they are: `off` is wider then."""
    if found is None or wanted is None:
        return found is None and wanted is None
    return abs(float(found) - float(wanted)) <= off


def test_costs_agree_with_ledger_and_books_to_the_cent_and_belong_to_their_activities(
    night: tuple[Warehouse, Truth],
) -> None:
    house, truth = night
    wanted: dict[tuple[Any, ...], Decimal] = {}
    for c in truth.costs:
        at = (c.day.replace(day=1), c.activity, c.channel, c.stage, c.category)
        wanted[at] = wanted.get(at, Decimal(0)) + (c.value or 0)
    found = {
        tuple(r[:5]): r[5]
        for r in house.rows(
            "select month_start, activity_id, channel_key, stage, category, sum(amount_reporting) from fct_cost group by all"
        )
    }
    wrong = {
        k: (found.get(k), wanted.get(k))
        for k in found.keys() | wanted.keys()
        if not near(found.get(k, 0), wanted.get(k, 0))
    }
    assert not wrong, f"{len(wrong)} of {len(wanted)}, such as {sorted(wrong.items(), key=str)[:5]}"
    # the ledger, booked while it happened, knows no campaign: in all it is the same money
    ledger = sum(
        (
            truth.in_kroner(Decimal(micros).scaleb(-6), currency, day)
            for currency, day, micros in truth.ask(
                f"""select currency, l.date, sum(cost_micros)::bigint
                    from truth.ledger_daily as l join world.ad_accounts using (platform, account_id)
                    where posted_date <= '{AS_OF}' and l.date < '{AS_OF}' group by all"""
            )
        ),
        Decimal(0),
    )  # fmt: skip
    (media,) = house.one(
        "select sum(amount_reporting) from fct_cost where category = 'media' and source_name <> 'files'"
    )
    assert near(media, ledger), (media, ledger)
    (other,) = house.one("select sum(amount_reporting) from fct_cost where category <> 'media'")
    assert near(
        other, Decimal(truth.ask(f"select sum(amount_ore) from world.other_costs where date < '{AS_OF}'")[0][0]) / 100
    )
    assert house.one("select count(*) from fct_cost where unknown_reason is not null") == (0,)


def test_budgets_pace_and_end_as_workbook_and_books_say(night: tuple[Warehouse, Truth]) -> None:
    house, truth = night
    wanted = truth.pacing()
    found = {
        (r[0], r[1], r[2], r[3]): dict(
            zip(("planned", "cap", "actual", "expected", "projected", "status"), r[4:], strict=True)
        )
        for r in house.rows(
            """select grain, period_start, scope, scope_value, planned, cap, actual, expected_to_date, projected, status
               from rpt_budget_pacing"""
        )
    }
    assert found.keys() == wanted.keys()
    wrong = {
        (k, name): (row[name], wanted[k][name])
        for k, row in found.items()
        for name in row
        if not (row[name] == wanted[k][name] if name == "status" else near(row[name], wanted[k][name]))
    }
    assert not wrong, f"{len(wrong)}, such as {sorted(wrong.items(), key=str)[:5]}"
    assert len({row["status"] for row in wanted.values()}) >= 6, "the night shows too few statuses to tell"
    (planned,) = house.one(
        "select planned from rpt_budget_pacing where grain = 'year' and scope = 'total' and period_start = '2026-01-01'"
    )
    assert planned == sum(line["amount"] for line in truth.budget if line["month"].year == 2026)


def test_every_goal_stands_where_books_and_workbook_put_it(night: tuple[Warehouse, Truth]) -> None:
    house, truth = night
    wanted = truth.goals()
    names = ("target", "actual", "measured_baseline", "expected", "forecast", "low", "high", "condition", "limit")
    told = ("to", "met", "final", "status", "basis")
    found = {
        r[0]: dict(zip((*names, *told), r[1:], strict=True))
        for r in house.rows(
            """select goal_id, target, actual, measured_baseline, expected_to_date, forecast, forecast_low, forecast_high, condition_actual,
                   condition_limit, measured_to_date, is_condition_met, is_final, status, expected_basis from rpt_goal_progress"""
        )
    }
    assert found.keys() == wanted.keys()

    def same(goal: str, name: str) -> bool:
        is_, want = found[goal][name], wanted[goal][name]
        return near(is_, want, max(0.01, 1e-5 * float(want or 0))) if name in names else is_ == want

    wrong = {
        (goal, name): (row[name], wanted[goal][name])
        for goal, row in found.items()
        for name in row
        if not same(goal, name)
    }
    assert not wrong, "\n".join(map(str, sorted(wrong.items())))
    assert {row["basis"] for row in wanted.values() if row["basis"]} == {
        "the target itself", "the whole period", "season of the year before", "even by days",
    }  # fmt: skip
    assert {row["status"] for row in wanted.values()} == STATUSES


def test_activities_priorities_and_the_split_agree(night: tuple[Warehouse, Truth]) -> None:
    house, truth = night
    wanted = truth.outcomes()
    found = {
        r[0]: r[1:]
        for r in house.rows("select activity_id, cost_reporting, outcome_value, share_of_expected from rpt_activity")
    }
    assert found.keys() == wanted.keys()
    wrong = {
        a: (row, wanted[a])
        for a, row in found.items()
        if not (
            near(row[0], wanted[a]["cost"])
            and near(row[1], wanted[a]["outcome"])
            and near(row[2], wanted[a]["share"], 1e-6)
        )
    }
    assert not wrong, wrong

    ranks = {
        r[0]: r[1:]
        for r in house.rows(
            """select activity_id, ice_score, ice_rank, compared_ice_rank, compared_outcome_rank, not_compared_reason from rpt_priorities"""
        )
    }
    open_ones = {a: r["ice"] for a, r in wanted.items() if r["open"]}
    # the company began after them, so what they gave before is in no data
    early = {a for a in wanted if truth.activities[a]["Start"] < BEGAN}
    ended = {a: r for a, r in wanted.items() if r["ended"] and r["share"] is not None and a not in early}
    for a, (ice, rank, by_ice, by_outcome, reason) in ranks.items():
        assert ice == wanted[a]["ice"], a
        assert rank == (1 + sum(other > ice for other in open_ones.values()) if a in open_ones else None), a
        assert (reason is None) == (a in ended), (a, reason)
        if a in ended:
            assert by_ice == 1 + sum(r["ice"] > ice for r in ended.values()), a
            assert by_outcome == 1 + sum(r["share"] > wanted[a]["share"] for r in ended.values()), a

    split = {
        r[0]: r[1:]
        for r in house.rows(
            "select investment_class, planned, actual, n_activities, planned_share, actual_share, activity_share from rpt_investment_split"
        )
    }
    meant = truth.split()
    assert split.keys() == meant.keys()
    sums = {name: sum(row[name] for row in meant.values()) for name in ("planned", "actual", "n")}
    for c, row in split.items():
        want = meant[c]
        assert near(row[0], want["planned"]), c
        assert near(row[1], want["actual"]), c
        assert row[2] == want["n"], c
        shares = [float(want[name]) / float(sums[name]) for name in ("planned", "actual", "n")]
        assert [near(found, share, 1e-5) for found, share in zip(row[3:], shares, strict=True)] == [True] * 3, c


def test_the_front_page_leads_to_its_rows_by_the_queries_of_the_docs(night: tuple[Warehouse, Truth]) -> None:
    house, truth = night
    page = (PROJECT_DIR / "docs" / "metrics.md").read_text("utf-8")
    queries = dict(re.findall(r"^\| `(\w+)` \| `(select .+?)` \|$", page, re.MULTILINE))
    figures = house.rows(
        """select figure, first_date, to_date, last_month_first_date, last_month_to_date, numerator_measure, denominator_measure, numerator,
               denominator, last_month_value from rpt_overview where figure_type = 'kpi' and value is not null"""
    )

    def sum_of(measure: str, first: date, last: date) -> float:
        return float(
            house.one(queries[measure].replace(":first", f"date '{first}'").replace(":last", f"date '{last}'"))[0] or 0
        )

    assert {f[0] for f in figures} >= {
        "marketing_cost", "media_cost", "leads", "cpl_loaded", "cpl_media", "qualified_leads", "cost_per_qualified_lead", "new_customers",
        "cac", "opportunity_value", "won_deal_value", "net_revenue",
    }  # fmt: skip
    assert set(queries) == {m for f in figures for m in f[5:7] if m}
    for figure, first, last, before, before_last, top, bottom, numerator, denominator, last_month in figures:
        assert near(numerator, sum_of(top, first, last)), figure
        below = sum_of(bottom, before, before_last) if bottom else 1
        if bottom:
            assert near(denominator, sum_of(bottom, first, last)), figure
        assert near(last_month, sum_of(top, before, before_last) / below if below else None), figure
        # and the rows are what the books hold
        if top in truth.records:
            assert near(numerator, sum(r.value or 0 for r in truth.read(top, first, last, None, None))), figure


@pytest.mark.parametrize(
    ("fault", "check"),
    [
        (
            "update fct_cost set amount_reporting = amount_reporting + 0.02 where cost_key = (select min(cost_key) from fct_cost)",
            test_costs_agree_with_ledger_and_books_to_the_cent_and_belong_to_their_activities,
        ),
        (
            "update fct_cost set activity_id = 'A02' where activity_id = 'A01'",
            test_costs_agree_with_ledger_and_books_to_the_cent_and_belong_to_their_activities,
        ),
        (
            "update rpt_budget_pacing set projected = projected + 1 where period_start = '2026-11-01' and scope = 'total'",
            test_budgets_pace_and_end_as_workbook_and_books_say,
        ),
        (
            "update rpt_goal_progress set status = 'on track' where goal_id = 'T2'",
            test_every_goal_stands_where_books_and_workbook_put_it,
        ),
        (
            "update rpt_goal_progress set actual = actual + 1 where goal_id = 'M3'",
            test_every_goal_stands_where_books_and_workbook_put_it,
        ),
        ("update rpt_priorities set ice_rank = ice_rank + 1", test_activities_priorities_and_the_split_agree),
        (
            "update rpt_overview set numerator = numerator + 1 where figure = 'leads'",
            test_the_front_page_leads_to_its_rows_by_the_queries_of_the_docs,
        ),
    ],
)
def test_a_planted_fault_is_seen(
    night: tuple[Warehouse, Truth], tmp_path: Path, fault: str, check: Callable[[tuple[Warehouse, Truth]], None]
) -> None:
    house, truth = night
    spoiled = replace(house, data_dir=tmp_path)
    spoiled.published.mkdir()
    shutil.copyfile(house.published / "marts.duckdb", spoiled.published / "marts.duckdb")
    with duckdb.connect(str(spoiled.published / "marts.duckdb")) as con:
        con.execute(fault)
    with pytest.raises(AssertionError):
        check((spoiled, truth))


def test_a_plan_changed_twice_in_a_day_explains_the_report_of_the_day_before(
    tmp_path: Path, tiny_company: Path
) -> None:
    workbook = tmp_path / "plan.xlsx"
    write_example(workbook, World.open(tiny_company), AS_OF, "en")
    own = {"SOURCES__PLAN__FILE": str(workbook)}
    house = Warehouse(tmp_path / "data", tmp_path / "no-drop" / "catalogue.yml", AS_OF, own)
    planned = "select planned from rpt_budget_pacing where grain = 'month' and period_start = '2026-12-01' and scope = 'total'"
    due = "select due_date from rpt_goal_progress where goal_id = 'M2'"
    house.green()
    before, due_before = house.one(planned)[0], house.one(due)[0]
    line = {"Activity": "A02", "Month": datetime(2026, 12, 1), "Category": "Media"}
    (was,) = house.one("select amount from fct_budget_line where activity_id = 'A02' and month_start = '2026-12-01'")

    def cut(to: int, why: str) -> Callable[[Any], None]:
        def edit(book: Any) -> None:
            sheet = book["Budget"]
            row = row_of(sheet, **line)
            sheet.cell(row, column(sheet, "Amount")).value = to
            sheet.cell(row, column(sheet, "Cap")).value = None
            sheet.cell(row, column(sheet, "Reason for change")).value = why

        return edit

    def move(book: Any) -> None:
        sheet = book["Goals"]
        row = row_of(sheet, **{"Goal id": "M2"})
        sheet.cell(row, column(sheet, "Due")).value = date(2027, 3, 31)
        sheet.cell(row, column(sheet, "Reason for change")).value = "two deals slip"

    tomorrow = replace(house, as_of=AS_OF + timedelta(days=1))
    change(workbook, cut(500, "less search"))
    code, said = tomorrow.run(
        command=[sys.executable, "-m", "ingestion", "load", "plan", "--as-of", str(tomorrow.as_of)]
    )
    assert code == 0, said
    change(workbook, cut(300, "and less again"))
    change(workbook, move)
    tomorrow.green()
    changes = house.rows(
        """select field, old_value, new_value, reason, is_commitment, plan_version from rpt_plan_changes
           where seen_date = '2026-11-23' and field in ('amount', 'due_date') order by plan_version, field"""
    )
    assert [(f, float(o), float(n), *r) for f, o, n, *r in changes if f == "amount"] == [
        ("amount", float(was), 500, "less search", True, 2),
        ("amount", 500, 300, "and less again", True, 3),
    ]
    assert [c for c in changes if c[0] == "due_date"] == [
        ("due_date", "2026-12-31", "2027-03-31", "two deals slip", True, 3)
    ]
    # today's figures less what changed are yesterday's
    assert due_before == date(2026, 12, 31)
    assert house.one(due) == (date(2027, 3, 31),)
    moved = sum(Decimal(new) - Decimal(old) for field, old, new, *_ in changes if field == "amount")
    assert house.one(planned)[0] - moved == before
    # and the report of the day before still stands as it was
    with duckdb.connect(
        str(house.published / "generations" / "000001_2026-11-22" / "marts.duckdb"), read_only=True
    ) as con:
        assert con.execute(planned).fetchall() == [(before,)]
