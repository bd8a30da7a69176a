"""What comes of visits: carts, orders, refunds, sign-ups, leads, deals, calls, tickets, reviews - and e-mail in return.

Whole lives are written when they begin (a deal with all its stages, an order with its refund): later moments carry times
that lie ahead, and a reader with a clock takes what has happened by then.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.sandbox.ad_setup import ACTION_CATEGORIES, SITE
from ingestion.sandbox.agents import CODE, Agents, Visits
from ingestion.sandbox.books import Books, Columns, click_ids, fixed_strings
from ingestion.sandbox.calendar import DAY_US, HOUR_US, zone
from ingestion.sandbox.company import Company, epoch, from_epoch
from ingestion.sandbox.population import COMPANY_SIZE, ROLES, SEGMENTS, Population
from ingestion.sandbox.rng import F64, I64, U64, Bool, bits, digit_bytes, exponential, integers, normal, pick, uniform

MINUTE_US = 60_000_000
PRODUCTS = (  # name, price with VAT in øre, category, cost share
    ("Kontorstol Fjell", 499_000, 0, 0.46), ("Kontorstol Vidde", 799_000, 0, 0.43), ("Gamingstol Natt", 349_000, 0, 0.55),
    ("Hev/senk-bord 120", 549_000, 1, 0.48), ("Hev/senk-bord 160", 749_000, 1, 0.45), ("Skrivebord Bjørk", 299_000, 1, 0.5),
    ("Lampe Lys", 69_000, 2, 0.40), ("Arbeidslampe Klar", 119_000, 2, 0.42), ("Hylle Plass", 119_000, 3, 0.52),
    ("Arkivskap Orden", 229_000, 3, 0.5), ("Fotstøtte", 49_900, 0, 0.35), ("Kabelkurv", 24_900, 1, 0.3),
)  # fmt: skip
_MAIN_PRODUCTS = np.array([(0, 1, 2), (3, 4, 5), (6, 7, 6), (8, 9, 8)])  # by category of the need
STAGES = ("Ny", "Møte", "Tilbud", "Forhandling", "Vunnet", "Tapt")
JOURNEY = ("none", "awareness", "consideration", "purchase", "onboarding", "loyalty")
OWNERS = ("Kari Østby", "Per Ås", "Nina Lund")
LOST = ("Pris", "Tid", "Konkurrent", "Ingen beslutning")
MAILS = ("newsletter", "welcome", "nurture_1", "nurture_2", "review_reminder")
MAIL_EVENTS = ("delivered", "bounced", "opened", "clicked", "unsubscribed")
REFERRERS = (
    "https://www.google.com/", "https://www.bing.com/", None, "https://www.bonytt.example/", "https://l.instagram.com/",
    "https://chatgpt.com/",
)  # fmt: skip
PATHS = ("kontorstoler", "hevsenkebord", "belysning", "oppbevaring", "bedrift", "", "salg")
ORIGINS = ("paid search", "organic search", "social", "email", "direct traffic", "referral", "webinar")
TOPICS = ("Levering", "Reklamasjon", "Bytte", "Spørsmål om produkt", "Faktura")


@dataclass
class Acts:
    """What people did that platforms might claim: arrays of one length, `action` codes of ACTION_CATEGORIES."""

    person: I64
    at: I64
    key: U64
    action: I64
    ore: I64

    @staticmethod
    def joined(parts: list[Acts]) -> Acts:
        return Acts(*(np.concatenate([getattr(p, n) for p in parts]) for n in ("person", "at", "key", "action", "ore")))


def numbered(prefix: str, numbers: I64) -> pa.Array:
    """Ids like L00012; null for negative numbers."""
    text = pc.utf8_lpad(pa.array(np.abs(numbers)).cast(pa.string()), 5, "0")
    return pc.if_else(
        pa.array(numbers >= 0), pc.binary_join_element_wise(prefix, text, ""), pa.scalar(None, pa.string())
    )


def customer_number(person: I64) -> I64:
    """A customer's number in the shop: one to one with the person, but telling nothing about the order of people."""
    return (person * 48_271 + 11) % 2_147_483_647


def contact_number(person: I64) -> I64:
    """A contact's number in the CRM, likewise."""
    return (person * 16_807 + 7) % 2_147_483_647


