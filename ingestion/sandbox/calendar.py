"""Days and clocks: zones as arrays, the shape of a day, seasons and Norwegian holidays.

A person's day runs from 03:00 to 27:00 in the zone where the person lives, so whatever happens in a simulated day is
never earlier than that date in any account's zone (accounts lie east of their audience): facts of a date may come from
that day or the day before, never from a later one.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np

from ingestion.sandbox.rng import F64, I64

DAY_US = 86_400_000_000
HOUR_US = 3_600_000_000
MINUTE_US = 60_000_000


class Zone:
    """Offsets of a time zone over 2015-2040 as arrays; instants are int64 microseconds since 1970 in UTC."""

    def __init__(self, name: str) -> None:
        zone = ZoneInfo(name)

        def offset(at: datetime) -> int:
            return round(zone.utcoffset(at.astimezone(zone)).total_seconds()) * 1_000_000  # type: ignore[union-attr]

        first = datetime(2015, 1, 1, tzinfo=UTC)
        at, known = [-(2**62)], [offset(first)]
        for day in range(1, 25 * 366):
            instant = first + timedelta(days=day)
            if offset(instant) != known[-1]:
                before = instant - timedelta(days=1)
                hour = next(h for h in range(1, 25) if offset(before + timedelta(hours=h)) != known[-1])
                changed = before + timedelta(hours=hour)
                at.append(round(changed.timestamp()) * 1_000_000)
                known.append(offset(instant))
        self._at: I64 = np.array(at, np.int64)
        self._offsets: I64 = np.array(known, np.int64)

    def local(self, instants: I64) -> I64:
        """Wall-clock microseconds of instants."""
        offset: I64 = self._offsets[np.searchsorted(self._at, instants, side="right") - 1]
        return instants + offset

    def dates(self, instants: I64) -> I64:
        """Local epoch days of instants."""
        return self.local(instants) // DAY_US

    def instants(self, wall: I64) -> I64:
        """Instants of wall-clock microseconds; times are kept out of the hours that are skipped or doubled."""
        guess = wall - self._offsets[np.searchsorted(self._at, wall, side="right") - 1]
        offset: I64 = self._offsets[np.searchsorted(self._at, guess, side="right") - 1]
        return wall - offset


@cache
def zone(name: str) -> Zone:
    return Zone(name)


_HOUR_WEIGHTS = np.array(
    # 03..26: night, the way to work, lunch, the evening
    [
        0.2,
        0.2,
        0.4,
        1.0,
        2.2,
        3.6,
        4.6,
        5.2,
        5.6,
        5.4,
        5.2,
        5.0,
        5.2,
        5.4,
        5.2,
        5.4,
        6.4,
        7.2,
        7.4,
        6.6,
        4.6,
        2.4,
        1.0,
        0.5,
    ]
)
_HOUR_EDGES = np.concatenate([[0.0], np.cumsum(_HOUR_WEIGHTS) / _HOUR_WEIGHTS.sum()])


def wall_times(day: int, u: F64) -> I64:
    """Wall-clock microseconds within the waking day `day` (03:00 to 27:00) from uniforms."""
    hours = np.interp(u, _HOUR_EDGES, np.arange(3.0, 28.0))
    since_midnight: I64 = np.minimum(np.round(hours * HOUR_US).astype(np.int64), 27 * HOUR_US - 1_000_000)
    return day * DAY_US + since_midnight


def easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar (Gauss, anonymous form of 1876)."""
    a, b, c = year % 19, year // 100, year % 100
    h = (19 * a + b - b // 4 - (b - (b + 8) // 25 + 1) // 3 + 15) % 30
    k = (32 + 2 * (b % 4) + 2 * (c // 4) - h - c % 4) % 7
    month, day = divmod(h + k - 7 * ((a + 11 * h + 22 * k) // 451) + 114, 31)
    return date(year, month, day + 1)


@cache
def holidays(year: int) -> frozenset[date]:
    """Norwegian public holidays that are no ordinary Sunday."""
    fixed = {date(year, 1, 1), date(year, 5, 1), date(year, 5, 17), date(year, 12, 25), date(year, 12, 26)}
    return frozenset(fixed | {easter(year) + timedelta(days=n) for n in (-3, -2, 0, 1, 39, 49, 50)})


def is_business_day(day: date) -> bool:
    return day.weekday() < 5 and day not in holidays(day.year)


def season(day: date) -> tuple[float, float]:
    """(private, business) demand of a day against an ordinary one: the month, the weekday, holidays, Black Week."""
    month = (1.15, 0.95, 0.95, 0.9, 0.9, 0.85, 0.7, 1.1, 1.15, 1.1, 1.3, 0.95)[day.month - 1]
    weekday = (1.05, 1.0, 0.98, 0.98, 0.92, 0.95, 1.12)[day.weekday()]
    business_month = (1.1, 1.1, 1.05, 0.95, 0.95, 0.9, 0.35, 0.95, 1.2, 1.15, 1.1, 0.6)[day.month - 1]
    business_weekday = (1.25, 1.3, 1.3, 1.2, 0.9, 0.2, 0.25)[day.weekday()]
    if day in holidays(day.year):
        weekday, business_weekday = 0.6, 0.1
    friday = date(day.year, 11, 1) + timedelta(days=(4 - date(day.year, 11, 1).weekday()) % 7 + 21)
    if friday - timedelta(days=4) <= day <= friday + timedelta(days=3):
        weekday *= 2.2 if day == friday else 1.6
    return month * weekday, business_month * business_weekday
