"""The ad platforms' books: what a day's clicks and views cost, per cell, with the corrections that follow, and the ledger.

Clicks come from outside (agents and bots); views are drawn per cell around the campaign's size. Google and Microsoft sell
clicks, the others thousand views; costs are rounded to 0.01 of the currency in each cell.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.sandbox import ad_setup as setup
from ingestion.sandbox.ad_setup import CLICK_PARAMETER, PLATFORMS
from ingestion.sandbox.calendar import season
from ingestion.sandbox.company import Company, from_epoch
from ingestion.sandbox.rng import F64, I64, U64, Bool, integers, normal, poisson, token_bytes, uniform

CENT = 10_000  # micros
Columns = dict[str, Any]
_CLICK_ID_LOOK = {
    "google_ads": ("Cj0KCQiA", 36), "microsoft_ads": ("", 32), "meta_ads": ("IwAR", 44), "linkedin_ads": ("", 36),
    "tiktok_ads": ("E.C.P.", 40),
}  # fmt: skip


@dataclass
class Clicks:
    """Ad clicks as arrays of one length; `at` in microseconds UTC, `term` -1 outside search, `person` -1 for bots."""

    line: I64
    key: U64
    at: I64
    term: I64
    person: I64
    device: I64
    country: I64
    bot: Bool

    def __len__(self) -> int:
        return len(self.line)

    def take(self, which: Any) -> Clicks:
        return Clicks(*(getattr(self, f.name)[which] for f in fields(self)))

    @staticmethod
    def joined(parts: list[Clicks]) -> Clicks:
        return Clicks(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Clicks)))

    @staticmethod
    def none() -> Clicks:
        whole = np.empty(0, np.int64)
        return Clicks(whole, whole.astype(np.uint64), whole, whole, whole, whole, whole, whole.astype(bool))


def fixed_strings(rows: np.ndarray[Any, np.dtype[np.uint8]]) -> pa.Array:
    """A byte matrix (n, length) as n strings."""
    n, length = rows.shape
    offsets = pa.py_buffer(np.arange(0, (n + 1) * length, length, dtype=np.int32))
    return pa.StringArray.from_buffers(n, offsets, pa.py_buffer(np.ascontiguousarray(rows)))


_HEX = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)


def click_ids(platform: I64, key: U64) -> pa.Array:
    """The vendors' click ids of (platform code, key): strings. The same click always gets the same id."""
    parts, order = [], []
    for code, name in enumerate(PLATFORMS):
        rows = np.flatnonzero(platform == code)
        if not len(rows):
            continue
        prefix, length = _CLICK_ID_LOOK[name]
        token = token_bytes(key[rows], length)
        if name in ("microsoft_ads", "linkedin_ads"):
            token = _HEX[token & 15]
        if name == "linkedin_ads":
            token[:, [8, 13, 18, 23]] = ord("-")
        head = np.frombuffer(prefix.encode(), dtype=np.uint8)
        parts.append(fixed_strings(np.hstack([np.broadcast_to(head, (len(rows), len(head))), token])))
        order.append(rows)
    if not parts:
        return pa.array([], pa.string())
    return pa.concat_arrays(parts).take(pa.array(np.argsort(np.concatenate(order), kind="stable")))


