"""The company's days, one after the other: agents act, platforms book. Holds the only state there is."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ingestion.sandbox.books import Books, Clicks, Columns, click_ids
from ingestion.sandbox.calendar import wall_times, zone
from ingestion.sandbox.company import ACTION_CATEGORIES, TERM_SHARES, WINDOWS, Company
from ingestion.sandbox.rng import bits, exponential, integers, pick, poisson, uniform


class Simulation:
    """A company's agents and books. `step` must be called for each day in turn; `saved` and `restore` carry it over."""

    WORDS: dict[str, list[str]] = {"kind": ["click", "view"]}

    def __init__(self, company: Company) -> None:
        self.company = company
        self.books = Books(company)
        self._zone_of_account = [zone(a.zone) for a in company.accounts]
        self._early = Clicks.none()  # clicks that fall on the next day in their account's zone

    def saved(self) -> dict[str, npt.NDArray[Any]]:
        return {f"early_{k}": v for k, v in vars(self._early).items()}

    def restore(self, state: dict[str, npt.NDArray[Any]]) -> None:
        self._early = Clicks(**{k.removeprefix("early_"): v for k, v in state.items()})

    def step(self, day: int) -> dict[str, Columns]:
        """Everything that happens on one day (epoch days): columns a table, codes instead of words."""
        clicks = Clicks.joined([self._early, self._draft_clicks(day)])
        dates = self._account_dates(clicks)
        self._early = clicks.take(dates > day)
        clicks = clicks.take(dates == day)
        return {**self.books.book(day, clicks), **self._conversions(day, clicks)}

    def _account_dates(self, clicks: Clicks) -> npt.NDArray[np.int64]:
        account = self.books.lines.account[clicks.line]
        dates = np.empty(len(clicks), np.int64)
        for a in np.unique(account):
            dates[account == a] = self._zone_of_account[a].dates(clicks.at[account == a])
        return dates

    def _draft_clicks(self, day: int) -> Clicks:
        lines, seed, size = self.books.lines, self.company.seed, self.company.size
        expected = self.books.expected[lines.campaign] * self.books.line_weights(day) * size.volume
        expected *= self.books.day_factor(day)[lines.campaign]
        n = poisson(uniform(seed, "draft", lines.key, day), expected)
        line = np.repeat(np.arange(len(lines)), n)
        nth = np.concatenate([np.arange(k) for k in n[n > 0]]) if len(line) else line
        key = bits(seed, "click", line, day, nth)
        us = np.array(["us" in c.plan.account for c in self.company.campaigns])[lines.campaign[line]]
        eu = np.array(["_eu" in c.plan.account for c in self.company.campaigns])[lines.campaign[line]]
        country = np.where(us, 5, np.where(eu, integers(uniform(seed, "country", key), 1, 5), 0))
        wall = wall_times(day, uniform(seed, "when", key))
        at = np.where(us, zone("America/New_York").instants(wall), zone("Europe/Oslo").instants(wall))
        term = pick(uniform(seed, "term", key), list(TERM_SHARES)) + lines.keyword[line] * len(TERM_SHARES)
        bot = uniform(seed, "bot", key) < 0.02
        person = np.where(bot, -1, integers(uniform(seed, "who", key), 0, size.n_persons))
        return Clicks(line, key, at, np.where(lines.keyword[line] >= 0, term, -1), person, person, country, bot)

    def _conversions(self, day: int, clicks: Clicks) -> dict[str, Columns]:
        seed, company = self.company.seed, self.company
        lines = self.books.lines
        chosen = clicks.take((uniform(seed, "converts", clicks.key) < 0.08) & ~clicks.bot)
        n = len(chosen)
        account = lines.account[chosen.line]
        cell = self.books.cell(chosen.line)
        windows = np.array([WINDOWS[a.platform] for a in company.accounts])
        nok = np.array([a.nok for a in company.accounts])
        kind = (uniform(seed, "view", chosen.key) < 0.12) & ~self.books.sells_clicks[lines.campaign[chosen.line]]
        lag = np.minimum(
            np.floor(exponential(uniform(seed, "lag", chosen.key), 3.0)), windows[account, kind.astype(int)]
        )
        conversion = day + lag.astype(np.int64)
        report_lag = np.floor(exponential(uniform(seed, "report", chosen.key), 0.8)).astype(np.int64)
        reported = conversion + 1 + np.minimum(report_lag, 6)
        retracted = uniform(seed, "retract", chosen.key) < 0.03
        action = pick(uniform(seed, "action", chosen.key), [0.35, 0.15, 0.05, 0.2, 0.25])
        value = np.round(np.exp(7.3 + uniform(seed, "value", chosen.key)) * 100 / nok[account]) * 10_000
        on_click = ~kind & (uniform(seed, "modelled", chosen.key) < 0.9)
        ids = click_ids(cell["platform"], chosen.key)
        import pyarrow as pa
        import pyarrow.compute as pc

        conversions = {
            "conversion_id": click_ids(np.ones(n, np.int64), bits(seed, "conversion", chosen.key)), **cell,
            "action_id": account * len(ACTION_CATEGORIES) + action, "kind": kind.astype(np.int64),
            "click_id": pc.if_else(pa.array(on_click), ids, pa.scalar(None, pa.string())),
            "touch_date": np.full(n, day), "conversion_date": conversion,
            "converted_at": chosen.at + lag.astype(np.int64) * 86_400_000_000, "reported_date": reported,
            "retracted_date": np.where(retracted, reported + 4, -1), "credit": np.ones(n),
            "value_micros": np.where(np.isin(action, (0, 4)), value, 0).astype(np.int64),
        }  # fmt: skip
        form = np.array([c.plan.type == "lead_gen" and c.platform == "linkedin_ads" for c in company.campaigns])
        filled = clicks.take(
            form[lines.campaign[clicks.line]] & (uniform(seed, "form", clicks.key) < 0.2) & ~clicks.bot
        )
        cell = self.books.cell(filled.line)
        forms = {c.campaign_id: company.make_id(f"form/{c.plan.key}", 8) for c in company.campaigns}
        who = [str(p) for p in filled.person]
        text = lambda words: pa.array(words, pa.string())  # noqa: E731
        responses = {
            **{k: cell[k] for k in ("platform", "campaign_id", "ad_group_id", "ad_id", "account_id")},
            "form_id": text([forms[company.campaigns[c].campaign_id] for c in cell["campaign_id"]]),
            "response_id": click_ids(np.ones(len(filled), np.int64), bits(seed, "response", filled.key)),
            "submitted_at": filled.at + 60_000_000, "first_name": text(["Kari"] * len(filled)),
            "last_name": text([f"Nordmann {w}" for w in who]), "email": text([f"kari.{w}@firma.example" for w in who]),
            "phone": text([f"+47 4{int(w):07d}" for w in who]), "company": text(["Firma AS"] * len(filled)),
            "job_title": text(["Kontorsjef"] * len(filled)),
        }  # fmt: skip
        return {"ad_conversions": conversions, "lead_form_responses": responses}
