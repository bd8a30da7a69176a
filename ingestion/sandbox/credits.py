"""What platforms claim: each keeps the clicks it can see and gives itself credit for what people do afterwards."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.sandbox.ad_setup import ACTION_CATEGORIES, PLATFORMS, WINDOWS
from ingestion.sandbox.books import CENT, Books, Clicks, Columns, click_ids
from ingestion.sandbox.calendar import zone
from ingestion.sandbox.population import Population
from ingestion.sandbox.rng import F64, I64, U64, Bool, bits, exponential, uniform

_SLOTS = {"google_ads": 3, "microsoft_ads": 1, "meta_ads": 1, "linkedin_ads": 1, "tiktok_ads": 1}
_FIRST_SLOT = dict(zip(_SLOTS, np.cumsum([0, *list(_SLOTS.values())[:-1]]), strict=True))
_SHARES = ((1.0, 0.0, 0.0), (0.6, 0.4, 0.0), (0.5, 0.3, 0.2))  # of the last, the one before, the one before that
_MODELLING = ("google_ads", "meta_ads")  # who estimate conversions of people without consent
VIEW = 9  # in place of a slot of remembered clicks
_WITH_VALUE = (ACTION_CATEGORIES.index("purchase"), ACTION_CATEGORIES.index("add_to_cart"))


class Memory:
    """The last clicks of each person a platform remembers: slot x person arrays; line -1 where there is none."""

    def __init__(self, n: int) -> None:
        slots = sum(_SLOTS.values())
        self.line: npt.NDArray[np.int32] = np.full((slots, n), -1, np.int32)
        self.key: U64 = np.zeros((slots, n), np.uint64)
        self.at: I64 = np.zeros((slots, n), np.int64)

    def remember(self, clicks: Clicks, platform: I64) -> None:
        """Take in one day's clicks of people; a person's last click of the day on a platform wins its slot."""
        order = np.argsort(clicks.at, kind="stable")
        for code, name in enumerate(PLATFORMS):
            rows = order[(platform[order] == code) & (clicks.person[order] >= 0)]
            _, last = np.unique(clicks.person[rows][::-1], return_index=True)
            rows = rows[::-1][last]
            person, first = clicks.person[rows], _FIRST_SLOT[name]
            for held in (self.line, self.key, self.at):
                for slot in range(first + _SLOTS[name] - 1, first, -1):
                    held[slot, person] = held[slot - 1, person]
            self.line[first, person] = clicks.line[rows]
            self.key[first, person] = clicks.key[rows]
            self.at[first, person] = clicks.at[rows]


class Credits:
    """Turns what people did on a day into the conversions platforms report."""

    def __init__(self, books: Books, people: Population) -> None:
        self.books, self.people, self.company = books, people, books.company
        self.seed = self.company.seed
        self._zones = [zone(a.zone) for a in self.company.accounts]
        self._nok = np.array([a.nok for a in self.company.accounts])

    def _dates(self, account: I64, at: I64) -> I64:
        out = np.empty(len(at), np.int64)
        for a in np.unique(account):
            out[account == a] = self._zones[a].dates(at[account == a])
        return out

    def of_day(
        self, memory: Memory, person: I64, at: I64, key: U64, action: I64, ore: I64, viewed: dict[str, tuple[Bool, I64]]
    ) -> Columns:
        """Credit rows for actions (codes of ACTION_CATEGORIES) of people at instants, worth `ore` (1/100 NOK).

        `viewed[platform]` says who saw an ad of it within the view window without clicking, and in which line.
        """
        found = []
        for code, name in enumerate(PLATFORMS):
            found += self._platform(code, memory, person, at, viewed.get(name))
        columns: list[Any] = [np.concatenate([f[i] for f in found]) for i in range(6)]
        which, platform = columns[0], self.books.platform_of_line(columns[1])
        # Where a person says no to ads, conversions are modelled: half of what they would be, without a click id.
        modelled = ~self.people.consents_ads[person[which]]
        kept = np.flatnonzero(~modelled | (uniform(self.seed, "modelled", key[which], platform) < 0.5))
        which, line, share, touch, click, slot = (column[kept] for column in columns)
        return self._rows(
            at[which], key[which], action[which], ore[which], line, share, touch, click, slot, modelled[kept]
        )

    def _platform(
        self, code: int, memory: Memory, person: I64, at: I64, viewed: tuple[Bool, I64] | None
    ) -> list[tuple[I64, I64, F64, I64, U64, I64]]:
        """(which act, line, share, date of the touch, key of the click, slot) of one platform's credits; slot VIEW is a view."""
        name = PLATFORMS[code]
        first, n_slots = _FIRST_SLOT[name], _SLOTS[name]
        line = memory.line[first : first + n_slots, person].astype(np.int64)
        clicked_at = memory.at[first : first + n_slots, person]
        account = self.books.lines.account[np.maximum(line, 0)]
        day = self._dates(account.ravel(), np.tile(at, n_slots)).reshape(account.shape)
        touch = self._dates(account.ravel(), clicked_at.ravel()).reshape(account.shape)
        counts = (line >= 0) & (day - touch <= WINDOWS[name][0]) & (clicked_at <= at)
        allowed = self.people.consents_ads[person]
        if name not in _MODELLING:
            counts &= allowed
        n_counted = counts.sum(axis=0)
        rank = np.cumsum(counts, axis=0) - 1
        slot, which = np.nonzero(counts)
        share = np.array(_SHARES)[n_counted[which] - 1, rank[slot, which]]
        keys = memory.key[first + slot, person[which]]
        out = [(which, line[slot, which], share, touch[slot, which], keys, slot)]
        if viewed is not None:
            saw, seen_line = viewed
            which = np.flatnonzero(saw & (n_counted == 0) & allowed & (seen_line >= 0))
            touch_date = self._dates(self.books.lines.account[seen_line[which]], at[which])
            none = np.zeros(len(which), np.uint64)
            out.append((which, seen_line[which], np.ones(len(which)), touch_date, none, np.full(len(which), VIEW)))
        return out

    def _rows(
        self,
        at: I64,
        key: U64,
        action: I64,
        ore: I64,
        line: I64,
        share: F64,
        touch: I64,
        click: U64,
        slot: I64,
        modelled: Bool,
    ) -> Columns:
        """Columns of ad_conversions."""
        cell = self.books.cell(line)
        platform, account = cell["platform"], cell["account_id"]
        conversion = np.maximum(self._dates(account, at), touch)
        lag = exponential(uniform(self.seed, "reported", key, platform), 0.8)
        reported = conversion + 1 + np.minimum(lag, 6).astype(np.int64)
        taken_back = uniform(self.seed, "retracted", key, platform) < 0.03
        after = 1 + np.floor(8 * uniform(self.seed, "retracted_after", key, platform)).astype(np.int64)
        cents = np.rint(ore / self._nok[account] * share).astype(np.int64)
        hidden = pa.array(modelled | (slot == VIEW))
        which = bits(self.seed, "credit", key, platform, slot)[: len(key)]
        return {
            "conversion_id": click_ids(np.ones(len(key), np.int64), which), **cell,
            "action_id": account * len(ACTION_CATEGORIES) + action, "kind": (slot == VIEW).astype(np.int64),
            "click_id": pc.if_else(hidden, pa.scalar(None, pa.string()), click_ids(platform, click)),
            "touch_date": touch, "conversion_date": conversion, "converted_at": at, "reported_date": reported,
            "retracted_date": np.where(taken_back, reported + after, -1), "credit": share,
            "value_micros": np.where(np.isin(action, _WITH_VALUE), cents * CENT, 0),
        }  # fmt: skip
