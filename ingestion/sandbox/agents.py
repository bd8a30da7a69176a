"""What people do in a day: get needs, see ads, search, click and visit. Vectorised over everyone; the state is arrays.

Every draw is keyed by (stream, person, day), so leaving a channel out changes nobody's luck. A channel that is off shows
nothing: its clicks, and what seeing it does to people, are gone; who would have clicked may come by another way instead.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from ingestion.sandbox.ad_setup import CHANNELS, COUNTRIES, DEVICES, N_TERMS, PLATFORMS, TERM_SHARES, USELESS_TERMS
from ingestion.sandbox.books import Books, Clicks
from ingestion.sandbox.calendar import season, wall_times
from ingestion.sandbox.company import Company, epoch, from_epoch
from ingestion.sandbox.population import CATEGORIES, Population
from ingestion.sandbox.rng import F64, I64, U64, Bool, bits, exponential, integers, pick, poisson, uniform

# How a visit truly came about. The ad channels come first, in the order of ad_setup.CHANNELS.
VISIT_CHANNELS = (
    *CHANNELS,
    "organic_search",
    "organic_brand",
    "direct",
    "email",
    "referral",
    "organic_social",
    "ai_assistant",
)
CODE = {name: i for i, name in enumerate(VISIT_CHANNELS)}
_THEME_CATEGORY = {
    "kontorstoler": 0, "office-chairs": 0, "hevsenkebord": 1, "standing-desks": 1, "belysning": 2, "oppbevaring": 3,
    "bedrift": 4, "scandinavian-office": 4,
}  # fmt: skip
_CATEGORY_SHARES = [0.36, 0.30, 0.19, 0.15, 0.0]
_NEED_RATE = 0.0019  # new needs a day of an average person without one
_NEED_DAYS = 24.0
_PREVALENCE = 0.048  # of people with a need, used to set chances so that campaigns reach their planned size
_SEARCHES = 0.25  # a day of a person with a need
_BRAND_AWARE = 0.45  # expected share of searches that name the company
_REACH = 0.30  # of a platform's people see an ad of a running campaign on a day
_LOOKING = {"prospecting": 5.0, "lead_gen": 9.0, "retargeting": 3.0}  # how much likelier those with a need click
_POOL = 0.048  # expected share of a region's people who are retargetable on a platform


@dataclass
class Visits:
    """Visits of one day as arrays of one length; `line` -1 and `click` 0 unless an ad was clicked."""

    person: I64
    device: I64  # kind: index into DEVICES, also the person's device number
    channel: I64
    at: I64  # microseconds UTC
    key: U64
    line: I64
    click: U64
    useless: Bool  # came for something the company does not offer

    def __len__(self) -> int:
        return len(self.person)

    def take(self, which: Any) -> Visits:
        return Visits(*(getattr(self, f.name)[which] for f in fields(self)))

    @staticmethod
    def joined(parts: list[Visits]) -> Visits:
        return Visits(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Visits)))


Pair = tuple[I64, I64]


def _columns(pairs: list[Pair]) -> Pair:
    return np.concatenate([a for a, _ in pairs]), np.concatenate([b for _, b in pairs])


@dataclass(frozen=True)
class Day:
    """What people did: `forms` are clicks on ads that open a form on the platform and bring no visit; `clicks` are all,
    bots included."""

    visits: Visits
    forms: Visits
    clicks: Clicks


class Agents:
    """Everyone's needs, knowledge and history; `day` lets them act. State arrays are saved by name in STATE."""

    STATE = ("need_until", "category", "goodwill", "last_visit", "last_cart", "need_visits", "sessions")

    def __init__(self, company: Company, books: Books, people: Population, off: frozenset[str]) -> None:
        self.company, self.books, self.people, self.off = company, books, people, off
        self.seed = company.seed
        n, start = people.n, epoch(company.start)
        u = uniform(self.seed, "initial", people.who)
        self.need_until: npt.NDArray[np.int32] = np.where(
            u < _PREVALENCE, start + np.floor(u / _PREVALENCE * 40), 0
        ).astype(np.int32)
        self.category: npt.NDArray[np.int8] = self._categories(people.who, 0)
        self.goodwill: npt.NDArray[np.float32] = (uniform(self.seed, "known", people.who) ** 3 * 0.6).astype(np.float32)
        self.last_visit: npt.NDArray[np.int32] = np.zeros(n, np.int32)
        self.last_cart: npt.NDArray[np.int32] = np.zeros(n, np.int32)
        self.need_visits: npt.NDArray[np.int16] = np.zeros(n, np.int16)
        self.sessions: npt.NDArray[np.int32] = np.zeros(n, np.int32)
        campaigns = company.campaigns
        self._channel = np.array([CHANNELS.index(c.plan.channel) for c in campaigns])
        self._on = np.array([c.plan.channel not in off for c in campaigns])
        self._first = np.array([c.first for c in campaigns])
        self._last = np.array([c.last for c in campaigns])
        regions = {"NO": 0, "EU": 1, "US": 2}
        self._region = np.array([regions[{"no": "NO", "eu": "EU", "us": "US"}[c.plan.account[2:]]] for c in campaigns])
        self._platform = np.array([PLATFORMS.index(c.platform) for c in campaigns])
        self._rate = np.array([c.plan.clicks for c in campaigns]) * company.size.volume
        self._search_chances = self._chances_of_search()
        self._pools = {
            (platform, region): np.flatnonzero(self._members(platform) & (people.region == region))
            for platform in ("google_ads", "meta_ads", "linkedin_ads", "tiktok_ads")
            for region in (0, 1)
        }
        self._line_order = np.argsort(books.lines.campaign * len(DEVICES) + books.lines.device, kind="stable")
        cells = (books.lines.campaign * len(DEVICES) + books.lines.device)[self._line_order]
        bounds = np.arange(len(campaigns) * len(DEVICES))
        self._cell_from = np.searchsorted(cells, bounds, side="left")
        self._example = np.array(
            [int(np.argmax(people.country == c)) for c in range(len(COUNTRIES))]
        )  # someone of each
        self._cell_to = np.searchsorted(cells, bounds, side="right")

    def _members(self, platform: str) -> Bool:
        people = self.people
        everyone: Bool = np.ones(people.n, bool)
        return {"meta_ads": people.on_meta, "linkedin_ads": people.on_linkedin, "tiktok_ads": people.on_tiktok}.get(
            platform, everyone
        )

    def _categories(self, person: I64, day: int) -> npt.NDArray[np.int8]:
        private = pick(uniform(self.seed, "category", person, day), _CATEGORY_SHARES)
        return np.where(self.people.is_business[person], CATEGORIES.index("office"), private).astype(np.int8)

    def _chances_of_search(self) -> F64:
        """Chance that a search leads to a click on a campaign: (engine, region, is brand, category, campaign)."""
        chances = np.zeros((2, 3, 2, len(CATEGORIES), len(self._channel)))
        people = self.people
        category_share = np.array([*(0.85 * np.array(_CATEGORY_SHARES[:4])), 0.15])
        for c in self.company.campaigns:
            channel, region = c.plan.channel, int(self._region[c.index])
            if channel not in ("brand_search", "generic_search", "shopping", "performance_max"):
                continue
            engine = int(c.platform == "microsoft_ads")
            n_people = ((people.region == region) & (people.uses_bing == engine)).sum()
            searches = n_people * _PREVALENCE * _SEARCHES
            brand = int(channel == "brand_search")
            category = 4 if "b2b" in c.plan.key else _THEME_CATEGORY.get(c.plan.theme)
            hit = np.arange(len(CATEGORIES)) == category if category is not None else np.ones(len(CATEGORIES), bool)
            expected = searches * (_BRAND_AWARE if brand else 1 - _BRAND_AWARE) * category_share[hit].sum()
            chances[engine, region, brand, hit, c.index] = self._rate[c.index] / max(expected, 1e-9)
        total = chances.sum(axis=-1, keepdims=True)
        scaled: F64 = chances * np.minimum(1.0, 0.85 / np.maximum(total, 1e-9))
        return scaled

    def state(self) -> dict[str, npt.NDArray[Any]]:
        return {name: getattr(self, name) for name in self.STATE}

    def restore(self, state: dict[str, npt.NDArray[Any]]) -> None:
        for name in self.STATE:
            setattr(self, name, state[name])

    # --- a day ---------------------------------------------------------------------------------------------------
    def day(self, day: int, invited: I64) -> Day:
        """What people do on a day; `invited` are those who click an e-mail."""
        self._weights = self.books.line_weights(day)
        cumulative = np.concatenate([[0.0], np.cumsum(self._weights[self._line_order])])
        self._cell_base = cumulative[self._cell_from]
        self._cell_weight = cumulative[self._cell_to] - self._cell_base
        self._cumulative = cumulative[1:]
        self._shown = (self._first <= day) & (day < self._last)
        self.goodwill *= np.float32(0.997)
        self._saw = self._see(day)
        self._new_needs(day, self._saw)
        seeking = np.flatnonzero(self.need_until > day)
        through_ads, plain = self._search(day, seeking)
        through_ads += self._push(day)
        plain += [*self._unpaid(day, seeking), (invited, np.full(len(invited), CODE["email"]))]
        all_visits = Visits.joined(
            [self._ad_visits(day, *_columns(through_ads)), self.plain_visits(day, *_columns(plain))]
        )
        by_ad = all_visits.take(all_visits.line >= 0)
        clicks = self._clicks(day, by_ad)
        form = self._channel[self.books.lines.campaign[np.maximum(all_visits.line, 0)]] == CHANNELS.index("lead_gen")
        form &= all_visits.line >= 0
        every_click = Clicks.joined([clicks, self._bots(day)])
        return Day(all_visits.take(~form), all_visits.take(form), every_click)

    def _see(self, day: int) -> dict[str, Bool]:
        """Who sees a prospecting ad of each platform today; seeing it makes the company better known."""
        saw = {}
        for platform in ("meta_ads", "tiktok_ads", "linkedin_ads", "google_ads"):
            seen = np.zeros(self.people.n, bool)
            for region in (0, 1):
                running = (
                    self._shown & (self._platform == PLATFORMS.index(platform)) & (self._region == region)
                    & (self._channel == CHANNELS.index("prospecting"))
                )  # fmt: skip
                pool = self._pools[platform, region]
                if running.any() and "prospecting" not in self.off:
                    seen[pool] = uniform(self.seed, f"see/{platform}", pool, day) < _REACH
            self.goodwill[seen] += np.float32(0.002) * (1 - self.goodwill[seen])
            saw[platform] = seen
        return saw

    def _new_needs(self, day: int, saw: dict[str, Bool]) -> None:
        people = self.people
        private, business = season(from_epoch(day))
        rate = _NEED_RATE * people.eagerness * np.where(people.is_business, 1.3 * business, private)
        for seen in saw.values():
            rate = rate * (1 + 0.08 * seen)
        new = np.flatnonzero((self.need_until <= day) & (uniform(self.seed, "need", people.who, day) < rate))
        lasts = 4 + exponential(uniform(self.seed, "lasts", new, day), _NEED_DAYS - 4)
        self.need_until[new] = day + np.minimum(np.ceil(lasts), 120).astype(np.int32)
        self.category[new] = self._categories(new, day)
        self.need_visits[new] = 0

    def urge(self, person: I64, until: I64) -> None:
        """Give people a need until a day at least: colleagues who are asked to help decide."""
        fresh = self.need_until[person] < until
        self.need_until[person] = np.maximum(self.need_until[person], until)
        self.need_visits[person[fresh]] = 0

    def _search(self, day: int, seeking: I64) -> tuple[list[Pair], list[Pair]]:
        """Those with a need may search, for the company or for a thing, and click an ad, a plain result or nothing.

        Returns (person, campaign) of clicks on ads and (person, channel) of clicks on plain results.
        """
        seed, people = self.seed, self.people
        person = seeking[uniform(seed, "search", seeking, day) < _SEARCHES]
        brand = uniform(seed, "names_us", person, day) < 0.08 + 0.85 * np.minimum(self.goodwill[person], 1.0)
        engine = people.uses_bing[person].astype(np.int64)
        where = (
            engine,
            people.region[person].astype(np.int64),
            brand.astype(np.int64),
            self.category[person].astype(np.int64),
        )
        chances = (self._search_chances * self._shown)[where]
        ladder = np.cumsum(chances, axis=1)
        u = uniform(seed, "search_click", person, day)
        campaign = (ladder <= u[:, None]).sum(axis=1)
        paid = campaign < len(self._channel)
        paid[paid] &= self._on[campaign[paid]]
        organic = ~paid & (uniform(seed, "organic", person, day) < np.where(brand, 0.55, 0.12))
        code = np.where(brand[organic], CODE["organic_brand"], CODE["organic_search"])
        return [(person[paid], campaign[paid])], [(person[organic], code)]

    def _push(self, day: int) -> list[Pair]:
        """(person, campaign) of clicks on ads shown to people who were not looking: prospecting, retargeting, lead forms."""
        clicks = []
        wear = np.bincount(self.books.lines.campaign, weights=self._weights, minlength=len(self._rate))
        for (platform, region), pool in self._pools.items():
            for channel, multiple in _LOOKING.items():
                mine = np.flatnonzero(
                    self._shown & (self._platform == PLATFORMS.index(platform)) & (self._region == region)
                    & (self._channel == CHANNELS.index(channel))
                )  # fmt: skip
                if not len(mine) or channel in self.off:
                    continue
                people, size = pool, len(pool) * (1 + (multiple - 1) * _PREVALENCE)
                drawn = np.ones(1)
                if channel == "retargeting":
                    people = pool[(day - self.last_visit[pool] <= 30) & self.people.consents_ads[pool]]
                    size = len(pool) * _POOL * 2.0
                    drawn = np.where(day - self.last_cart[people] <= 10, 2.0, 1.0)
                rate = self._rate[mine] * wear[mine]
                looking = np.where(self.need_until[people] > day, multiple, 1.0)
                chance = np.minimum(rate.sum() / max(size, 1.0) * looking * drawn, 0.3)
                stream = f"{channel}/{platform}"
                person = people[uniform(self.seed, stream, people, day) < chance]
                campaign = mine[pick(uniform(self.seed, f"which/{stream}", person, day), rate)]
                clicks.append((person, campaign))
        return clicks

    def _unpaid(self, day: int, seeking: I64) -> list[Pair]:
        """(person, channel) of visits without an ad: straight to the site, through links elsewhere, social posts and AI assistants."""
        known = self.goodwill[seeking].astype(np.float64) * np.where(day - self.last_visit[seeking] <= 30, 1.0, 0.15)
        chances: dict[str, Any] = {
            "direct": 0.11 * known,
            "referral": 0.010,
            "organic_social": 0.009,
            "ai_assistant": 0.007,
        }
        out = []
        for channel, chance in chances.items():
            person = seeking[uniform(self.seed, f"visit/{channel}", seeking, day) < chance]
            out.append((person, np.full(len(person), CODE[channel])))
        return out

    def plain_visits(self, day: int, person: I64, channel: I64, key: U64 | None = None) -> Visits:
        """Visits without a click on an ad, at some time of the day on one of the person's devices."""
        if key is None:
            key = bits(self.seed, "visit", person, day, channel)[: len(person)]
        wall = wall_times(day, uniform(self.seed, "when", key))
        device = np.minimum(integers(uniform(self.seed, "device", key), 0, 3), self.people.n_devices[person] - 1)
        none = np.full(len(person), -1)
        return Visits(
            person, device, channel, self.people.instants(person, wall), key, none,
            np.zeros(len(person), np.uint64), np.zeros(len(person), bool),
        )  # fmt: skip

    def _ad_visits(self, day: int, person: I64, campaign: I64) -> Visits:
        """Visits through ads of the given campaigns, each through one of today's lines on a device it is sold on."""
        key = bits(self.seed, "ad_visit", person, day, campaign)[: len(person)]
        visits = self.plain_visits(day, person, self._channel[campaign], key)
        cell = campaign * len(DEVICES) + visits.device
        for fallback in (0, 1):
            cell = np.where(self._cell_weight[cell] > 0, cell, campaign * len(DEVICES) + fallback)
        sold = self._cell_weight[cell] > 0
        target = self._cell_base[cell] + uniform(self.seed, "line", visits.key) * self._cell_weight[cell]
        place = np.searchsorted(self._cumulative, target, side="right")
        place = np.clip(place, self._cell_from[cell], np.maximum(self._cell_to[cell] - 1, self._cell_from[cell]))
        visits.device = cell % len(DEVICES)
        visits.line = self._line_order[np.minimum(place, len(self._line_order) - 1)]
        visits.click = visits.key
        visits.useless = np.isin(self._terms(visits.line, visits.key) % N_TERMS, USELESS_TERMS)
        visits.useless &= self.books.lines.keyword[visits.line] >= 0
        return visits.take(sold)

    def _terms(self, line: I64, key: U64) -> I64:
        keyword = self.books.lines.keyword[line]
        return np.where(keyword >= 0, keyword * N_TERMS + pick(uniform(self.seed, "term", key), list(TERM_SHARES)), -1)

    def _clicks(self, day: int, visits: Visits) -> Clicks:
        return Clicks(
            visits.line, visits.click, visits.at, self._terms(visits.line, visits.click), visits.person,
            visits.person * 4 + visits.device, self.people.country[visits.person].astype(np.int64), np.zeros(len(visits), bool),
        )  # fmt: skip

    def _bots(self, day: int) -> Clicks:
        """Clicks by machines: two in a hundred of what each line is planned for."""
        lines = self.books.lines
        line = np.flatnonzero(self._weights)
        line = line[self._on[lines.campaign[line]]]
        n = poisson(
            uniform(self.seed, "bots", lines.key[line], day),
            0.02 * self._rate[lines.campaign[line]] * self._weights[line],
        )
        line = np.repeat(line, n)
        nth = np.arange(len(line)) - np.repeat(np.cumsum(n) - n, n)
        key = bits(self.seed, "bot", line, day, nth)[: len(line)]
        region = self._region[lines.campaign[line]]
        country = np.where(region == 1, 1 + (key % np.uint64(4)).astype(np.int64), np.where(region == 2, 5, 0))
        wall = wall_times(day, uniform(self.seed, "when", key))
        at = self.people.instants(self._example[country], wall)
        nobody = np.full(len(line), -1)
        return Clicks(line, key, at, self._terms(line, key), nobody, nobody, country, np.ones(len(line), bool))

    def viewed(self, day: int, person: I64) -> dict[str, tuple[Bool, I64]]:
        """By platform: which of these people took an ad of it in today without clicking, and in which line (-1: none)."""
        out = {}
        campaign = self.books.lines.campaign
        for platform, seen in self._saw.items():
            line = np.full(len(person), -1)
            took_in = seen[person] & (uniform(self.seed, f"minds/{platform}", person, day)[: len(person)] < 0.3)
            for region in (0, 1):
                mine = np.flatnonzero(
                    (self._weights > 0) & (self._platform[campaign] == PLATFORMS.index(platform))
                    & (self._region[campaign] == region) & (self._channel[campaign] == CHANNELS.index("prospecting"))
                )  # fmt: skip
                who = np.flatnonzero(took_in & (self.people.region[person] == region))
                if len(mine):
                    line[who] = mine[
                        pick(uniform(self.seed, f"saw/{platform}", person[who], day)[: len(who)], self._weights[mine])
                    ]
            out[platform] = (took_in, line)
        return out