class Outcomes:
    """Turns visits into business; holds what the company's systems remember of people. State arrays by name in STATE."""

    STATE = ("stage", "subscribed", "n_orders", "last_order", "lead_day", "deal_until", "cookie", "next_number")

    def __init__(self, company: Company, books: Books, people: Population, agents: Agents) -> None:
        self.company, self.books, self.people, self.agents, self.seed = company, books, people, agents, company.seed
        n, start = people.n, epoch(company.start)
        who = people.who
        self.stage: npt.NDArray[np.int8] = np.zeros(n, np.int8)
        old = uniform(self.seed, "old_customer", who)
        self.n_orders: npt.NDArray[np.int16] = (old < 0.06).astype(np.int16)
        self.n_orders[2] = 1  # the planted person with three devices logs in
        self.stage[self.n_orders > 0] = JOURNEY.index("onboarding")
        self.last_order: npt.NDArray[np.int32] = np.where(self.n_orders > 0, start - 40 - (old / 0.06 * 300), 0).astype(
            np.int32
        )
        on_list = uniform(self.seed, "old_subscriber", who) < np.where(self.n_orders > 0, 0.4, 0.02)
        self.subscribed: npt.NDArray[np.int32] = np.where(on_list, start - 30, 0).astype(np.int32)
        self.lead_day: npt.NDArray[np.int32] = np.zeros(n, np.int32)
        self.deal_until: npt.NDArray[np.int32] = np.zeros(people.n_companies, np.int32)
        self.cookie: npt.NDArray[np.int16] = np.full((3, n), -1, np.int16)
        self.next_number: I64 = np.array([10_000, 0], np.int64)  # orders, leads
        self._oslo = zone("Europe/Oslo")

    def state(self) -> dict[str, npt.NDArray[Any]]:
        return {name: getattr(self, name) for name in self.STATE}

    def restore(self, state: dict[str, npt.NDArray[Any]]) -> None:
        for name in self.STATE:
            setattr(self, name, state[name])

    def _u(self, stream: str, key: U64) -> F64:
        return uniform(self.seed, stream, key)

    # --- e-mail --------------------------------------------------------------------------------------------------
    def mail(self, day: int, is_off: bool) -> tuple[Columns, I64]:
        """E-mails sent in the morning and what happens to them; and the people who will click through to the site."""
        on_list = self.subscribed > 0
        weekday = from_epoch(day).weekday()
        groups = [
            np.flatnonzero(on_list & (self.subscribed < day)) if weekday == 1 else np.empty(0, np.int64),
            np.flatnonzero(self.subscribed == day - 1),
            np.flatnonzero((self.lead_day > 0) & (self.lead_day == day - 3)),
            np.flatnonzero((self.lead_day > 0) & (self.lead_day == day - 10)),
            np.flatnonzero((self.last_order > 0) & (self.last_order == day - 12)),
        ]
        if is_off:
            groups = [np.empty(0, np.int64) for _ in groups]
        person, kind = np.concatenate(groups), np.repeat(np.arange(len(groups)), [len(g) for g in groups])
        key = bits(self.seed, "mail", person, day, kind)[: len(person)]
        sent = (
            self._oslo.instants(np.full(len(person), day * DAY_US + 9 * HOUR_US))
            + (key % np.uint64(600)).astype(np.int64) * 1_000_000
        )
        arrives = self._u("mail_arrives", key) < 0.985
        proxy = arrives & self.people.mail_proxy[person]
        seeks = self.agents.need_until[person] > day
        reads = arrives & (self._u("mail_read", key) < np.where(kind == 0, 0.26, 0.48))
        clicks = reads & (self._u("mail_click", key) < np.where(seeks, 0.30, 0.07))
        leaves = reads & (self._u("mail_leave", key) < 0.006)
        self.subscribed[person[leaves]] = -1
        self.agents.goodwill[person[reads]] += np.float32(0.006)
        read_at = sent + exponential(self._u("mail_when", key), 4 * HOUR_US).astype(np.int64) % (14 * HOUR_US)
        opened = proxy | reads
        open_at = np.where(proxy, sent + 5 * MINUTE_US, read_at)
        happened = [
            (arrives, sent, 0), (~arrives, sent, 1), (opened, open_at, 2), (clicks, read_at + MINUTE_US, 3),
            (leaves, read_at + 2 * MINUTE_US, 4),
        ]  # fmt: skip
        row = np.concatenate([np.flatnonzero(h) for h, _, _ in happened])
        event = np.repeat([e for _, _, e in happened], [h.sum() for h, _, _ in happened])
        at = np.concatenate([a[h] for h, a, _ in happened])
        label = pa.array([f"{m}_{from_epoch(day)}" if i == 0 else m for i, m in enumerate(MAILS)])
        columns = {
            "event_id": click_ids(np.ones(len(row), np.int64), bits(self.seed, "mail_event", key[row], event)[: len(row)]),
            "mail_id": label.take(pa.array(kind[row])), "mail_kind": kind[row], "email": self.people.emails(person[row]),
            "event": event, "happened_at": at, "is_proxy_open": (event == 2) & proxy[row], "sent_at": sent[row],
        }  # fmt: skip
        return columns, np.unique(person[clicks])

    # --- the site ------------------------------------------------------------------------------------------------
    def happen(self, day: int, visits: Visits, forms: Visits, forced: Bool) -> tuple[dict[str, Columns], Acts]:
        """Everything that comes of a day's visits and platform forms; `forced` visits buy whatever else."""
        order = np.lexsort((visits.key, visits.at))
        visits, forced = visits.take(order), forced[order]
        people, agents, person, key = self.people, self.agents, visits.person, visits.key
        seeks = (agents.need_until[person] > day) & ~visits.useless
        business = people.is_business[person]
        goodwill = np.minimum(agents.goodwill[person].astype(np.float64), 1.0)
        ramp = np.minimum(1.0, 0.45 + 0.25 * agents.need_visits[person])
        wish = np.where(seeks, (0.5 + 1.6 * goodwill) * ramp, 0.04) * ~visits.useless
        buys = ~business & (self._u("buys", key) < 0.045 * wish)
        buys[forced] = True
        buys &= _first_of(person, buys)
        carts = buys | (~business & (self._u("carts", key) < 0.16 * wish))
        checks_out = buys | (carts & (self._u("checks_out", key) < 0.35))
        asks = business & seeks & (self._u("asks", key) < 0.06 * ramp)
        asks &= _first_of(person, asks)
        calls = asks & (self._u("calls", key) < 0.18)
        signs = (self.subscribed[person] == 0) & (self._u("signs", key) < np.where(seeks, 0.035, 0.01))
        signs &= _first_of(person, signs)
        fills = self._u("fills", forms.key) < np.where(people.is_business[forms.person], 0.30, 0.08)
        fills &= _first_of(forms.person, fills)
        filled = forms.take(fills)

        n_pages = 1 + np.floor(exponential(self._u("pages", key), 1.0) * (1.2 + 3.2 * seeks)).astype(np.int64)
        n_pages = np.minimum(n_pages, 25) + 2 * carts + 2 * checks_out + asks
        engaged = (n_pages * (6 + 30 * self._u("engaged", key)) * 1000).astype(np.int64)
        end = visits.at + engaged * 1000
        first_lead = int(self.next_number[1])
        order_number = np.where(buys, int(self.next_number[0]) + np.cumsum(buys) - 1, -1)
        lead_number = np.where(asks, first_lead + np.cumsum(asks) - 1, -1)
        form_number = first_lead + int(asks.sum()) + np.arange(len(filled))
        self.next_number += np.array([buys.sum(), asks.sum() + len(filled)])

        out = {
            **self._visit_rows(day, visits, n_pages, engaged, carts, checks_out, signs, asks, order_number, lead_number),
            **self._orders(day, visits.take(buys), end[buys], order_number[buys]),
        }  # fmt: skip
        lead_person = np.concatenate([person[asks], filled.person])
        lead_at = np.concatenate([end[asks], filled.at + 2 * MINUTE_US])
        lead_key = np.concatenate([key[asks], filled.key])
        through = np.concatenate([np.where(calls[asks], 1, 0), 2 + (self._platform(filled.line) == 2)])
        channel = np.concatenate([visits.channel[asks], filled.channel])
        number = np.concatenate([lead_number[asks], form_number])
        out |= self._leads(day, lead_person, lead_at, lead_key, through, channel, number)
        out["lead_form_responses"] = self._responses(filled)
        n_visits = np.bincount(np.searchsorted(np.unique(person), person), minlength=0)
        whom = np.unique(person)
        agents.sessions[whom] += n_visits.astype(np.int32)
        agents.need_visits[whom] += 1
        agents.last_visit[whom] = day
        agents.last_cart[person[carts & ~buys]] = day
        agents.goodwill[whom] = np.minimum(agents.goodwill[whom] + 0.05, 1.0)
        self.subscribed[person[signs]] = day
        out |= self._stages(day, whom, person[carts | signs | asks], person[buys], visits)
        ore = out["orders"]["amount_ore"]
        tracked = day not in self.company.outage_days
        acts = [
            self._acts(person, end, key, buys & tracked, "purchase", ore if tracked else ore[:0]),
            self._acts(person, end - MINUTE_US, key, carts & tracked, "add_to_cart", None),
            self._acts(person, end, key, asks & ~calls & tracked, "lead", None),
            self._acts(person, end, key, calls & tracked, "phone_call", None),
            self._acts(person, end, key, signs & tracked, "sign_up", None),
            self._acts(filled.person, filled.at + 2 * MINUTE_US, filled.key, np.ones(len(filled), bool), "lead", None),
        ]
        return out, Acts.joined(acts)

    def _acts(self, person: I64, at: I64, key: U64, which: Bool, category: str, ore: I64 | None) -> Acts:
        n = int(which.sum())
        code = ACTION_CATEGORIES.index(category)
        own = bits(self.seed, f"act/{category}", key[which])[:n]
        worth = np.zeros(n, np.int64) if ore is None else ore
        return Acts(person[which], at[which], own, np.full(n, code), worth)

    def _platform(self, line: I64) -> I64:
        return self.books.platform_of_account[self.books.lines.account[line]]

    def client_ids(self, person: I64, device: I64, generation: I64) -> pa.Array:
        """First-party cookie values, which last about two months on a device."""
        key = bits(self.seed, "cookie", person, device, generation)[: len(person)]
        dot = np.full((len(person), 1), ord("."), np.uint8)
        return fixed_strings(np.hstack([digit_bytes(key, 9), dot, digit_bytes(key >> np.uint64(20), 10)]))

    def _visit_rows(
        self, day: int, visits: Visits, n_pages: I64, engaged: I64, carts: Bool, checks_out: Bool, signs: Bool, asks: Bool,
        order_number: I64, lead_number: I64,
    ) -> dict[str, Columns]:  # fmt: skip
        people, person, key = self.people, visits.person, visits.key
        n = len(visits)
        generation = (day + person % 60) // 60
        allowed, ads = people.consents_analytics[person], people.consents_ads[person]
        shown_to_us = np.ones(n, bool)
        if day in self.company.outage_days:
            shown_to_us = self._u("outage", key) >= 0.7
        dates = self._oslo.dates(visits.at)
        nth = _rank_within(person)
        by_ad = visits.line >= 0
        line = np.maximum(visits.line, 0)
        ids = pc.if_else(pa.array(by_ad), click_ids(self._platform(line), visits.click), pa.scalar(None, pa.string()))
        source, medium, campaign = self.tags(visits)
        path = pa.array(PATHS).take(pa.array(self.agents.category[person].astype(np.int64)))
        mail = visits.channel == CODE["email"]
        tail = pa.array(["", "?utm_source=newsletter&utm_medium=email&utm_campaign=nyhetsbrev"]).take(
            pa.array(mail.astype(np.int64))
        )
        plain = pc.binary_join_element_wise(SITE, pc.binary_join_element_wise(path, tail, ""), "/")
        landing = pc.if_else(pa.array(by_ad), self.books.landing_urls(line, ids), plain)
        visit_id = click_ids(np.ones(n, np.int64), key)
        logged_in = allowed & (self.n_orders[person] > 0) & ((self._u("login", key) < 0.4) | (person == 2))
        client = pc.if_else(
            pa.array(allowed), self.client_ids(person, visits.device, generation), pa.scalar(None, pa.string())
        )
        rows = {
            "visit_id": visit_id, "started_at": visits.at, "date": dates, "client_id": client,
            "user_id": numbered("C", np.where(logged_in, customer_number(person), -1)),
            "session_number": self.agents.sessions[person] + 1 + nth, "device": visits.device,
            "browser": pick(uniform(self.seed, "browser", person, visits.device), [0.5, 0.3, 0.12, 0.08]),
            "country": people.country[person].astype(np.int64), "landing_url": landing,
            "referrer": self._referrers(visits), "consent_analytics": allowed, "consent_ads": ads, "click_id": ids,
            "source": source, "medium": medium, "campaign": campaign, "n_page_views": n_pages, "engagement_ms": engaged,
            "has_cart": carts, "has_checkout": checks_out, "has_sign_up": signs, "has_lead": asks,
            "order_id": numbered("", order_number), "lead_id": numbered("L", lead_number),
            "category": self.agents.category[person].astype(np.int64),
        }  # fmt: skip
        touches = {
            "person_id": person, "touched_at": visits.at, "channel": visits.channel,
            "platform": np.where(by_ad, self._platform(line), -1),
            "campaign_id": np.where(by_ad, self.books.lines.campaign[line], -1), "visit_id": visit_id,
        }  # fmt: skip
        fresh = np.flatnonzero(self.cookie[visits.device, person] != generation)
        _, once = np.unique(person[fresh] * 4 + visits.device[fresh], return_index=True)
        fresh = fresh[np.sort(once)]
        self.cookie[visits.device[fresh], person[fresh]] = generation[fresh].astype(np.int16)
        known = fresh[allowed[fresh]]
        identifiers = {
            "person_id": person[known], "kind": pa.array(["client_id"] * len(known), pa.string()),
            "value": client.take(pa.array(known)), "device_id": person[known] * 4 + visits.device[known],
            "from_date": np.full(len(known), day),
        }  # fmt: skip
        asked = len(fresh)
        silent = int((self._u("banner", key[fresh]) < 0.08).sum())
        yes = np.array([allowed[fresh].sum(), ads[fresh].sum()])
        counts = {
            "date": np.full(2, day), "purpose": np.arange(2), "shown": np.full(2, asked), "accepted": yes,
            "denied": np.maximum(asked - yes - silent, 0),
        }  # fmt: skip
        kept = {
            k: v.filter(pa.array(shown_to_us)) if isinstance(v, pa.Array) else v[shown_to_us] for k, v in rows.items()
        }
        return {"visits": kept, "touches": touches, "identifiers": identifiers, "consent_counts": counts}

    def tags(self, visits: Visits) -> tuple[pa.Array, pa.Array, pa.Array]:
        """What GA4 will read off each visit: source, medium, campaign (null where the link says none)."""
        table = self._tag_table
        n_ads = len(self.company.ad_ids)
        line = np.maximum(visits.line, 0)
        ad = self.books.lines.ad[line]
        row = np.where(ad >= 0, ad, n_ads + self.books.lines.campaign[line])
        engine = np.where(self.people.uses_bing[visits.person] & (visits.device == 1), 1, 0)
        other = n_ads + len(self.company.campaigns) + 2 * (visits.channel - CODE["organic_search"]) + engine
        row = pa.array(np.where(visits.line >= 0, row, other))
        return table[0].take(row), table[1].take(row), table[2].take(row)

    @cached_property
    def _tag_table(self) -> list[pa.Array]:
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

    def _referrers(self, visits: Visits) -> pa.Array:
        words = pa.array(REFERRERS, pa.string())
        engine = np.where(self.people.uses_bing[visits.person] & (visits.device == 1), 1, 0)
        by_code = {"referral": 3, "organic_social": 4, "ai_assistant": 5, "direct": 2, "email": 2}
        which = np.full(len(visits), 2)
        for name, code in CODE.items():
            of = visits.channel == code
            which[of] = by_code.get(name, engine[of] if name not in ("prospecting", "retargeting", "lead_gen") else 2)
        return words.take(pa.array(which))

    # --- the shop ------------------------------------------------------------------------------------------------
    def _orders(self, day: int, visits: Visits, at: I64, number: I64) -> dict[str, Columns]:
        people, person, key, n = self.people, visits.person, visits.key, len(visits)
        n_lines = 1 + pick(self._u("basket", key), [0.55, 0.3, 0.15])
        o = np.repeat(np.arange(n), n_lines)
        nth = np.arange(len(o)) - np.repeat(np.cumsum(n_lines) - n_lines, n_lines)
        line_key = bits(self.seed, "order_line", key[o], nth)[: len(o)]
        main = _MAIN_PRODUCTS[np.minimum(self.agents.category[person], 3), integers(self._u("product", key), 0, 3)]
        any_ = integers(self._u("any_product", line_key), 0, len(PRODUCTS))
        sku = np.where(nth == 0, main[o], any_)
        quantity = 1 + pick(self._u("quantity", line_key), [0.86, 0.1, 0.04])
        price = np.array([p[1] for p in PRODUCTS])[sku]
        price = np.where(self._u("gift", line_key) < 0.01, 0, price)
        share = 0.2 if from_epoch(day).month == 11 and 20 <= from_epoch(day).day <= 30 else 0.0
        share_of = np.where(self._u("code", key) < 0.08, 0.1, share)[o]
        discount = np.rint(price * share_of / 100).astype(np.int64) * 100 * quantity  # whole kroner a piece
        amount = price * quantity - discount
        cost = np.rint(price * quantity * np.array([p[3] for p in PRODUCTS])[sku] * 0.8).astype(np.int64)
        goods = np.bincount(o, weights=amount, minlength=n).astype(np.int64)
        shipping = np.where(goods < 100_000, 9_900, 0)
        order_id = numbered("", number)
        email = people.emails(person)
        is_guest = self._u("guest", key) < 0.08
        customer = numbered("C", np.where(is_guest, -1, customer_number(person)))
        orders = {
            "order_id": order_id, "ordered_at": at, "customer_id": customer, "email": email, "phone": people.phones(person),
            "country": people.country[person].astype(np.int64), "amount_ore": goods + shipping, "shipping_ore": shipping,
            "discount_ore": np.bincount(o, weights=discount, minlength=n).astype(np.int64),
            "cost_ore": np.bincount(o, weights=cost, minlength=n).astype(np.int64),
            "source": self.tags(visits)[0], "medium": self.tags(visits)[1], "campaign": self.tags(visits)[2],
        }  # fmt: skip
        taken = pa.array(o)
        lines = {
            "order_id": order_id.take(taken), "ordered_at": at[o], "line_number": nth + 1, "sku": numbered("SKU-", sku),
            "product": pa.array([p[0] for p in PRODUCTS]).take(pa.array(sku)), "quantity": quantity,
            "unit_price_ore": price, "discount_ore": discount, "amount_ore": amount, "cost_ore": cost,
        }  # fmt: skip
        back = np.flatnonzero(self._u("refund", key) < 0.06)
        whole = self._u("whole_refund", key[back]) < 0.7
        first = np.concatenate([[0], np.cumsum(n_lines)])[:-1]
        when = at[back] + ((2 + 12 * self._u("refund_after", key[back])) * DAY_US).astype(np.int64)
        refunds = {
            "refund_id": numbered("R", number[back]), "order_id": order_id.take(pa.array(back)), "refunded_at": when,
            "is_whole": whole, "amount_ore": np.where(whole, goods[back], amount[first[back]] if len(back) else 0),
            "reason": integers(self._u("reason", key[back]), 0, 3),
        }  # fmt: skip
        new = self.n_orders[person] == 0
        self.n_orders[person] += 1
        self.last_order[person] = day
        self.agents.need_until[person] = day
        joins = (self.subscribed[person] == 0) & (self._u("joins", key) < 0.3)
        self.subscribed[person[joins]] = day
        out = {"orders": orders, "order_lines": lines, "refunds": refunds}
        who = person[new]
        ids: list[tuple[str, pa.Array]] = [
            ("user_id", numbered("C", customer_number(who))), ("email", people.emails(who)), ("phone", people.phones(who)),
        ]  # fmt: skip
        out["identifiers/orders"] = self._identifiers(day, who, ids)
        return out | self._service(person, at, key, order_id, back)

    def _identifiers(self, day: int, who: I64, ids: list[tuple[str, pa.Array]]) -> Columns:
        k = len(ids)
        return {
            "person_id": np.tile(who, k), "kind": pa.array([name for name, _ in ids for _ in who], pa.string()),
            "value": pa.concat_arrays([v.cast(pa.string()) for _, v in ids]), "device_id": np.full(k * len(who), -1),
            "from_date": np.full(k * len(who), day),
        }  # fmt: skip

    def _service(self, person: I64, at: I64, key: U64, order_id: pa.Array, returned: I64) -> dict[str, Columns]:
        """Tickets, reviews and answers to "would you recommend us?" that follow orders."""
        people = self.people
        chance = np.full(len(person), 0.07)
        chance[returned] = 0.6
        asks = np.flatnonzero(self._u("ticket", key) < chance)
        opened = at[asks] + exponential(self._u("ticket_after", key[asks]), 4 * DAY_US).astype(np.int64)
        reply = opened + exponential(self._u("reply", key[asks]), 7 * HOUR_US).astype(np.int64)
        solved = reply + exponential(self._u("solve", key[asks]), 30 * HOUR_US).astype(np.int64)
        happy = integers(self._u("happy", key[asks]), 1, 6)
        ticket_id = numbered("T", (key[asks] % np.uint64(10**9)).astype(np.int64))
        tickets = {
            "ticket_id": ticket_id, "email": people.emails(person[asks]), "order_id": order_id.take(pa.array(asks)),
            "category": integers(self._u("topic", key[asks]), 0, len(TOPICS)), "opened_at": opened, "first_reply_at": reply,
            "solved_at": solved, "satisfaction": np.where(self._u("answers", key[asks]) < 0.35, happy, -1),
        }  # fmt: skip
        writes = np.flatnonzero(self._u("review", key) < 0.10)
        rating = 1 + pick(self._u("rating", key[writes]), [0.07, 0.05, 0.08, 0.25, 0.55])
        reviews = {
            "review_id": numbered("G", (key[writes] % np.uint64(10**9)).astype(np.int64)),
            "reviewed_at": at[writes] + ((9 + 20 * self._u("review_after", key[writes])) * DAY_US).astype(np.int64),
            "rating": rating, "n_characters": np.floor(exponential(self._u("length", key[writes]), 120.0)).astype(np.int64),
            "author": people.first_names(person[writes]),
        }  # fmt: skip
        says = np.flatnonzero(self._u("nps", key) < 0.12)
        nps = {
            "email": people.emails(person[says]),
            "answered_at": at[says] + ((20 + 10 * self._u("nps_after", key[says])) * DAY_US).astype(np.int64),
            "score": 10 - pick(self._u("score", key[says]), [0.3, 0.2, 0.17, 0.12, 0.06, 0.05, 0.04, 0.02, 0.02, 0.01, 0.01]),
        }  # fmt: skip
        return {"tickets": tickets, "reviews": reviews, "nps": nps}

    # --- sales to companies --------------------------------------------------------------------------------------
    def _leads(
        self, day: int, person: I64, at: I64, key: U64, through: I64, channel: I64, number: I64
    ) -> dict[str, Columns]:
        people, n = self.people, len(person)
        company = people.company[person]
        segment = (np.maximum(company, 0) * 7) % len(SEGMENTS)
        owner = number % len(OWNERS)
        fits = (self._u("qualifies", key) < np.where(through >= 2, 0.35, 0.6)) & (company >= 0)
        qualified = at + ((0.3 + 7 * self._u("qualify_after", key)) * DAY_US).astype(np.int64)
        origin = _ORIGIN_OF_CHANNEL[channel]
        origin = np.where(
            self._u("origin_unknown", key) < 0.04, -1, np.where(self._u("origin_wrong", key) < 0.12, 4, origin)
        )
        leads = {
            "lead_id": numbered("L", number), "created_at": at, "contact_id": numbered("K", contact_number(person)),
            "first_name": people.first_names(person), "last_name": people.last_names(person), "email": people.emails(person),
            "phone": people.phones(person), "company": people.company_names(company), "job_title": people.roles(person),
            "segment": segment, "owner": owner, "origin": origin, "came_by": through,
            "landing_path": self.agents.category[person].astype(np.int64),
            "qualified_at": np.where(fits, qualified, -1),
        }  # fmt: skip
        fresh = fits & (self.deal_until[np.maximum(company, 0)] <= day)
        fresh &= _first_of(company, fresh)
        opens = np.flatnonzero(fresh)
        self.lead_day[person] = day
        out = {
            "leads": leads,
            **self._deals(
                day, person[opens], qualified[opens], key[opens], number[opens], segment[opens], owner[opens]
            ),
        }
        dial = np.flatnonzero(company >= 0)
        out["calls"] = {
            "call_id": numbered("Q", number[dial]), "called_at": np.where(through[dial] == 1, at[dial], at[dial] + 20 * HOUR_US),
            "phone": people.phones(person[dial]), "contact_id": numbered("K", contact_number(person[dial])),
            "is_inbound": through[dial] == 1,
            "seconds": np.floor(exponential(self._u("call", key[dial]), 210.0)).astype(np.int64),
        }  # fmt: skip
        ids: list[tuple[str, pa.Array]] = [
            ("crm_id", numbered("K", contact_number(person))), ("email", people.emails(person)), ("phone", people.phones(person)),
        ]  # fmt: skip
        out["identifiers/leads"] = self._identifiers(day, person, ids)
        assert n == len(number)
        return out

    def _deals(
        self, day: int, person: I64, opened: I64, key: U64, number: I64, segment: I64, owner: I64
    ) -> dict[str, Columns]:
        """A deal a company: its stages, the colleagues who take part, meetings; colleagues begin to look for themselves."""
        people, n = self.people, len(person)
        company = people.company[person]
        lasts = 8 + exponential(self._u("deal_days", key), 28.0)
        closed = opened + (np.minimum(lasts, 120) * DAY_US).astype(np.int64)
        liked = np.minimum(self.agents.goodwill[person].astype(np.float64), 1.0)
        won = self._u("won", key) < 0.22 + 0.4 * liked
        amount = np.rint(np.exp(11.3 + 0.8 * normal(self._u("deal_size", key))) / 100).astype(np.int64) * 10_000
        self.deal_until[company] = (closed // DAY_US).astype(np.int32) + 30
        colleagues = people.first_business + company[:, None] * COMPANY_SIZE + np.arange(COMPANY_SIZE)
        takes_part = (uniform(self.seed, "takes_part", key[:, None], np.arange(COMPANY_SIZE)[None, :]) < 0.6) | (
            colleagues == person[:, None]
        )
        who, d = colleagues[takes_part], np.repeat(np.arange(n), takes_part.sum(axis=1))
        self.agents.urge(who, np.minimum(closed[d] // DAY_US, day + 45).astype(np.int32))
        deal_id = numbered("D", number)
        deals = {
            "deal_id": deal_id, "lead_id": numbered("L", number), "contact_id": numbered("K", contact_number(person)),
            "company": people.company_names(company), "created_at": opened, "closed_at": closed, "is_won": won,
            "amount_ore": amount, "segment": segment, "owner": owner,
            "lost_reason": np.where(won, -1, integers(self._u("lost", key), 0, len(LOST))),
        }  # fmt: skip
        reached = np.where(won, 4, 1 + integers(self._u("reached", key), 0, 4))
        steps = np.repeat(np.arange(n), reached + 1)
        nth = np.arange(len(steps)) - np.repeat(np.cumsum(reached + 1) - reached - 1, reached + 1)
        last = nth == reached[steps]
        share = nth / np.maximum(reached[steps], 1)
        entered = opened[steps] + ((closed - opened)[steps] * share).astype(np.int64)
        stages = {
            "deal_id": deal_id.take(pa.array(steps)), "stage": np.where(last, np.where(won[steps], 4, 5), nth),
            "entered_at": np.where(last, closed[steps], entered),
        }  # fmt: skip
        contacts = {
            "deal_id": deal_id.take(pa.array(d)), "contact_id": numbered("K", contact_number(who)),
            "email": people.emails(who), "first_name": people.first_names(who), "last_name": people.last_names(who),
            "buying_role": (who - people.first_business) % COMPANY_SIZE, "added_at": opened[d],
        }  # fmt: skip
        met = np.flatnonzero(reached >= 2)
        meetings = {
            "meeting_id": numbered("M", number[met]), "deal_id": deal_id.take(pa.array(met)),
            "held_at": opened[met] + (closed - opened)[met] // 5, "is_online": self._u("online", key[met]) < 0.6,
            "contact_id": numbered("K", contact_number(person[met])),
        }  # fmt: skip
        steps_won = {
            "person_id": person[won], "stage": np.full(int(won.sum()), JOURNEY.index("purchase")), "entered_at": closed[won],
        }  # fmt: skip
        self.stage[person[won]] = JOURNEY.index("purchase")
        return {
            "deals": deals, "deal_stages": stages, "deal_contacts": contacts, "meetings": meetings, "stage_entries/won": steps_won,
        }  # fmt: skip

    def _responses(self, filled: Visits) -> Columns:
        """LinkedIn's own forms, as people fill them in."""
        linkedin = filled.take(self._platform(filled.line) == 3)
        people, person = self.people, linkedin.person
        cell = self.books.cell(linkedin.line)
        forms = pa.array([self.company.make_id(f"form/{c.plan.key}", 8) for c in self.company.campaigns])
        has_phone = self._u("gives_phone", linkedin.key) < 0.7
        company = people.company_names(people.company[person])
        return {
            **{k: cell[k] for k in ("platform", "account_id", "campaign_id", "ad_group_id", "ad_id")},
            "form_id": forms.take(pa.array(cell["campaign_id"])),
            "response_id": click_ids(np.ones(len(person), np.int64), bits(self.seed, "response", linkedin.key)[: len(person)]),
            "submitted_at": linkedin.at + 2 * MINUTE_US, "first_name": people.first_names(person),
            "last_name": people.last_names(person), "email": people.emails(person),
            "phone": pc.if_else(pa.array(has_phone), people.phones(person), pa.scalar(None, pa.string())),
            "company": pc.fill_null(company, "-"), "job_title": people.roles(person),
        }  # fmt: skip

    def _stages(self, day: int, visited: I64, considered: I64, bought: I64, visits: Visits) -> dict[str, Columns]:
        """Who entered which stage of the journey today (truth). Nobody falls back; buying twice is loyalty."""
        again = self.agents.need_visits[visited] >= 2
        reached = {
            1: visited, 2: np.unique(np.concatenate([considered, visited[again]])), 3: bought, 4: bought,
            5: bought[self.n_orders[bought] >= 2],
        }  # fmt: skip
        rows: list[tuple[I64, int, int]] = []
        for stage, who in reached.items():
            entering = np.unique(who[self.stage[who] < stage])
            self.stage[entering] = stage
            rows.append((entering, stage, (3 if stage == 4 else 0) * DAY_US))
        last_seen = np.zeros(self.people.n, np.int64)
        last_seen[visits.person] = visits.at
        return {
            "stage_entries": {
                "person_id": np.concatenate([w for w, _, _ in rows]),
                "stage": np.concatenate([np.full(len(w), s) for w, s, _ in rows]),
                "entered_at": np.concatenate([last_seen[w] + plus for w, _, plus in rows]),
            }
        }


def _first_of(group: I64, which: Bool) -> Bool:
    """True for the first element of each group among those chosen."""
    rows = np.flatnonzero(which)
    _, first = np.unique(group[rows], return_index=True)
    out = np.zeros(len(group), bool)
    out[rows[first]] = True
    return out


def _rank_within(group: I64) -> I64:
    """0, 1, 2, ... within each group, in order of appearance."""
    order = np.argsort(group, kind="stable")
    ordered = group[order]
    start = (
        np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]])) if len(group) else np.empty(0, np.int64)
    )
    sizes = np.diff(np.concatenate([start, [len(group)]]))
    out = np.empty(len(group), np.int64)
    out[order] = np.arange(len(group)) - np.repeat(start, sizes)
    return out


_ORIGIN_OF_CHANNEL = np.array([0, 0, 0, 0, 2, 2, 2, 1, 1, 4, 3, 5, 2, 5])

# Words of coded columns that belong to no other module.
WORDS: dict[str, list[str]] = {
    "mail_kind": list(MAILS), "event": list(MAIL_EVENTS), "browser": ["Chrome", "Safari", "Edge", "Firefox"],
    "supplier": ["Nyhetsbrev AS", "Tekst & Foto Øst", "Byrået"], "purpose": ["analytics", "ads"],
    "reason": ["Angret", "Feil vare", "Skadet"], "visits.category": list(PATHS),
    "tickets.category": list(TOPICS), "segment": list(SEGMENTS), "owner": list(OWNERS), "origin": list(ORIGINS),
    "came_by": ["web_form", "phone", "linkedin_form", "meta_form"], "landing_path": [f"/{p}" for p in PATHS],
    "deal_stages.stage": list(STAGES), "stage_entries.stage": list(JOURNEY), "lost_reason": list(LOST),
    "buying_role": list(ROLES), "touches.channel": list(CODE), "other_costs.category": ["tools", "content", "advisers"],
    "kind": ["click", "view"],
}  # fmt: skip
