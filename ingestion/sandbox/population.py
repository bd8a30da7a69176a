"""Who could ever become a customer: people, their companies, devices, habits and names. Fixed by seed and size.

People are numbered 0..n-1. The last share of them works in companies of COMPANY_SIZE, who decide together. Device k of
person p is p * 4 + k: 0 is a phone, 1 a computer, 2 a tablet; everyone has the first `n_devices` of them.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.sandbox.ad_setup import COUNTRIES, COUNTRY_ZONES
from ingestion.sandbox.calendar import zone
from ingestion.sandbox.rng import I64, Bool, Key, exponential, integers, pick, uniform

COMPANY_SIZE = 4
BUSINESS_SHARE = 0.15
ROLES = ("Daglig leder", "Kontorsjef", "Økonomisjef", "IT-ansvarlig")
SEGMENTS = ("Bygg", "Helse", "Handel", "Kommune")
CATEGORIES = ("chair", "desk", "lamp", "storage", "office")
COUNTRY_SHARES = [0.72, 0.08, 0.05, 0.05, 0.05, 0.05]
REGION_OF_COUNTRY = np.array([0, 1, 1, 1, 1, 2])  # Norway, the rest of Europe, the United States
N_COUPLES = 97  # every so many consumers, two share an e-mail address
_FIRST = (
    "Kari", "Ola", "Ingrid", "Per", "Anne", "Lars", "Silje", "Bjørn", "Astrid", "Håkon", "Nora", "Jonas", "Emma", "Sindre",
    "Amira", "Piotr", "Linnéa", "Mikko", "Søren", "Greta",
)  # fmt: skip
_LAST = (
    "Hansen", "Johansen", "Olsen", "Larsen", "Andersen", "Pedersen", "Nilsen", "Kristiansen", "Berg", "Haugen", "Østby",
    "Ås", "Lund", "Moen", "Dahl", "Solberg", "Kowalski", "Virtanen", "Lindqvist", "Schmidt",
)  # fmt: skip
_FIRMS = ("Fjord", "Nordvest", "Bryggen", "Polar", "Sentrum", "Lyng", "Granitt", "Havn", "Tind", "Elv")
_TRADES = ("Bygg", "Helse", "Handel", "Konsult", "Eiendom", "Data", "Regnskap", "Energi")


class Population:
    """Traits as arrays of length n; `start` is the epoch day the company's simulation began."""

    def __init__(self, seed: int, n: int) -> None:
        self.seed, self.n = seed, n
        who = np.arange(n)
        self.who = who
        first_business = n - int(n * BUSINESS_SHARE) // COMPANY_SIZE * COMPANY_SIZE
        self.n_companies = (n - first_business) // COMPANY_SIZE
        self.company: I64 = np.where(who >= first_business, (who - first_business) // COMPANY_SIZE, -1)
        self.first_business = first_business
        self.is_business: Bool = self.company >= 0
        anchor = np.where(
            self.is_business, first_business + self.company * COMPANY_SIZE, who
        )  # colleagues share a country
        self.country = pick(self._u("country", anchor), COUNTRY_SHARES).astype(np.int8)
        self.country[:3] = 0  # the planted people are Norwegian
        self.region = REGION_OF_COUNTRY[self.country].astype(np.int8)
        self.n_devices = np.where(self.is_business, 2, 1) + pick(self._u("devices"), [0.5, 0.4, 0.1])
        self.n_devices = np.minimum(self.n_devices, 3).astype(np.int8)
        self.n_devices[2] = 3
        self.uses_bing: Bool = (self._u("bing") < np.where(self.is_business, 0.22, 0.10)) & (self.n_devices > 1)
        self.on_meta: Bool = self._u("meta") < 0.75
        self.on_linkedin: Bool = self._u("linkedin") < np.where(self.is_business, 0.8, 0.2)
        self.on_tiktok: Bool = (self._u("tiktok") < 0.3) & ~self.is_business
        self.consents_analytics: Bool = self._u("consent_analytics") < 0.64
        self.consents_ads: Bool = self.consents_analytics & (self._u("consent_ads") < 0.74)
        self.consents_analytics[:3] = True
        self.mail_proxy: Bool = self._u("proxy") < 0.35
        self.eagerness = np.minimum(exponential(self._u("eagerness"), 1.0), 5.0).astype(np.float32)

    def _u(self, stream: str, *keys: Key) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        return uniform(self.seed, f"trait/{stream}", *(keys or (self.who,)))

    def instants(self, person: I64, wall: I64) -> I64:
        """Microseconds UTC of wall-clock microseconds where each person lives."""
        out = np.empty(len(wall), np.int64)
        country = self.country[person]
        for code in np.unique(country):
            rows = country == code
            out[rows] = zone(COUNTRY_ZONES[code]).instants(wall[rows])
        return out

    def truth(self, first_day: date) -> pa.Table:
        """Everyone, as truth.persons."""
        mine = pa.array(self.is_business)
        words = pa.array(COUNTRIES).take(pa.array(self.country.astype(np.int64)))
        none = pa.scalar(None, pa.string())
        return pa.table(
            {
                "person_id": self.who, "valid_from": pa.array([first_day] * self.n, pa.date32()), "country": words,
                "company_id": pa.array(self.company, mask=~self.is_business),
                "role": pc.if_else(mine, self.roles(self.who), none), "n_devices": self.n_devices.astype(np.int64),
                "email": self.emails(self.who), "consent_analytics": self.consents_analytics,
                "consent_ads": self.consents_ads, "uses_mail_proxy": self.mail_proxy,
            }
        )  # fmt: skip

    # --- names: made when asked for, the same each time -----------------------------------------------------------
    def first_names(self, person: I64) -> pa.Array:
        return pa.array(_FIRST).take(pa.array(integers(self._u("first", person), 0, len(_FIRST))))

    def last_names(self, person: I64) -> pa.Array:
        return pa.array(_LAST).take(pa.array(integers(self._u("last", person), 0, len(_LAST))))

    def company_names(self, company: I64) -> pa.Array:
        """Names of companies, null for -1."""
        safe = np.maximum(company, 0)
        a = pa.array(_FIRMS).take(pa.array(integers(self._u("firm", safe), 0, len(_FIRMS))))
        b = pa.array(_TRADES).take(pa.array(integers(self._u("trade", safe), 0, len(_TRADES))))
        names = pc.binary_join_element_wise(a, b, pa.array(safe).cast(pa.string()), "AS", " ")
        return pc.if_else(pa.array(company >= 0), names, pa.scalar(None, pa.string()))

    def domains(self, company: I64) -> pa.Array:
        return pc.binary_join_element_wise("firma", pa.array(company).cast(pa.string()), ".example.no", "")

    def mail_owner(self, person: I64) -> I64:
        """Whose address a person uses: consumers of a couple use one address."""
        follower = (person % N_COUPLES == 1) & (person < self.first_business)
        return np.where(follower, person - 1, person)

    def emails(self, person: I64) -> pa.Array:
        """E-mail addresses; people of one couple share theirs, people of a company its domain."""
        owner = self.mail_owner(person)
        first = pc.replace_substring_regex(pc.utf8_lower(self.first_names(owner)), "[^a-z]", "o")
        number = pa.array(owner).cast(pa.string())
        business = self.is_business[owner]
        domain = pc.if_else(
            pa.array(business), self.domains(np.maximum(self.company[owner], 0)), pa.scalar("post.example.no")
        )
        return pc.binary_join_element_wise(pc.binary_join_element_wise(first, number, "."), domain, "@")

    def phones(self, person: I64) -> pa.Array:
        number = 40_000_000 + (person * 7_919 + self.seed) % 59_999_999
        return pc.binary_join_element_wise("+47", pa.array(number).cast(pa.string()), "")

    def roles(self, person: I64) -> pa.Array:
        role = (person - self.first_business) % COMPANY_SIZE
        return pa.array(ROLES).take(pa.array(np.where(self.is_business[person], role, 1)))
