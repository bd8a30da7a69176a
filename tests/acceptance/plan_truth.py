"""What the plan's marts must say on a night, worked out in Python from the simulated company's tables, the files in its drop folder and
the workbook, by the rules of docs/plan.md. No tests here, and nothing of the warehouse: not its SQL, not its figures."""

from __future__ import annotations

import csv
import math
from bisect import bisect_right
from calendar import monthrange
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import openpyxl

from ingestion.sandbox.store import World

BAD_LEADS = ("L00060", "L00301")  # the files' unreadable rows
ORIGINS = {
    "paid search": "paid_search", "organic search": "organic_search", "social": "organic_social", "email": "email",
    "direct traffic": "direct", "referral": "referral", None: "missing",
}  # fmt: skip
CHANNELS = {
    "search": "paid_search", "shopping": "paid_shopping", "performance_max": "cross_network", "demand_gen": "cross_network",
    "display": "display", "video": "paid_video",
}  # fmt: skip
FACTS = {
    "net_revenue": "orders", "orders": "orders", "won_deal_value": "deals", "leads": "leads", "qualified_leads": "leads",
    "media_cost": "ads", "ad_clicks": "ads", "marketing_cost": "marketing_costs",
}  # fmt: skip
RATIOS = {
    "cpl_loaded": ("marketing_cost", "leads"), "roas": ("net_revenue", "media_cost"), "cost_per_click": ("media_cost", "ad_clicks"),
}  # fmt: skip
DOWN = ("cpl_loaded", "cost_per_click")
NAMES = {
    "Net revenue": "net_revenue", "Value of won deals": "won_deal_value", "Qualified leads": "qualified_leads", "Leads": "leads",
    "Orders": "orders", "Return on ad spend (blended)": "roas", "Cost per click": "cost_per_click", "Ad clicks": "ad_clicks",
    "Loaded cost per lead": "cpl_loaded",
}  # fmt: skip
Row = dict[str, Any]


@dataclass(frozen=True)
class Record:
    """One thing that happened or was paid: what it adds to its measure; None is an amount nobody knows."""

    day: date
    channel: str
    value: Decimal | None
    activity: str | None = None
    stage: str | None = None
    category: str | None = None


def key(text: str | None) -> str | None:
    """A name of the workbook's lists as the marts have it."""
    return None if text is None else text.lower().replace(" ", "_").replace("-", "_")


def end_of(month: date) -> date:
    return month.replace(day=monthrange(month.year, month.month)[1])


def year_before(day: date) -> date:
    return day.replace(year=day.year - 1)


