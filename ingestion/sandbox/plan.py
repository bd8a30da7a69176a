"""The simulated company's marketing plan: its real campaigns, budgets near what they cost, goals it may or may not reach.

Follows from what is set up (company.py) and from the calendar, never from what happened.
"""

# ruff: noqa: E501 - a row is one line
from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from ingestion.sandbox.ad_setup import CTR
from ingestion.sandbox.company import Campaign, Company, epoch, from_epoch
from ingestion.sandbox.sizes import SIZES
from ingestion.sandbox.store import World
from ingestion.sources.plan.fields import Language
from ingestion.sources.plan.template import Rows, write

Row = dict[str, Any]
_DAYS_A_MONTH = Decimal("30.4")
_CHANNEL_OF = {
    "search": "paid_search", "shopping": "paid_shopping", "performance_max": "cross_network",
    "demand_gen": "cross_network", "display": "display", "video": "paid_video",
}  # fmt: skip
_OTHER_COSTS = {"tools": 6_500, "content": 18_500, "advisers": 30_500}  # a month, whatever the company's size
_OWNERS = ("Markedssjef", "Annonseansvarlig", "Innholdsansvarlig", "Salgssjef")
_OWNERS_EN = ("Head of marketing", "Paid media lead", "Content lead", "Head of sales")
_STAGE_NAMES = {
    "awareness": ("oppmerksomhet", "awareness"), "consideration": ("vurdering", "consideration"),
    "purchase": ("kjøp", "purchase"),
}  # fmt: skip
_CHANNEL_NAMES = {
    "paid_search": ("Betalt søk", "Paid search"), "paid_shopping": ("Shopping", "Shopping"),
    "cross_network": ("Flere nettverk", "Cross-network"), "display": ("Display", "Display"),
    "paid_video": ("Video", "Video"), "paid_social": ("Sosiale medier", "Social"),
}  # fmt: skip


def write_example(file: Path, world: World, as_of: date, language: Language = "no") -> None:
    """Write a company's plan as a workbook, unless it is there: from then on it is people's to change."""
    if not file.exists():
        company = Company(world.seed, SIZES[world.size], world.start_date)
        write(file, language, example(company, as_of.year, language))


def example(company: Company, year: int, language: Language) -> Rows:
    """The company's plan from its first month to the end of `year`: rows by sheet, as raw holds them."""
    return _Example(company, year, 0 if language == "no" else 1).rows()


