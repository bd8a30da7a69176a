"""What a visit shows of where it came from: source, medium and campaign as GA4 reads them, and the referrer."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import pyarrow as pa

from ingestion.sandbox.agents import CODE, Visits
from ingestion.sandbox.books import Books
from ingestion.sandbox.company import Company
from ingestion.sandbox.population import Population

REFERRERS = (
    "https://www.google.com/", "https://www.bing.com/", None, "https://www.bonytt.example/", "https://l.instagram.com/",
    "https://chatgpt.com/",
)  # fmt: skip


class Tags:
    """Reads visits of a company's people."""

    def __init__(self, company: Company, books: Books, people: Population) -> None:
        self.company, self.books, self.people = company, books, people

    def of(self, visits: Visits) -> tuple[pa.Array, pa.Array, pa.Array]:
        """What GA4 will read off each visit: source, medium, campaign (null where the link says none)."""
        table = self._table
        n_ads = len(self.company.ad_ids)
        line = np.maximum(visits.line, 0)
        ad = self.books.lines.ad[line]
        row = np.where(ad >= 0, ad, n_ads + self.books.lines.campaign[line])
        engine = np.where(self.people.uses_bing[visits.person] & (visits.device == 1), 1, 0)
        other = n_ads + len(self.company.campaigns) + 2 * (visits.channel - CODE["organic_search"]) + engine
        row = pa.array(np.where(visits.line >= 0, row, other))
        return table[0].take(row), table[1].take(row), table[2].take(row)

    @cached_property
    def _table(self) -> list[pa.Array]:
        """Source, medium and campaign by row: ads, then campaigns without ads, then the unpaid channels by engine."""
        tags: list[tuple[str, str, str | None]] = []
        lines, campaigns = self.books.lines, self.company.campaigns
        owner = dict(zip(lines.ad.tolist(), lines.campaign.tolist(), strict=True))
        untagged = {
            1: ("bing", "organic"),
            2: ("m.facebook.com", "referral"),
            3: ("linkedin.com", "referral"),
            4: ("tiktok.com", "referral"),
        }
        for ad, url in enumerate(self.company.ad_urls):
            campaign = campaigns[owner[ad]]
            query = dict(part.split("=") for part in url.partition("?")[2].split("&") if part)
            if campaign.platform == "google_ads":
                tags.append(("google", "cpc", campaign.name))
            elif query:
                tags.append((query["utm_source"], query["utm_medium"], query["utm_campaign"]))
            else:
                source, medium = untagged[self.books.platform_of_account.tolist()[campaign.account]]
                tags.append((source, medium, None))
        for campaign in campaigns:
            tags.append(("google" if campaign.platform == "google_ads" else "bing", "cpc", campaign.name))
        for pair in (
            (("google", "organic"), ("bing", "organic")), (("google", "organic"), ("bing", "organic")),
            (("(direct)", "(none)"),) * 2, (("newsletter", "email"),) * 2, (("bonytt.example", "referral"),) * 2,
            (("instagram.com", "referral"),) * 2, (("chatgpt.com", "referral"),) * 2,
        ):  # fmt: skip
            tags += [(s, m, "nyhetsbrev" if m == "email" else None) for s, m in pair]
        return [pa.array(column, pa.string()) for column in zip(*tags, strict=True)]

    def referrers(self, visits: Visits) -> pa.Array:
        """The page before, as browsers tell it; null: none."""
        words = pa.array(REFERRERS, pa.string())
        engine = np.where(self.people.uses_bing[visits.person] & (visits.device == 1), 1, 0)
        by_code = {"referral": 3, "organic_social": 4, "ai_assistant": 5, "direct": 2, "email": 2}
        which = np.full(len(visits), 2)
        for name, code in CODE.items():
            of = visits.channel == code
            which[of] = by_code.get(name, engine[of] if name not in ("prospecting", "retargeting", "lead_gen") else 2)
        return words.take(pa.array(which))
