"""What comes of visits: carts, orders, refunds, sign-ups - and e-mail in return. Sales to companies: sales.py.

Whole lives are written when they begin (a deal with all its stages, an order with its refund): later moments carry times
that lie ahead, and a reader with a clock takes what has happened by then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.sandbox.ad_setup import ACTION_CATEGORIES, SITE
from ingestion.sandbox.aftersales import service
from ingestion.sandbox.agents import CODE, Agents, Visits
from ingestion.sandbox.books import Books, Columns, click_ids, fixed_strings
from ingestion.sandbox.calendar import DAY_US, HOUR_US, MINUTE_US, zone
from ingestion.sandbox.company import Company, epoch, from_epoch
from ingestion.sandbox.groups import first_of, rank_within
from ingestion.sandbox.numbers import customer_number, identifiers, numbered
from ingestion.sandbox.population import Population
from ingestion.sandbox.rng import F64, I64, U64, Bool, bits, digit_bytes, exponential, integers, pick, uniform
from ingestion.sandbox.sales import Sales
from ingestion.sandbox.tags import Tags
from ingestion.sandbox.words import JOURNEY, MAILS, PATHS, PRODUCTS

_MAIN_PRODUCTS = np.array([(0, 1, 2), (3, 4, 5), (6, 7, 6), (8, 9, 8)])  # by category of the need


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


class Outcomes:
    """Turns visits into business; holds what the company's systems remember of people. State arrays by name in STATE."""

    STATE = ("stage", "subscribed", "n_orders", "last_order", "lead_day", "deal_until", "cookie", "next_number")

    def __init__(self, company: Company, books: Books, people: Population, agents: Agents) -> None:
        self.company, self.books, self.people, self.agents, self.seed = company, books, people, agents, company.seed
        self.tags = Tags(company, books, people)
        self.sales = Sales(company, books, people, agents)
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
        buys &= first_of(person, buys)
        carts = buys | (~business & (self._u("carts", key) < 0.16 * wish))
        checks_out = buys | (carts & (self._u("checks_out", key) < 0.35))
        asks = business & seeks & (self._u("asks", key) < 0.06 * ramp)
        asks &= first_of(person, asks)
        calls = asks & (self._u("calls", key) < 0.18)
        signs = (self.subscribed[person] == 0) & (self._u("signs", key) < np.where(seeks, 0.035, 0.01))
        signs &= first_of(person, signs)
        fills = self._u("fills", forms.key) < np.where(people.is_business[forms.person], 0.30, 0.08)
        fills &= first_of(forms.person, fills)
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
        through = np.concatenate([np.where(calls[asks], 1, 0), 2 + (self.books.platform_of_line(filled.line) == 2)])
        channel = np.concatenate([visits.channel[asks], filled.channel])
        number = np.concatenate([lead_number[asks], form_number])
        out |= self.sales.leads(day, lead_person, lead_at, lead_key, through, channel, number, self.deal_until)
        out["lead_form_responses"] = self.sales.responses(filled)
        self.lead_day[lead_person] = day
        self.stage[out["stage_entries/won"]["person_id"]] = JOURNEY.index("purchase")
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
        nth = rank_within(person)
        by_ad = visits.line >= 0
        line = np.maximum(visits.line, 0)
        ids = pc.if_else(
            pa.array(by_ad), click_ids(self.books.platform_of_line(line), visits.click), pa.scalar(None, pa.string())
        )
        source, medium, campaign = self.tags.of(visits)
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
            "referrer": self.tags.referrers(visits), "consent_analytics": allowed, "consent_ads": ads, "click_id": ids,
            "source": source, "medium": medium, "campaign": campaign, "n_page_views": n_pages, "engagement_ms": engaged,
            "has_cart": carts, "has_checkout": checks_out, "has_sign_up": signs, "has_lead": asks,
            "order_id": numbered("", order_number), "lead_id": numbered("L", lead_number),
            "category": self.agents.category[person].astype(np.int64),
        }  # fmt: skip
        touches = {
            "person_id": person, "touched_at": visits.at, "channel": visits.channel,
            "platform": np.where(by_ad, self.books.platform_of_line(line), -1),
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
            "source": self.tags.of(visits)[0], "medium": self.tags.of(visits)[1], "campaign": self.tags.of(visits)[2],
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
        out["identifiers/orders"] = identifiers(day, who, ids)
        return out | service(self.seed, people, person, at, key, order_id, back)

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