class _Example:
    def __init__(self, company: Company, year: int, language: int) -> None:
        self.company, self.year, self.at = company, year, language
        self.scale = company.size.n_persons / 30_000
        self.owners = (_OWNERS, _OWNERS_EN)[language]
        self.groups: dict[tuple[str, str, str], list[Campaign]] = defaultdict(list)
        for c in company.campaigns:
            channel = _CHANNEL_OF[c.plan.type] if c.sells_clicks else "paid_social"
            market = "EU" if len(c.plan.countries.split()) > 1 else c.plan.countries
            self.groups[market, channel, c.plan.stage].append(c)
        self.ids = {key: f"A{n:02}" for n, key in enumerate(self.groups, start=1)}

    def t(self, no: str, en: str) -> str:
        return (no, en)[self.at]

    def n(self, number: float) -> Decimal:
        """A count of the small company, at this one's size."""
        return Decimal(max(round(number * self.scale), 1))

    def rows(self) -> Rows:
        return {
            "goals": self.goals(), "kpi_targets": self.kpi_targets(), "budget_lines": self.budget(),
            "activities": self.activities(), "milestones": self.milestones(), "experiments": self.experiments(),
            "content_items": self.content(), "priority_queries": self.queries(), "personas": self.personas(),
            "market_notes": self.market(), "competitors": self.competitors(), "swot": self.swot(),
            "learnings": self.learnings(), "mandates": self.mandates(),
            # what the company pays beside media comes from its books, as files: here it would count twice
            "other_costs": [],
        }  # fmt: skip

    def goals(self) -> list[Row]:
        head, paid, content, sales = self.owners
        y, last = self.year, self.year - 1
        whole = {"start_date": date(y, 1, 1), "due_date": date(y, 12, 31)}
        year_before = {"baseline_start_date": date(last, 1, 1), "baseline_end_date": date(last, 12, 31)}
        third_quarter = {
            "start_date": date(y, 7, 1), "due_date": date(y, 9, 30), "baseline_start_date": date(last, 7, 1),
            "baseline_end_date": date(last, 9, 30),
        }  # fmt: skip
        paid_channels = "paid_search, paid_shopping, cross_network, display, paid_video, paid_social"
        return [
            {
                "goal_id": "M1", "level": "business", "kpi": "net_revenue", "measured_in": "webshop", "owner": head,
                "goal": self.t("Nettbutikken omsetter for mer enn i fjor", "The webshop sells for more than last year"),
                "baseline": self.n(15_000_000), "target_change_pct": Decimal(12), **year_before, **whole,
            },
            {
                "goal_id": "M2", "level": "business", "kpi": "won_deal_value", "measured_in": "crm", "owner": sales,
                "goal": self.t("Bedriftssalget vokser", "Sales to companies grow"), "target": self.n(14_000_000), **whole,
            },
            {
                "goal_id": "M3", "level": "channel", "parent_goal_id": "M2", "kpi": "qualified_leads",
                "channels": paid_channels, "measured_in": "crm", "owner": head, "baseline": self.n(50),
                "goal": self.t(
                    "Innen utgangen av 3. kvartal gir kampanjene 20 % flere salgskvalifiserte leads enn året før, til en "
                    "kostnad per lead under fjorårets, målt i CRM",
                    "By the end of Q3, campaigns give 20 % more sales-qualified leads than the year before, at a cost per "
                    "lead below last year's, measured in the CRM",
                ),
                "scope": self.t("leads fra kampanjer, kvalifisert av salg", "leads from campaigns, qualified by sales"),
                "target_change_pct": Decimal(20), "condition_kpi": "cpl_loaded", "condition_operator": "below",
                "condition_change_pct": Decimal(0), "condition_baseline": Decimal(1_250), **third_quarter,
            },
            {
                "goal_id": "M4", "level": "channel", "parent_goal_id": "M2", "kpi": "leads", "channels": "organic_search",
                "goal": self.t("Flere leads fra organisk søk", "More leads from organic search"), "measured_in": "crm",
                "target": self.n(200), "owner": content, **whole,
            },
            {
                "goal_id": "M5", "level": "channel", "parent_goal_id": "M1", "kpi": "orders", "channels": "email",
                "goal": self.t("Nyhetsbrevet gir flere ordrer", "The newsletter brings more orders"),
                "measured_in": "webshop", "target": self.n(250), "owner": content, **whole,
            },
            {
                "goal_id": "M6", "level": "channel", "parent_goal_id": "M1", "kpi": "roas",
                "goal": self.t("Annonsekronene gir igjen", "Ad money comes back"), "measured_in": "webshop",
                "target": Decimal(20), "owner": paid, **whole,
            },
            {
                "goal_id": "M7", "level": "activity", "parent_goal_id": "M3", "kpi": "cost_per_click",
                "activity_id": self.ids["NO", "paid_search", "consideration"], "measured_in": "ad_platforms",
                "goal": self.t("Klikk på betalt søk blir ikke dyrere", "Clicks of paid search get no dearer"),
                "target": Decimal("12.50"), "owner": paid, **whole,
            },
        ]  # fmt: skip

    def kpi_targets(self) -> list[Row]:
        head, _, _, sales = self.owners
        months = [date(self.year, m, 1) for m in range(1, 13)]
        quiet = {7: 0.8, 12: 0.8}
        return [
            {
                "kpi": "qualified_leads", "grain": "month", "period_start": m, "target": self.n(50 * quiet.get(m.month, 1)),
                "goal_id": "M2", "owner": sales,
            }
            for m in months
        ] + [
            {
                "kpi": "net_revenue", "grain": "quarter", "period_start": m, "goal_id": "M1", "owner": head,
                "target": self.n(share * 1_000_000),
            }
            for m, share in zip(months[::3], (3.6, 3.7, 3.5, 5.2), strict=True)
        ]  # fmt: skip

    def budget(self) -> list[Row]:
        head, _, content, _ = self.owners
        rows: list[Row] = []
        for month in self.months():
            for (market, channel, stage), campaigns in self.groups.items():
                if amount := sum(self.cost(c, month) for c in campaigns):
                    planned = (amount / 100).quantize(Decimal(1)) * 100 or Decimal(100)
                    rows.append(
                        {
                            "activity_id": self.ids[market, channel, stage], "month": month, "channel": channel,
                            "stage": stage, "category": "media", "amount": planned, "currency": "NOK",
                            "cap": planned * 3 / 2 if channel == "paid_search" and market == "NO" else None,
                        }
                    )  # fmt: skip
            fixed = {"month": month, "currency": "NOK"}
            rows += [
                {**fixed, "activity_id": "A90", "channel": "email", "stage": "loyalty", "category": "tools",
                 "amount": Decimal(_OTHER_COSTS["tools"])},
                {**fixed, "activity_id": "A91", "channel": "organic_search", "stage": "awareness", "category": "content",
                 "amount": Decimal(_OTHER_COSTS["content"]), "owner": content},
                {**fixed, "category": "advisers", "amount": Decimal(_OTHER_COSTS["advisers"]), "owner": head,
                 "note": self.t("Byrå, for alle kanaler", "Agency, for all channels")},
            ]  # fmt: skip
        return rows

    def months(self) -> Sequence[date]:
        first = min(self.company.start, date(self.year, 12, 1)).replace(day=1)
        count = (self.year - first.year) * 12 + 13 - first.month
        return [date(first.year + (first.month - 1 + n) // 12, (first.month - 1 + n) % 12 + 1, 1) for n in range(count)]

    def cost(self, campaign: Campaign, month: date) -> Decimal:
        """What a campaign can be expected to cost in a month, in kroner: its clicks at its price on the days it is shown."""
        plan, account = campaign.plan, self.company.accounts[campaign.account]
        following = (month + timedelta(days=31)).replace(day=1)
        start, end = max(campaign.first, epoch(month), epoch(self.company.start)), min(campaign.last, epoch(following))
        share = Decimal(max(end - start, 0)) / (epoch(following) - epoch(month))
        daily = plan.clicks * plan.price * (1 if campaign.sells_clicks else 1 / 1000 / CTR[plan.type])
        return Decimal(daily * self.company.size.volume * account.nok) * _DAYS_A_MONTH * share

    def activities(self) -> list[Row]:
        head, paid, content, _ = self.owners
        goals = {"purchase": "M6", "consideration": "M3", "awareness": "M3"}
        rows: list[Row] = []
        for n, ((market, channel, stage), campaigns) in enumerate(self.groups.items()):
            last = max(c.last for c in campaigns)
            ends = None if last > epoch(date(self.year, 12, 31)) else from_epoch(last - 1)
            rows.append(
                {
                    "activity_id": self.ids[market, channel, stage], "owner": paid, "channel": channel, "stage": stage,
                    "activity": f"{_CHANNEL_NAMES[channel][self.at]}: {_STAGE_NAMES[stage][self.at]} ({market})",
                    "start_date": from_epoch(min(c.first for c in campaigns)), "end_date": ends,
                    "status": "done" if ends else "ongoing", "goal_id": goals[stage],
                    "persona_id": "P1" if stage == "consideration" else "P2",
                    "utm_campaigns": ", ".join(dict.fromkeys(c.name.lower() for c in campaigns)),
                    "expected_kpi": "ad_clicks",
                    "expected_value": self.clicks(campaigns), "impact": 4 + n % 6, "confidence": 3 + n * 5 % 7,
                    "effort": 2 + n * 3 % 6,
                    "investment_class": "core" if market == "NO" and channel != "paid_video" else "growth",
                }
            )  # fmt: skip
        always = {"start_date": self.company.start, "status": "ongoing"}
        rows += [
            {
                "activity_id": "A90", "activity": self.t("Nyhetsbrev", "Newsletter"), "owner": content, **always,
                "channel": "email", "stage": "loyalty", "goal_id": "M5", "persona_id": "P2", "utm_campaigns": "nyhetsbrev",
                "expected_kpi": "orders", "expected_value": self.n(250), "impact": 6, "confidence": 8, "effort": 3,
                "investment_class": "core",
            },
            {
                "activity_id": "A91", "activity": self.t("Søkeinnhold", "Content for search"), "owner": content, **always,
                "channel": "organic_search", "stage": "awareness", "goal_id": "M4", "persona_id": "P1",
                "expected_kpi": "leads", "expected_value": self.n(200), "impact": 7, "confidence": 6, "effort": 6,
                "investment_class": "core",
            },
            {
                "activity_id": "A92", "activity": self.t("AI-assistenter", "AI assistants"), "owner": head,
                "channel": "ai_assistant", "stage": "consideration", "goal_id": "M4", "persona_id": "P1",
                "start_date": date(self.year, 9, 1), "status": "ongoing", "impact": 5, "confidence": 2, "effort": 4,
                "investment_class": "experiment",
                "expected_outcome": self.t("Vi blir nevnt når noen spør om kontormøbler", "We are named when somebody asks for office furniture"),
            },
        ]  # fmt: skip
        return rows

    def clicks(self, campaigns: Sequence[Campaign]) -> Decimal:
        """Clicks of the campaigns on the days of the plan's year on which they are shown."""
        first, last = max(epoch(self.company.start), epoch(date(self.year, 1, 1))), epoch(date(self.year, 12, 31)) + 1
        days = {c.index: max(min(c.last, last) - max(c.first, first), 0) for c in campaigns}
        return Decimal(max(round(sum(c.plan.clicks * days[c.index] for c in campaigns) * self.company.size.volume), 1))

    def milestones(self) -> list[Row]:
        _, paid, content, _ = self.owners
        y = self.year
        return [
            {"activity_id": "A91", "milestone": self.t("Tolv artikler ute", "Twelve articles out"), "due_date": date(y, 10, 31), "owner": content},
            {"activity_id": "A92", "milestone": self.t("Liste over spørsmål", "List of questions"), "due_date": date(y, 9, 15), "done_date": date(y, 9, 11), "owner": content},
            {"activity_id": self.ids["NO", "paid_search", "consideration"], "milestone": self.t("Negative søkeord gjennomgått", "Negative keywords reviewed"), "due_date": date(y, 8, 31), "done_date": date(y, 8, 28), "owner": paid},
        ]  # fmt: skip

    def experiments(self) -> list[Row]:
        _, paid, content, _ = self.owners
        y = self.year
        return [
            {
                "experiment_id": "E1", "kpi": "ad_clicks", "method": "geo", "smallest_effect_pct": Decimal(15),
                "hypothesis": self.t("Merkesøk kan settes ned uten at ordrer faller", "Brand search can be cut without losing orders"),
                "activity_id": self.ids["NO", "paid_search", "purchase"], "start_date": date(y, 9, 1),
                "end_date": date(y, 9, 28), "status": "done", "owner": paid,
            },
            {
                "experiment_id": "E2", "kpi": "leads", "method": "ab_test", "smallest_effect_pct": Decimal(20),
                "hypothesis": self.t("Kortere skjema gir flere leads", "A shorter form gives more leads"),
                "activity_id": "A91", "start_date": date(y, 11, 2), "end_date": date(y, 12, 13), "status": "ongoing",
                "owner": content,
            },
        ]  # fmt: skip

    def content(self) -> list[Row]:
        content = self.owners[2]
        titles = (
            ("Slik velger du kontorstol", "How to choose an office chair", "kontorstol", "awareness", 8, "done"),
            ("Hev-senk: riktig høyde", "Sit-stand: the right height", "hev senk skrivebord", "awareness", 9, "done"),
            (
                "Innrede kontor for tjue",
                "Furnish an office for twenty",
                "innrede kontor",
                "consideration",
                10,
                "ongoing",
            ),
            ("Lys på hjemmekontoret", "Light in the home office", "skrivebordslampe", "awareness", 12, "planned"),
        )
        return [
            {
                "content_id": f"I{n}", "title": self.t(no, en), "format": self.t("artikkel", "article"),
                "activity_id": "A91", "channel": "organic_search", "stage": stage, "query": query,
                "persona_id": "P1" if stage == "consideration" else "P2", "publish_date": date(self.year, month, 15),
                "status": status, "owner": content,
            }
            for n, (no, en, query, stage, month, status) in enumerate(titles, start=1)
        ]  # fmt: skip

    def queries(self) -> list[Row]:
        content = self.owners[2]
        return [
            {"query": query, "intent": intent, "stage": stage, "target_position": Decimal(place), "owner": content}
            for query, intent, stage, place in (
                ("kontorstol", "commercial", "consideration", 5),
                ("hev senk skrivebord", "commercial", "consideration", 5),
                ("innrede kontor", "informational", "awareness", 3),
                ("skrivebordslampe", "transactional", "purchase", 8),
                ("nordlys kontor", "navigational", "purchase", 1),
            )
        ]

    def personas(self) -> list[Row]:
        return [
            {
                "persona_id": "P1", "persona": self.t("Kontorlederen", "The office manager"), "is_ideal_customer": True,
                "segment": self.t("bedrifter med 20-200 ansatte", "companies of 20 to 200"),
                "needs": self.t("ett sted å bestille, levert og montert", "one place to order, delivered and put up"),
                "objections": self.t("pris og leveringstid", "price and time of delivery"),
                "channels": "paid_search, organic_search, paid_social",
            },
            {
                "persona_id": "P2", "persona": self.t("Hjemmekontoristen", "The home worker"), "is_ideal_customer": False,
                "segment": self.t("privatpersoner", "consumers"),
                "needs": self.t("sitte bedre uten å bruke mye", "sit better without spending much"),
                "channels": "paid_social, email",
            },
        ]  # fmt: skip

    def market(self) -> list[Row]:
        return [
            {
                "note_id": "N1", "noted_date": date(self.year, 1, 12), "topic": self.t("Sesong", "Season"),
                "finding": self.t("Juli er stille for bedrifter, november er størst for private", "July is quiet for companies, November is the largest for consumers"),
                "source_text": self.t("egne ordrer", "our own orders"),
            }
        ]  # fmt: skip

    def competitors(self) -> list[Row]:
        return [
            {"competitor": "Kontorkjeden", "website": "https://www.kontorkjeden.example", "positioning": self.t("billigst", "cheapest")},
            {"competitor": "Form & Rom", "website": "https://www.formogrom.example", "positioning": self.t("design", "design")},
        ]  # fmt: skip

    def swot(self) -> list[Row]:
        return [
            {"swot_id": "S1", "kind": "strength", "statement": self.t("Ti års garanti", "Ten years' warranty")},
            {"swot_id": "S2", "kind": "weakness", "statement": self.t("Lite kjent utenfor Norge", "Little known outside Norway")},
            {"swot_id": "S3", "kind": "opportunity", "statement": self.t("Hjemmekontor er blitt vanlig", "Working at home has become usual")},
            {"swot_id": "S4", "kind": "threat", "statement": self.t("Dyrere klikk på generelle søk", "Dearer clicks on generic searches")},
        ]  # fmt: skip

    def learnings(self) -> list[Row]:
        return [
            {
                "learning_id": "L1", "learnt_date": date(self.year, 10, 5), "experiment_id": "E1", "owner": self.owners[1],
                "learning": self.t("De fleste som søker på navnet, kommer likevel", "Most who search for our name come anyway"),
                "consequence": self.t("Taket på merkesøk holdes", "The cap on brand search stays"),
            }
        ]  # fmt: skip

    def mandates(self) -> list[Row]:
        head, paid, _, sales = self.owners
        boss = self.t("Daglig leder", "Managing director")
        since = {"holds_from_date": date(self.year, 1, 1)}
        return [
            {"mandate_id": "B1", "subject": "budget", "decision": self.t("Flytte penger mellom kanaler", "Move money between channels"), "owner": paid, "limit_amount": Decimal(20_000), "currency": "NOK", "escalates_to": head, **since},
            {"mandate_id": "B2", "subject": "goal", "decision": self.t("Endre mål i løpet av året", "Change goals within the year"), "owner": head, "escalates_to": boss, **since},
            {"mandate_id": "B3", "subject": "metric", "subject_id": "qualified_leads", "decision": self.t("Hva som er en kvalifisert lead", "What a qualified lead is"), "owner": sales, "escalates_to": head, **since},
            {"mandate_id": "B4", "subject": "dataset", "subject_id": "fct_cost", "decision": self.t("Hva som er en markedskostnad", "What a marketing cost is"), "owner": head, "escalates_to": boss, **since},
        ]  # fmt: skip
