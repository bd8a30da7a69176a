"""What platforms claim: each keeps the clicks it can see and gives itself credit for what people do afterwards."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.sandbox.books import CENT, Books, Clicks, Columns, click_ids
from ingestion.sandbox.calendar import zone
from ingestion.sandbox.company import ACTION_CATEGORIES, PLATFORMS, WINDOWS
from ingestion.sandbox.population import Population
from ingestion.sandbox.rng import I64, U64, Bool, bits, exponential, uniform

_SLOTS = {"google_ads": 3, "microsoft_ads": 1, "meta_ads": 1, "linkedin_ads": 1, "tiktok_ads": 1}
_FIRST_SLOT = dict(zip(_SLOTS, np.cumsum([0, *list(_SLOTS.values())[:-1]]), strict=True))
_SHARES = ((1.0, 0.0, 0.0), (0.6, 0.4, 0.0), (0.5, 0.3, 0.2))  # of the last, the one before, the one before that
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
        parts: list[Columns] = []
        for name in PLATFORMS:
            parts += self._platform(name, memory, person, at, key, action, ore, viewed.get(name))
        return {k: _joined([p[k] for p in parts]) for k in parts[0]}

    def _platform(
        self, name: str, memory: Memory, person: I64, at: I64, key: U64, action: I64, ore: I64,
        viewed: tuple[Bool, I64] | None,
    ) -> list[Columns]:  # fmt: skip
        first, n_slots = _FIRST_SLOT[name], _SLOTS[name]
        line = memory.line[first : first + n_slots, person].astype(np.int64)
        clicked_at = memory.at[first : first + n_slots, person]
        account = self.books.lines.account[np.maximum(line, 0)]
        day = np.stack([self._dates(a, at) for a in account])
        touch = np.stack([self._dates(a, c) for a, c in zip(account, clicked_at, strict=True)])
        counts = (line >= 0) & (day - touch <= WINDOWS[name][0]) & (clicked_at <= at)
        allowed = self.people.consents_ads[person]
        modelled = ~allowed & (uniform(self.seed, f"modelled/{name}", key) < 0.5) & (name in ("google_ads", "meta_ads"))
        counts &= allowed | modelled
        n_counted = counts.sum(axis=0)
        rank = np.cumsum(counts, axis=0) - 1
        out = []
        for slot in range(n_slots):
            rows = np.flatnonzero(counts[slot])
            share = np.array(_SHARES)[n_counted[rows] - 1, rank[slot, rows]]
            out.append(
                self._rows(name, slot, line[slot, rows], person[rows], at[rows], key[rows], action[rows], ore[rows], share,
                           touch[slot, rows], memory.key[first + slot, person[rows]], modelled[rows])
            )  # fmt: skip
        if viewed is not None:
            saw, seen_line = viewed
            rows = np.flatnonzero(saw & (n_counted == 0) & allowed & (seen_line >= 0))
            touch_date = self._dates(self.books.lines.account[seen_line[rows]], at[rows])
            out.append(
                self._rows(name, n_slots, seen_line[rows], person[rows], at[rows], key[rows], action[rows], ore[rows],
                           np.ones(len(rows)), touch_date, None, np.ones(len(rows), bool))
            )  # fmt: skip
        return out

    def _rows(
        self, name: str, slot: int, line: I64, person: I64, at: I64, key: U64, action: I64, ore: I64,
        share: npt.NDArray[np.float64], touch: I64, click_key: U64 | None, hidden: Bool,
    ) -> Columns:  # fmt: skip
        cell = self.books.cell(line)
        account = cell["account_id"]
        conversion = np.maximum(self._dates(account, at), touch)
        reported = (
            conversion
            + 1
            + np.minimum(exponential(uniform(self.seed, f"reported/{name}", key), 0.8), 6).astype(np.int64)
        )
        taken_back = uniform(self.seed, f"retracted/{name}", key) < 0.03
        after = 1 + np.floor(8 * uniform(self.seed, f"retracted_after/{name}", key)).astype(np.int64)
        cents = np.rint(ore / self._nok[account] * share).astype(np.int64)
        ids = pc.if_else(
            pa.array(hidden),
            pa.scalar(None, pa.string()),
            click_ids(cell["platform"], click_key if click_key is not None else key),
        )
        which = bits(self.seed, f"credit/{name}", key, slot)
        return {
            "conversion_id": click_ids(np.ones(len(line), np.int64), which), **cell,
            "action_id": account * len(ACTION_CATEGORIES) + action,
            "kind": np.full(len(line), 0 if click_key is not None else 1), "click_id": ids, "touch_date": touch,
            "conversion_date": conversion, "converted_at": at, "reported_date": reported,
            "retracted_date": np.where(taken_back, reported + after, -1), "credit": share,
            "value_micros": np.where(np.isin(action, _WITH_VALUE), cents * CENT, 0),
        }  # fmt: skip


def _joined(parts: list[Any]) -> Any:
    return pa.concat_arrays(parts) if isinstance(parts[0], pa.Array) else np.concatenate(parts)
