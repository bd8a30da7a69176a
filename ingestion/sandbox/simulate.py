"""The company's days, one after the other: agents act, the company's systems write down, platforms book. All state is here."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ingestion.sandbox.agents import CODE, Agents, Visits
from ingestion.sandbox.books import Books, Clicks, Columns
from ingestion.sandbox.calendar import is_business_day, zone
from ingestion.sandbox.company import Company, from_epoch
from ingestion.sandbox.credits import Credits, Memory
from ingestion.sandbox.outcomes import Acts, Outcomes
from ingestion.sandbox.population import Population
from ingestion.sandbox.rng import I64, integers, normal, uniform

RATES = {
    "EUR": (1, 11.60),
    "USD": (1, 10.10),
    "GBP": (1, 13.50),
    "SEK": (100, 103.0),
    "DKK": (100, 155.5),
    "JPY": (100, 6.75),
}
RATES_BEFORE = 14  # days of rates from before the start
_COSTS = (2_000, 14_000, 26_000)  # NOK a month: tools, content, advisers


class Simulation:
    """A company's agents and books. `step` is called for each day in turn; `saved` and `restore` carry the state over.

    Channels named in `off` (ad_setup.CHANNELS, or "email") do nothing, with everybody's luck held equal.
    """

    def __init__(self, company: Company, off: frozenset[str] = frozenset()) -> None:
        self.company, self.off = company, off
        self.books = Books(company)
        self.people = Population(company.seed, company.size.n_persons)
        self.agents = Agents(company, self.books, self.people, off)
        self.outcomes = Outcomes(company, self.books, self.people, self.agents)
        self.credits = Credits(self.books, self.people)
        self._memory = Memory(self.people.n)
        self._zones = [zone(a.zone) for a in company.accounts]
        self._early = Clicks.none()  # clicks that fall on the next day in their account's zone

    def saved(self) -> dict[str, npt.NDArray[Any]]:
        """The state after the last step, by name."""
        parts = {
            "agents": self.agents.state(), "outcomes": self.outcomes.state(),
            "memory": vars(self._memory), "early": vars(self._early),
        }  # fmt: skip
        return {f"{part}.{k}": v for part, values in parts.items() for k, v in values.items()}

    def restore(self, state: dict[str, npt.NDArray[Any]]) -> None:
        """Go on from `saved`."""

        def part(name: str) -> dict[str, npt.NDArray[Any]]:
            return {k.partition(".")[2]: v for k, v in state.items() if k.startswith(f"{name}.")}

        self.agents.restore(part("agents"))
        self.outcomes.restore(part("outcomes"))
        vars(self._memory).update(part("memory"))
        self._early = Clicks(**part("early"))

    def step(self, day: int) -> dict[str, Columns]:
        """Everything that happens on one day (epoch days): columns a table, codes instead of words."""
        mail, invited = self.outcomes.mail(day, "email" in self.off)
        acting = self.agents.day(day, invited)
        visits, forced = self._with_planted(day, acting.visits)
        clicks = acting.clicks
        self._memory.remember(clicks, self.books.platform_of_line(clicks.line))
        out, acts = self.outcomes.happen(day, visits, acting.forms, forced)
        out["mail_events"] = mail
        out["ad_conversions"] = self._claims(day, acts)
        clicks = Clicks.joined([self._early, clicks])
        dates = self._account_dates(clicks)
        self._early = clicks.take(dates > day)
        out |= self.books.book(day, clicks.take(dates == day))
        out["exchange_rates"] = rates_of_day(self.company.seed, day)
        out["other_costs"] = self._costs(day)
        return out

    def _claims(self, day: int, acts: Acts) -> Columns:
        purchase_or_lead = np.isin(acts.action, (0, 1))
        viewed = self.agents.viewed(day, acts.person)
        seen = {platform: (took_in & purchase_or_lead, line) for platform, (took_in, line) in viewed.items()}
        return self.credits.of_day(self._memory, acts.person, acts.at, acts.key, acts.action, acts.ore, seen)

    def _account_dates(self, clicks: Clicks) -> I64:
        account = self.books.lines.account[clicks.line]
        dates = np.empty(len(clicks), np.int64)
        for a in np.unique(account):
            dates[account == a] = self._zones[a].dates(clicks.at[account == a])
        return dates

    def _with_planted(self, day: int, visits: Visits) -> tuple[Visits, npt.NDArray[np.bool_]]:
        """The visits the plan demands: a couple that shares an address, one person with three devices; some buy."""
        planned = [(p, d, b) for when, p, d, b in self.company.planted_visits if when == day]
        forced = np.zeros(len(visits), bool)
        if not planned:
            return visits, forced
        person, device, buys = (np.array(column) for column in zip(*planned, strict=True))
        extra = self.agents.plain_visits(day, person, np.full(len(person), CODE["direct"]))
        extra.device = device
        kept = visits.take(~np.isin(visits.person, person))
        joined = Visits.joined([kept, extra])
        return joined, np.concatenate([np.zeros(len(kept), bool), buys.astype(bool)])

    def _costs(self, day: int) -> Columns:
        today = from_epoch(day)
        kind = np.arange(len(_COSTS) if today.day == 1 or today == self.company.start else 0)
        u = uniform(self.company.seed, "other_costs", kind, day)[: len(kind)]
        amount = np.array(_COSTS, np.int64)[kind] + 1_000 * integers(u, 0, 9)
        return {"date": np.full(len(kind), day), "category": kind, "supplier": kind, "amount_ore": amount * 100}


def rates_of_day(seed: int, day: int) -> Columns:
    """Norges Bank's rates of one day: each currency wanders slowly, as a sum of waves, and jitters. Empty on days off."""
    codes = np.arange(len(RATES) if is_business_day(from_epoch(day)) else 0)
    unit = np.array([u for u, _ in RATES.values()])[codes]
    level = np.array([r for _, r in RATES.values()])[codes]
    phase = uniform(seed, "rate_phase", codes)[: len(codes)] * 7
    wave = 0.03 * np.sin(day / 41.0 + phase) + 0.015 * np.sin(day / 13.0 + 2 * phase)
    noise = 0.003 * normal(uniform(seed, "rate", codes, day)[: len(codes)])
    rate = np.round(level * (1 + wave + noise), 4)
    return {"date": np.full(len(codes), day), "currency": codes, "unit": unit, "rate": rate}
