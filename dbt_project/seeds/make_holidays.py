"""Writes norwegian_holidays.csv from the `holidays` library: `python dbt_project/seeds/make_holidays.py`.

The seed is committed, so that the warehouse needs no such library at night; a test holds the two equal.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

import holidays

YEARS = range(1999, 2041)  # the span of dim_date
SEED = Path(__file__).with_name("norwegian_holidays.csv")


def seed_text() -> str:
    """The seed as CSV: one row a public holiday of Norway, names in Norwegian and English. Sundays are not listed."""
    norwegian = holidays.country_holidays("NO", years=YEARS, language="no")
    english = holidays.country_holidays("NO", years=YEARS, language="en_US")
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["holiday_date", "holiday_name_no", "holiday_name_en"])
    for day in sorted(norwegian):
        writer.writerow([day.isoformat(), norwegian[day], english[day]])
    return out.getvalue()


if __name__ == "__main__":
    SEED.write_text(seed_text(), encoding="utf-8")