class Truth:
    def __init__(self, world: World, workbook: Path, drop: Path, as_of: date) -> None:
        self.world, self.workbook, self.drop, self.as_of = world, workbook, drop, as_of
        self.con = world.con()
        self.con.execute("set timezone = 'Europe/Oslo'")
        self.now = f"timestamptz '{as_of} 00:00:00'"

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        return self.con.execute(query).fetchall()

    def sheet(self, name: str) -> list[Row]:
        header, *rows = openpyxl.load_workbook(self.workbook, data_only=True)[name].iter_rows(values_only=True)
        plain = ([v.date() if isinstance(v, datetime) else v for v in row] for row in rows)
        return [dict(zip(header, row, strict=True)) for row in plain if row[0] is not None or any(row)]

    @cached_property
    def activities(self) -> dict[str, Row]:
        return {r["Activity id"]: r for r in self.sheet("Activities")}

    @cached_property
    def budget(self) -> list[Row]:
        """Lines with what they leave to their activity."""
        found = []
        for r in self.sheet("Budget"):
            of = self.activities.get(r["Activity"], {})
            found.append(
                {
                    "month": r["Month"], "activity": r["Activity"], "channel": key(r["Channel"] or of.get("Channel")) or "unallocated",
                    "stage": key(r["Stage"] or of.get("Stage")), "category": key(r["Category"]),
                    "amount": Decimal(r["Amount"]), "cap": None if r["Cap"] is None else Decimal(r["Cap"]),
                }
            )  # fmt: skip
            assert r["Currency"] == "NOK"
        return found

    @cached_property
    def rates(self) -> dict[str, tuple[list[date], list[Decimal]]]:
        found: dict[str, tuple[list[date], list[Decimal]]] = defaultdict(lambda: ([], []))
        for currency, day, rate in self.ask(
            f"select currency, date, rate / unit from world.exchange_rates where date < '{self.as_of}' order by date"
        ):
            found[currency][0].append(day)
            found[currency][1].append(Decimal(str(rate)))
        return found

    def in_kroner(self, amount: Decimal, currency: str, day: date) -> Decimal:
        if currency == "NOK":
            return amount
        days, rates = self.rates[currency]
        return amount * rates[bisect_right(days, day) - 1]

    @cached_property
    def activity_of_campaign(self) -> dict[tuple[str, str], str]:
        """By the campaign in most of its ads' links, else by its own name."""
        by_tag = {
            tag.strip().lower(): activity
            for activity, r in self.activities.items()
            for tag in (r["UTM campaigns"] or "").split(",")
            if tag.strip()
        }
        tags: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        for platform, campaign, url in self.ask(
            f"""select platform, campaign_id, arg_max(final_url, valid_from) from world.ads
                where valid_from < '{self.as_of}' group by platform, account_id, campaign_id, ad_id"""
        ):
            tags[platform, campaign][parse_qs(urlsplit(url).query).get("utm_campaign", [""])[0].lower()] += 1
        names = self.ask(
            f"""select platform, campaign_id, arg_max(name, valid_from) from world.ad_campaigns
                where valid_from < '{self.as_of}' group by all"""
        )
        found: dict[tuple[str, str], str] = {}
        for platform, campaign, name in names:
            most = tags[platform, campaign].most_common(1)
            activity = by_tag.get(most[0][0] if most else "") or by_tag.get(name.lower())
            if activity:
                found[platform, campaign] = activity
        return found

    @cached_property
    def delivery(self) -> list[tuple[Record, int]]:
        """What the platforms' books say at the clock, by campaign and day, and the newspaper's account: (cost, clicks)."""
        currencies = dict(self.ask("select account_id, currency from world.ad_accounts"))
        types = {
            (p, c): (t, n)
            for p, c, t, n in self.ask(
                f"""select platform, campaign_id, arg_max(campaign_type, valid_from), arg_max(name, valid_from) from world.ad_campaigns
                    where valid_from < '{self.as_of}' group by all"""
            )
        }
        found = []
        for platform, account, campaign, day, micros, clicks in self.ask(
            f"""select platform, account_id, campaign_id, date, sum(cost_micros)::bigint, sum(clicks)::bigint
                from world.ad_delivery where posted_date <= '{self.as_of}' and date < '{self.as_of}' group by all"""
        ):
            activity = self.activity_of_campaign.get((platform, campaign))
            kind, name = types[platform, campaign]
            social = platform in ("meta_ads", "linkedin_ads", "tiktok_ads")
            stage = key(self.activities[activity]["Stage"]) if activity else name.split("_")[1]
            cost = self.in_kroner(Decimal(micros).scaleb(-6), currencies[account], day)
            channel = "paid_social" if social else CHANNELS[kind]
            found.append((Record(day, channel, cost, activity, stage, "media"), clicks))
        with (self.drop / "ads" / "newspaper.csv").open() as f:
            for r in csv.DictReader(f):
                record = Record(date.fromisoformat(r["Day"]), "display", Decimal(r["Cost"]), None, None, "media")
                found.append((record, int(r["Clicks"])))
        return found

    @cached_property
    def costs(self) -> list[Record]:
        other = self.ask(f"select date, category, amount_ore from world.other_costs where date < '{self.as_of}'")
        return [r for r, _ in self.delivery] + [
            Record(day, "unallocated", Decimal(ore) / 100, None, None, category) for day, category, ore in other
        ]

    @cached_property
    def records(self) -> dict[str, list[Record]]:
        """Every measure's records up to the night."""
        found: dict[str, list[Record]] = defaultdict(list)
        for lead, created, qualified, origin in self.ask(
            f"""select lead_id, created_at::date, case when qualified_at < {self.now} then qualified_at::date end, origin
                from world.leads where created_at < {self.now}"""
        ):
            if lead not in BAD_LEADS:
                found["leads"].append(Record(created, ORIGINS[origin], Decimal(1)))
                if qualified:
                    found["qualified_leads"].append(Record(qualified, ORIGINS[origin], Decimal(1)))
        for lead, closed, ore in self.ask(
            f"select lead_id, closed_at::date, amount_ore from world.deals where closed_at < {self.now} and is_won"
        ):
            found["won_deal_value"].append(Record(closed, "any", None if lead.endswith("7") else Decimal(ore) / 100))
        for day, ore, source, medium, is_sale in self.ask(
            f"""select ordered_at::date, amount_ore, source, medium, true from world.orders where ordered_at < {self.now}
                union all select refunded_at::date, -amount_ore, null, null, false from world.refunds where refunded_at < {self.now}"""
        ):
            channel = "email" if (source, medium) == ("newsletter", "email") else "any"
            found["net_revenue"].append(Record(day, channel, Decimal(ore) / 100 / Decimal("1.25")))
            if is_sale:
                found["orders"].append(Record(day, channel, Decimal(1)))
        for record, clicks in self.delivery:
            found["ad_clicks"].append(Record(record.day, record.channel, Decimal(clicks), record.activity))
        found["media_cost"] = [r for r, _ in self.delivery]
        found["marketing_cost"] = self.costs
        return found

    @cached_property
    def told(self) -> dict[str, tuple[date, date]]:
        """From and through which day each fact is told: what the night's files and platforms end with."""
        yesterday = self.as_of - timedelta(days=1)

        def newest(query: str) -> tuple[date, date]:
            ((first, last),) = self.ask(query)
            return first, last

        leads = newest(
            f"""select min(created_at)::date, max(greatest(created_at, coalesce(case when qualified_at < {self.now} then qualified_at end,
                created_at)))::date from world.leads where created_at < {self.now}"""
        )
        deals = newest(
            f"""select min(created_at)::date,
                    max(greatest(created_at, case when closed_at < {self.now} then closed_at else created_at end))::date
                from world.deals where created_at < {self.now}"""
        )
        orders = newest(
            f"""select min(moment)::date, max(moment)::date from (select ordered_at as moment from world.orders
                union all select refunded_at from world.refunds) where moment < {self.now}"""
        )
        ads = (self.world.start_date, yesterday)
        other = min(r.day for r in self.costs if r.category != "media"), min(self.as_of, end_of(self.as_of))
        return {
            "leads": leads, "deals": deals, "orders": orders, "ads": ads, "other_costs": other,
            "marketing_costs": (max(ads[0], other[0]), min(ads[1], other[1])),
        }  # fmt: skip

    # what did it cost, are we on budget?

    def cells(self) -> Iterator[Row]:
        """A cell of month x activity x channel x stage x category: planned, cap, actual, expected to date, projected."""
        planned: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
        spent: dict[tuple[Any, ...], Decimal] = defaultdict(Decimal)
        pace: dict[tuple[Any, ...], Decimal] = defaultdict(Decimal)
        for line in self.budget:
            planned[line["month"], line["activity"], line["channel"], line["stage"], line["category"]].append(line)
        told = {
            c: min(self.as_of, self.told["ads" if c == "media" else "other_costs"][1])
            for c in ("media", "tools", "content", "advisers")
        }
        for cost in self.costs:
            assert cost.value is not None
            spent[cost.day.replace(day=1), cost.activity, cost.channel, cost.stage, cost.category] += cost.value
            if cost.category == "media" and 0 <= (told["media"] - cost.day).days < 7:
                pace[cost.activity, cost.channel, cost.stage] += cost.value / 7
        rows = []
        for at in sorted(planned.keys() | spent.keys(), key=str):
            month, activity, channel, stage, category = at
            lines, actual, last = planned.get(at, []), spent.get(at, Decimal(0)), end_of(month)
            amount = sum((line["amount"] for line in lines), Decimal(0))
            n_days = (last - month).days + 1
            so_far = max(min((told[category] - month).days + 1, n_days), 0)
            ends = (self.activities[activity]["End"] if activity else None) or last
            capped = bool(lines) and all(line["cap"] for line in lines)
            rows.append(
                {
                    "month": month, "activity": activity, "channel": channel, "stage": stage, "category": category,
                    "planned": amount if lines else None, "cap": sum(line["cap"] for line in lines) if capped else None,
                    "actual": actual, "expected": amount * so_far / n_days, "left": max((min(last, ends) - told[category]).days, 0),
                    "pace": pace[activity, channel, stage], "told": told[category],
                }
            )  # fmt: skip
        for row in rows:
            row["projected"] = self.projected(row, rows)
            yield row

    def projected(self, row: Row, rows: list[Row]) -> Decimal:
        planned, actual = row["planned"] or Decimal(0), row["actual"]
        if row["month"] > self.as_of:
            return max(planned, Decimal(0))
        if row["category"] == "media":
            return actual + row["pace"] * row["left"]
        alike = [r for r in rows if (r["month"], r["category"]) == (row["month"], row["category"])]
        missing = [max((r["planned"] or Decimal(0)) - r["actual"], Decimal(0)) for r in alike]
        rest = max(sum(((r["planned"] or Decimal(0)) - r["actual"] for r in alike), Decimal(0)), Decimal(0))
        if end_of(row["month"]) <= row["told"] or not sum(missing):
            return actual
        return actual + rest * max(planned - actual, Decimal(0)) / sum(missing)

    def pacing(self) -> dict[tuple[str, date, str, str], Row]:
        """(grain, period, scope, member) -> planned, cap, actual, expected, projected, status."""
        groups: dict[tuple[str, date, str, str], list[Row]] = defaultdict(list)
        for cell in self.cells():
            sides = [cell["activity"] or "(none)", cell["channel"], cell["stage"] or "(none)", cell["category"]]
            scopes = dict(zip(("activity", "channel", "stage", "category"), sides, strict=True))
            for scope, member in {"total": "all", "line": " | ".join(sides), **scopes}.items():
                groups["month", cell["month"], scope, member].append(cell)
                groups["year", cell["month"].replace(month=1), scope, member].append(cell)
        return {at: self.judged(at[0], at[1], cells) for at, cells in groups.items()}

    def judged(self, grain: str, start: date, cells: list[Row]) -> Row:
        ends = end_of(start) if grain == "month" else date(start.year, 12, 31)
        is_planned, begun = any(c["planned"] is not None for c in cells), start <= self.as_of
        planned = sum((c["planned"] or Decimal(0) for c in cells), Decimal(0)) if is_planned else None
        cap = sum(c["cap"] for c in cells) if grain == "month" and all(c["cap"] for c in cells) else None
        actual = sum((c["actual"] for c in cells), Decimal(0)) if begun else None
        projected = sum((c["projected"] for c in cells), Decimal(0))
        if actual is None:
            status = "not begun"
        elif planned is None:
            status = "unplanned"
        elif cap is not None and actual > cap:
            status = "over cap"
        elif actual > planned * Decimal("1.1"):
            status = "over budget"
        elif projected > planned * Decimal("1.1"):
            status = "heading over"
        elif projected < planned * Decimal("0.9"):
            status = "under budget" if ends <= min(c["told"] for c in cells) else "heading under"
        else:
            status = "on budget"
        expected = sum((c["expected"] for c in cells), Decimal(0)) if is_planned else None
        return {
            "planned": planned,
            "cap": cap,
            "actual": actual,
            "expected": expected,
            "projected": projected,
            "status": status,
        }

    # are we reaching our goals?

    def read(
        self, measure: str, first: date, last: date, channels: Iterable[str] | None, activity: str | None
    ) -> list[Record]:
        return [
            r
            for r in self.records[measure]
            if first <= r.day <= last
            and (channels is None or r.channel in channels)
            and (activity is None or r.activity == activity)
        ]

    def figure(
        self, kpi: str, first: date, last: date, channels: Iterable[str] | None, activity: str | None
    ) -> float | None:
        """The KPI's value; None where its days lie before the data. Sums are of what is known."""
        parts = RATIOS.get(kpi, (kpi,))
        begin = max(self.told[FACTS[p]][0] for p in parts)
        if last < begin:
            return None
        sums = [
            sum(
                (r.value for r in self.read(p, max(first, begin), last, channels, activity) if r.value is not None),
                Decimal(0),
            )
            for p in parts
        ]
        return float(sums[0]) if len(sums) == 1 else float(sums[0] / sums[1]) if sums[1] else None

    def goals(self) -> dict[str, Row]:
        return {g["Goal id"]: self.goal(g) for g in self.sheet("Goals")}

    def goal(self, g: Row) -> Row:
        kpi, start, due = NAMES[g["KPI"]], g["Start"], g["Due"]
        parts, sign = RATIOS.get(kpi, (kpi,)), -1 if kpi in DOWN else 1
        if start > self.as_of:
            return self.unjudged(float(g["Target"]), None, min(self.told[FACTS[p]][1] for p in parts))
        channels = None if g["Channels"] is None else [str(key(c.strip())) for c in g["Channels"].split(",")]
        where = (channels, g["Activity"])
        first_data = max(self.told[FACTS[p]][0] for p in parts)
        to = min(self.as_of, due, *(self.told[FACTS[p]][1] for p in parts))
        actual = self.figure(kpi, start, to, *where)
        assert actual is not None
        assert (first_data - start).days < 7, "the company must be older than its goals"
        baseline, measured = g["Baseline"], None
        if g["Baseline from"]:
            measured = self.figure(kpi, g["Baseline from"], g["Baseline to"], *where)
        target = (
            float(g["Target"]) if g["Target"] is not None else float(baseline) * (100 + g["Target, change %"]) / 100
        )
        # pace
        total, left = (due - start).days + 1, max((due - to).days, 0)
        season = self.season(kpi, start, to, due, where) if kpi not in RATIOS else None
        share = 1.0 if to >= due else season or ((to - start).days + 1) / total
        is_over = to >= due
        basis = "the whole period" if is_over else "season of the year before" if season else "even by days"
        final = (
            is_over
            and self.as_of > due
            and (self.as_of - due).days >= {"net_revenue": 36, "cost_per_click": 3, "roas": 36}.get(kpi, 0)
        )
        begin = max(start, first_data)
        if (to - begin).days + 1 < 28:
            return self.unjudged(target, actual, to) | {"expected": target * share, "basis": basis}
        forecast = actual if is_over or kpi in RATIOS else actual / share
        half = 0.0 if is_over else self.half_width(parts, begin, to, left, where, forecast, actual)
        low = max(forecast - half, actual) if kpi in ("leads", "qualified_leads", "orders") else forecast - half
        high = forecast + half
        # condition
        met, limit, condition = None, None, None
        if g["Condition: KPI"]:
            other = NAMES[g["Condition: KPI"]]
            condition = self.figure(other, start, min(due, *(self.told[FACTS[p]][1] for p in RATIOS[other])), *where)
            limit = float(g["Condition: baseline"]) * (100 + g["Condition: change %"]) / 100
            assert g["Condition: limit"] == "below"
            met = condition is not None and condition < limit
        own = self.status(sign, actual, target, forecast, low, high, is_over, final, kpi in RATIOS)
        return {
            "target": target, "actual": actual, "to": to, "measured_baseline": measured,
            "expected": target if kpi in RATIOS else target * share, "forecast": forecast, "low": low, "high": high,
            "condition": condition, "limit": limit, "met": met, "final": final, "status": self.settled(own, met, is_over, final),
            "basis": "the target itself" if kpi in RATIOS else basis,
        }  # fmt: skip

    @staticmethod
    def unjudged(target: float, actual: float | None, to: date) -> Row:
        """A goal that has not begun, or for less than four whole weeks."""
        names = ("measured_baseline", "expected", "forecast", "low", "high", "condition", "limit", "met", "basis")
        return dict.fromkeys(names) | {
            "target": target, "actual": actual, "to": to, "final": False, "status": "not measurable yet",
        }  # fmt: skip

    def season(self, kpi: str, start: date, to: date, due: date, where: tuple[Any, Any]) -> float | None:
        """Share of the year before's figure that had come by the same day; None where it is too thin or the data begin too late."""
        before, last = year_before(start), year_before(due)
        if (self.told[FACTS[kpi]][0] - before).days >= 7 or len(self.read(kpi, before, last, *where)) < 50:
            return None
        whole, so_far = self.figure(kpi, before, last, *where), self.figure(kpi, before, year_before(to), *where)
        return so_far / whole if whole and so_far else None

    def half_width(
        self,
        parts: tuple[str, ...],
        begin: date,
        to: date,
        left: int,
        where: tuple[Any, Any],
        forecast: float,
        actual: float,
    ) -> float:
        """1.645 deviations of what is left: m weeks' own, and that of the mean of the n seen."""
        n, m = ((to - begin).days + 1) // 7, left / 7
        weeks = [[0.0] * n for _ in parts]
        for i, part in enumerate(parts):
            for r in self.read(part, begin, begin + timedelta(days=7 * n - 1), *where):
                weeks[i][(r.day - begin).days // 7] += float(r.value or 0)
        spread = math.sqrt(m + m * m / n)
        if len(parts) == 2:
            ratio = sum(weeks[0]) / sum(weeks[1])
            off = [a - ratio * b for a, b in zip(*weeks, strict=True)]
            return 1.645 * math.sqrt(sum(x * x for x in off) / (n - 1)) * spread / (sum(weeks[1]) / n * (n + m))
        mean = sum(weeks[0]) / n
        deviation = math.sqrt(sum((x - mean) ** 2 for x in weeks[0]) / (n - 1))
        return 1.645 * deviation * spread * abs((forecast - actual) / (mean * m))

    @staticmethod
    def status(
        sign: int,
        actual: float,
        target: float,
        forecast: float,
        low: float,
        high: float,
        is_over: bool,
        final: bool,
        is_ratio: bool,
    ) -> str:
        if is_over:
            return "achieved" if sign * actual >= sign * target else "off track" if final else "at risk"
        if not is_ratio and actual >= target:
            return "achieved"
        if sign * forecast >= sign * target:
            return "on track"
        return "at risk" if max(sign * low, sign * high) >= sign * target else "off track"

    @staticmethod
    def settled(own: str, met: bool | None, is_over: bool, final: bool) -> str:
        if met is None or own == "off track":
            return own
        if met:
            return "on track" if own == "achieved" and not is_over else own
        return "off track" if final else "at risk"

    # what did activities give, and what is next?

    def outcomes(self) -> dict[str, Row]:
        found = {}
        for name, a in self.activities.items():
            spent = [c for c in self.costs if c.activity == name]
            row: Row = {"cost": sum(c.value or 0 for c in spent) if spent else None, "outcome": None, "share": None}
            if a["Expected KPI"]:
                kpi = NAMES[a["Expected KPI"]]
                last = min(self.as_of, a["End"] or self.as_of)
                by_campaign = kpi == "ad_clicks"
                row["outcome"] = self.figure(
                    kpi,
                    a["Start"],
                    last,
                    None if by_campaign else [str(key(a["Channel"]))],
                    name if by_campaign else None,
                )
                row["share"] = row["outcome"] / float(a["Expected value"])
            row["ice"] = a["Impact"] * a["Confidence"] * (11 - a["Effort"])
            row["open"] = key(a["Status"]) in ("planned", "ongoing", "paused")
            row["ended"] = not row["open"] or bool(a["End"] and a["End"] < self.as_of)
            found[name] = row
        return found

    def split(self) -> dict[str, Row]:
        """Class of 70/20/10 -> money planned and spent this year for activities of it, and how many run."""
        year = self.as_of.year
        classes = {"70": "core", "20": "growth", "10": "experiment"}
        of = {name: classes[a["70/20/10"][:2]] for name, a in self.activities.items()}
        found = {c: {"planned": Decimal(0), "actual": Decimal(0), "n": 0} for c in (*classes.values(), "none")}
        for line in self.budget:
            if line["activity"] and line["month"].year == year:
                found[of[line["activity"]]]["planned"] += line["amount"]
        for cost in self.costs:
            if cost.activity and cost.day.year == year:
                found[of[cost.activity]]["actual"] += cost.value or 0
        for name, a in self.activities.items():
            if a["Start"].year <= year and (a["End"] is None or a["End"].year >= year):
                found[of[name]]["n"] += 1
        return found