class Books:
    """Books one day after the other for a company. Holds nothing that changes."""

    def __init__(self, company: Company) -> None:
        self.company = company
        self.lines = company.lines
        campaigns = company.campaigns
        self.sells_clicks = np.array([c.sells_clicks for c in campaigns])
        self.platform_of_account = np.array([PLATFORMS.index(a.platform) for a in company.accounts])
        self.price = np.array([c.plan.price for c in campaigns])
        self.budget_cents = np.array([c.budget_micros for c in campaigns]) // CENT
        self.is_google = np.array([c.platform == "google_ads" for c in campaigns])
        self.business = np.array([c.platform == "linkedin_ads" or "b2b" in c.plan.key for c in campaigns])
        self.expected = np.array([c.plan.clicks for c in campaigns])
        self._urls = pa.array([*company.ad_urls, setup.SITE])

    def platform_of_line(self, line: I64) -> I64:
        """Index in PLATFORMS of each line's account."""
        platforms: I64 = self.platform_of_account[self.lines.account[line]]
        return platforms

    def line_weights(self, day: int) -> F64:
        """Relative chance of a click in each line on a day: its share, its creative's wear; 0 when it is not shown."""
        lines = self.lines
        shown = (lines.first <= day) & (day < lines.last)
        wear = np.exp2(-np.maximum(day - lines.first - 21, 0) / lines.wears)
        return np.where(shown, lines.weight * wear, 0.0)

    def day_factor(self, day: int) -> F64:
        """Size of each campaign's audience on a day against an ordinary one."""
        private, business = season(from_epoch(day))
        noise = np.exp(0.12 * normal(uniform(self.company.seed, "campaign_day", np.arange(len(self.price)), day)))
        return np.where(self.business, business, private) * noise

    def book(self, day: int, clicks: Clicks) -> dict[str, Columns]:
        """The facts of one account day: ad_delivery, ad_clicks, ad_search_terms, click_truth, ledger_daily."""
        lines, seed = self.lines, self.company.seed
        order = np.lexsort((clicks.key, clicks.line))
        clicks = clicks.take(order)
        per_line = np.bincount(clicks.line, minlength=len(lines))
        # a click may come on the day after its ad's last: it is booked all the same, or taking it back would leave less than nothing
        shown = np.flatnonzero(((lines.first <= day) & (day < lines.last)) | (per_line > 0))
        campaign = lines.campaign[shown]
        mean = (self.expected * self.day_factor(day) * self.company.size.volume)[campaign] * lines.weight[shown]
        views = poisson(uniform(seed, "impressions", lines.key[shown], day), mean / lines.ctr[shown])
        views += per_line[shown]
        price = self._click_prices(day, clicks)
        clicks_cost = np.bincount(clicks.line, weights=price, minlength=len(lines)).astype(np.int64)[shown]
        cpm = self.price * np.exp(0.15 * normal(uniform(seed, "cpm", np.arange(len(self.price)), day)))
        views_cost = np.rint(views * cpm[campaign] / 10.0).astype(np.int64)
        cost = np.where(self.sells_clicks[campaign], clicks_cost, views_cost)

        invalid_after = integers(uniform(seed, "invalid_after", clicks.key), 2, 8)
        is_invalid = uniform(seed, "invalid", clicks.key) < np.where(clicks.bot, 0.8, 0.012)
        invalid_date = np.where(is_invalid, day + invalid_after, -1)
        keep = views > 0
        delivery = self._delivery(day, shown[keep], views[keep], per_line[shown][keep], cost[keep])
        bad = clicks.take(is_invalid)
        back = self._corrections(day, bad, invalid_date[is_invalid], price[is_invalid])
        account = lines.account[shown]
        ledger = self._ledger(
            day, account, views, per_line[shown], cost, bad, invalid_date[is_invalid], price[is_invalid]
        )
        return {
            "ad_delivery": {k: np.concatenate([delivery[k], back[k]]) for k in delivery},
            "ad_clicks": self._clicks(day, clicks, price, invalid_date),
            "ad_search_terms": self._search_terms(day, shown, views, clicks, price, invalid_date),
            "click_truth": self._truth(clicks),
            "ledger_daily": ledger,
        }

    def _click_prices(self, day: int, clicks: Clicks) -> I64:
        """Price of each click in cents, 0 where views are sold; Google stays below twice the budget, one day excepted."""
        campaign = self.lines.campaign[clicks.line]
        noise = np.exp(0.3 * normal(uniform(self.company.seed, "cpc", clicks.key)))
        price = np.maximum(np.rint(self.price[campaign] * 100 * noise), 1)
        price = np.where(self.sells_clicks[campaign], price, 0.0)
        total = np.bincount(campaign, weights=price, minlength=len(self.price))
        scale = np.where(
            self.is_google & (total > 1.9 * self.budget_cents), 1.9 * self.budget_cents / np.maximum(total, 1), 1.0
        )
        if day == self.company.breach_day:
            breach = next(c for c in self.company.campaigns if c.plan.key == "chairs").index
            scale[breach] = 2.4 * self.budget_cents[breach] / max(total[breach], 1)
        return np.where(price > 0, np.maximum(np.floor(price * scale[campaign]), 1), 0).astype(np.int64)

    def cell(self, line: I64) -> Columns:
        """The key columns of lines, as codes."""
        lines = self.lines
        account = lines.account[line]
        return {
            "platform": self.platform_of_account[account], "account_id": account, "campaign_id": lines.campaign[line],
            "ad_group_id": lines.group[line], "ad_id": lines.ad[line], "keyword_id": lines.keyword[line],
            "network": lines.network[line], "device": lines.device[line],
        }  # fmt: skip

    def _delivery(self, day: int, line: I64, views: I64, clicks: I64, cents: I64, posted: I64 | None = None) -> Columns:
        return {
            "date": np.full(len(line), day), **self.cell(line), "impressions": views, "clicks": clicks,
            "cost_micros": cents * CENT, "posted_date": np.full(len(line), day + 1) if posted is None else posted,
        }  # fmt: skip

    def _corrections(self, day: int, bad: Clicks, on: I64, price: I64) -> Columns:
        """Rows that take invalid clicks back: one a cell and day of finding."""
        code = on * len(self.lines) + bad.line
        found, where = np.unique(code, return_inverse=True)
        n = np.bincount(where, minlength=len(found))
        cents = np.bincount(where, weights=price, minlength=len(found)).astype(np.int64)
        posted, line = np.divmod(found, len(self.lines))
        return self._delivery(day, line, np.zeros_like(n), -n, -cents, posted)

    def _ledger(
        self, day: int, account: I64, views: I64, n: I64, cents: I64, bad: Clicks, on: I64, price: I64
    ) -> Columns:
        """Postings by account: of the day, and of each day on which clicks are taken back."""
        bad_account = self.lines.account[bad.line]
        rows: list[tuple[int, ...]] = []
        for a in range(len(self.platform_of_account)):
            own = account == a
            if views[own].sum():
                rows.append((a, day + 1, int(views[own].sum()), int(n[own].sum()), int(cents[own].sum())))
            for posted in np.unique(on[bad_account == a]):
                taken = (bad_account == a) & (on == posted)
                rows.append((a, int(posted), 0, -int(taken.sum()), -int(price[taken].sum())))
        table = np.array(rows, dtype=np.int64).reshape(-1, 5)
        return {
            "platform": self.platform_of_account[table[:, 0]], "account_id": table[:, 0], "date": np.full(len(table), day),
            "posted_date": table[:, 1], "impressions": table[:, 2], "clicks": table[:, 3],
            "cost_micros": table[:, 4] * CENT,
        }  # fmt: skip

    def _clicks(self, day: int, clicks: Clicks, price: I64, invalid_date: I64) -> Columns:
        platform = self.platform_of_line(clicks.line)
        ids = click_ids(platform, clicks.key)
        return {
            "click_id": ids, "clicked_at": clicks.at, "date": np.full(len(clicks), day), **self.cell(clicks.line),
            "search_term": clicks.term, "cost_micros": price * CENT, "country": clicks.country,
            "landing_url": self.landing_urls(clicks.line, ids), "invalid_date": invalid_date,
        }  # fmt: skip

    def landing_urls(self, line: I64, ids: pa.Array) -> pa.Array:
        """Final URLs with the vendor's click id appended: strings."""
        platform = self.platform_of_line(line)
        url = self._urls.take(pa.array(self.lines.ad[line] % len(self._urls)))
        glue = np.array([f"{sign}{CLICK_PARAMETER[p]}=" for sign in "?&" for p in PLATFORMS])
        tagged = np.asarray(pc.match_substring(url, "?")).astype(np.int64)
        return pc.binary_join_element_wise(url, pa.array(glue[tagged * len(PLATFORMS) + platform]), ids, "")

    def _truth(self, clicks: Clicks) -> Columns:
        cell = self.cell(clicks.line)
        kept = ("platform", "campaign_id", "ad_group_id", "ad_id", "network")
        return {
            "click_id": click_ids(cell["platform"], clicks.key), "person_id": clicks.person, "device_id": clicks.device,
            **{k: cell[k] for k in kept}, "was_bot": clicks.bot,
        }  # fmt: skip

    def _search_terms(self, day: int, shown: I64, views: I64, clicks: Clicks, price: I64, invalid_date: I64) -> Columns:
        """Figures of the terms the vendor shows: views in fixed shares of the keyword's own, clicks as they were."""
        lines, n_terms = self.lines, setup.N_TERMS
        n_keywords = len(self.company.keyword_ids)
        keyword = lines.keyword[shown]
        own = np.bincount(keyword[keyword >= 0], weights=views[keyword >= 0], minlength=n_keywords)
        visible = (clicks.term >= 0) & (clicks.term % n_terms < setup.N_SHOWN_TERMS)
        term, cost, on = clicks.term[visible], price[visible], invalid_date[visible]
        all_clicks = np.bincount(clicks.term[clicks.term >= 0] // n_terms, minlength=n_keywords)
        size = n_keywords * n_terms
        n = np.bincount(term, minlength=size)
        cents = np.bincount(term, weights=cost, minlength=size).astype(np.int64)
        shares = np.where(np.arange(n_terms) < setup.N_SHOWN_TERMS, setup.TERM_SHARES, 0.0)
        # floor(): the parts of the views without a click never exceed them
        seen = np.floor(np.maximum(own - all_clicks, 0)[:, None] * shares).astype(np.int64).ravel() + n
        code = np.flatnonzero(seen)
        bad = on >= 0
        taken, where = np.unique(on[bad] * size + term[bad], return_inverse=True)
        back_n = np.bincount(where, minlength=len(taken))
        back_cents = np.bincount(where, weights=cost[bad], minlength=len(taken)).astype(np.int64)
        terms = np.concatenate([code, taken % size])
        keyword = terms // n_terms
        first_line = self._line_of_keyword[keyword]
        cell = self.cell(first_line)
        kept = ("platform", "account_id", "campaign_id", "ad_group_id", "keyword_id")
        exact = terms % n_terms == 0
        bid_match = np.array(self.company.keyword_match, dtype=np.int64)[keyword]
        return {
            "date": np.full(len(terms), day), **{k: cell[k] for k in kept}, "search_term": terms,
            "match_type": np.where(exact, 0, np.maximum(bid_match, 1)),
            "impressions": np.concatenate([seen[code], np.zeros_like(back_n)]),
            "clicks": np.concatenate([n[code], -back_n]), "cost_micros": np.concatenate([cents[code], -back_cents]) * CENT,
            "posted_date": np.concatenate([np.full(len(code), day + 1), taken // size]),
        }  # fmt: skip

    @property
    def _line_of_keyword(self) -> I64:
        out = np.zeros(len(self.company.keyword_ids), np.int64)
        with_keyword = np.flatnonzero(self.lines.keyword >= 0)
        out[self.lines.keyword[with_keyword]] = with_keyword
        return out
