"""Sales to companies: leads, deals with their stages, the colleagues who take part, calls, meetings, LinkedIn's own forms."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.sandbox.agents import Agents, Visits
from ingestion.sandbox.books import Books, Columns, click_ids
from ingestion.sandbox.calendar import DAY_US, HOUR_US, MINUTE_US
from ingestion.sandbox.company import Company
from ingestion.sandbox.groups import first_of
from ingestion.sandbox.numbers import contact_number, identifiers, numbered
from ingestion.sandbox.population import COMPANY_SIZE, SEGMENTS, Population
from ingestion.sandbox.rng import F64, I64, U64, bits, exponential, integers, normal, uniform
from ingestion.sandbox.words import JOURNEY, LOST, OWNERS

_ORIGIN_OF_CHANNEL = np.array([0, 0, 0, 0, 2, 2, 2, 1, 1, 4, 3, 5, 2, 5])  # of words.ORIGINS, by channel of the visit


class Sales:
    """Turns those who ask into leads and deals. `deal_until` (epoch day by company) is read and written."""

    def __init__(self, company: Company, books: Books, people: Population, agents: Agents) -> None:
        self.company, self.books, self.people, self.agents, self.seed = company, books, people, agents, company.seed

    def _u(self, stream: str, key: U64) -> F64:
        return uniform(self.seed, stream, key)

    def leads(
        self,
        day: int,
        person: I64,
        at: I64,
        key: U64,
        through: I64,
        channel: I64,
        number: I64,
        deal_until: npt.NDArray[np.int32],
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
        fresh = fits & (deal_until[np.maximum(company, 0)] <= day)
        fresh &= first_of(company, fresh)
        opens = np.flatnonzero(fresh)
        out = {
            "leads": leads,
            **self._deals(
                day,
                person[opens],
                qualified[opens],
                key[opens],
                number[opens],
                segment[opens],
                owner[opens],
                deal_until,
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
        out["identifiers/leads"] = identifiers(day, person, ids)
        assert n == len(number)
        return out

    def _deals(
        self,
        day: int,
        person: I64,
        opened: I64,
        key: U64,
        number: I64,
        segment: I64,
        owner: I64,
        deal_until: npt.NDArray[np.int32],
    ) -> dict[str, Columns]:
        """A deal a company: its stages, the colleagues who take part, meetings; colleagues begin to look for themselves."""
        people, n = self.people, len(person)
        company = people.company[person]
        lasts = 8 + exponential(self._u("deal_days", key), 28.0)
        closed = opened + (np.minimum(lasts, 120) * DAY_US).astype(np.int64)
        liked = np.minimum(self.agents.goodwill[person].astype(np.float64), 1.0)
        won = self._u("won", key) < 0.22 + 0.4 * liked
        amount = np.rint(np.exp(11.3 + 0.8 * normal(self._u("deal_size", key))) / 100).astype(np.int64) * 10_000
        deal_until[company] = (closed // DAY_US).astype(np.int32) + 30
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
        return {
            "deals": deals, "deal_stages": stages, "deal_contacts": contacts, "meetings": meetings, "stage_entries/won": steps_won,
        }  # fmt: skip

    def responses(self, filled: Visits) -> Columns:
        """LinkedIn's own forms, as people fill them in."""
        linkedin = filled.take(self.books.platform_of_line(filled.line) == 3)
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
