"""Norges Bank: daily exchange rates to the krone. Each night pulls the last 7 days again; weekends and holidays have none.

The bank's open data need no credentials; the source runs when SOURCES__NORGES_BANK__CURRENCIES says which are wanted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from ingestion.ads import setting, setting_list
from ingestion.arrow import Wire, from_rows
from ingestion.errors import SourceError
from ingestion.http import VendorClient
from ingestion.settings import Settings
from ingestion.spec import Column, Configuration, LoadContext, SourceSpec, Table

if TYPE_CHECKING:
    from dlt.extract import DltSource

BASE_URL = "https://data.norges-bank.no/api"
INITIAL_DAYS = 400  # how far the first pull goes back unless start_date says otherwise: as far as the ads' own
LONGEST_PAUSE = 6  # days without a rate: from Maundy Thursday's eve to the Tuesday after Easter

EXCHANGE_RATES = Table(
    "exchange_rates",
    (
        Column("date_day", "date", "business day the rate is for"),
        Column("base_currency", "text", "10^unit_mult of this ..."),
        Column("quote_currency", "text", "... cost `obs_value` of this: NOK"),
        Column("obs_value", "decimal", "the rate as the bank gives it, ECB concertation 14:15 CET"),
        Column("unit_mult", "bigint", "power of ten of the units it is given for: 0 for one, 2 for a hundred"),
    ),
    row_key=("date_day", "base_currency", "quote_currency"),
    merge_key=("date_day", "base_currency", "quote_currency"),
    description="Exchange rates. One row a business day and currency.",
    date_column="date_day",
    provides="exchange_rates",
)


def configured(settings: Settings) -> Configuration:
    if currencies := setting_list("norges_bank", "currencies"):
        return Configuration(True, f"currencies {', '.join(currencies)}")
    return Configuration(False, "no currencies; set SOURCES__NORGES_BANK__CURRENCIES, for instance to EUR,USD,SEK")


def build(context: LoadContext) -> DltSource:
    """Daily rates: {date_day, base_currency, quote_currency, obs_value, unit_mult}. Raises SourceError."""
    import dlt

    from ingestion.raw import columns_hint

    client = VendorClient(
        SPEC.name,
        str(setting(SPEC.name, "base_url", BASE_URL)),
        next_steps={"404": "no such address or no such currency; check SOURCES__NORGES_BANK__CURRENCIES"},
    )
    currencies = sorted({c.upper() for c in setting_list(SPEC.name, "currencies")} - {"NOK"})
    start = setting(SPEC.name, "start_date")
    first = date.fromisoformat(str(start)) if start else context.as_of - timedelta(days=INITIAL_DAYS)
    back = timedelta(days=int(setting(SPEC.name, "restatement_days", SPEC.restatement_days)))
    notes = context.notes
    rates = notes.rows = {EXCHANGE_RATES.name: 0}

    def reject(position: int, column: str, reason: str, row: Any) -> None:
        notes.rejected += 1
        notes.problems.append(f"{row['currency']} {row['day']}: {row['value']!r} is no rate and was left out")

    def exchange_rates() -> Iterator[Any]:
        # a currency that is asked for later gets its past too
        pulled: dict[str, str] = dlt.current.resource_state().setdefault("pulled", {})
        windows: dict[tuple[date, date], list[str]] = {}
        for currency in currencies:
            seen = date.fromisoformat(pulled[currency]) if currency in pulled else None
            usual = max(first, min(seen, context.as_of) - back) if seen else first
            window = context.window or (usual, context.as_of - timedelta(days=1))
            windows.setdefault(window, []).append(currency)
        for (start, end), wanted in windows.items():
            rows = _observations(client, wanted, start, end)
            missing = sorted(set(wanted) - {r["currency"] for r in rows})
            if missing and (end - start).days > LONGEST_PAUSE:
                notes.problems.append(
                    f"no rates of {', '.join(missing)} from {start} to {end}; does Norges Bank publish them?"
                )
            context.progress(f"{len(rows):,} rates from {start}")
            found = from_rows(
                EXCHANGE_RATES, _WIRE, rows, required=["date_day", "obs_value", "unit_mult"], reject=reject
            )
            rates[EXCHANGE_RATES.name] += found.num_rows
            yield found
            if not context.window:
                pulled.update({c: context.as_of.isoformat() for c in wanted if c not in missing})

    resource = dlt.resource(
        exchange_rates,
        name=EXCHANGE_RATES.name,
        columns=columns_hint(EXCHANGE_RATES, merging=True),
        merge_key=EXCHANGE_RATES.merge_key,
        write_disposition={"disposition": "merge", "strategy": "delete-insert"},
    )
    wanted = [] if EXCHANGE_RATES.name in context.exclude_tables else [resource]
    return dlt.source(lambda: wanted, name=SPEC.name)()


_WIRE: dict[str, str | Wire] = {
    "date_day": "day", "base_currency": "currency", "quote_currency": "quote", "obs_value": "value", "unit_mult": "multiplier",
}  # fmt: skip


def _observations(client: VendorClient, currencies: Sequence[str], start: date, end: date) -> list[dict[str, Any]]:
    """SDMX-JSON -> [{currency, quote, day, value: text, multiplier: text}]; [] when nothing was published. Raises SourceError."""
    asked = {"format": "sdmx-json", "startPeriod": start.isoformat(), "endPeriod": end.isoformat(), "locale": "en"}
    try:
        answer = client.get(f"data/EXR/B.{'+'.join(currencies)}.NOK.SP", asked)
    except SourceError as e:
        if e.code == "404":  # so it says that a window holds no business day, or no such currency
            return []
        raise
    try:
        data = answer["data"]
        structure = data["structure"]
        dimensions = {
            d["id"]: (n, [v["id"] for v in d["values"]]) for n, d in enumerate(structure["dimensions"]["series"])
        }
        attributes = {
            a["id"]: (n, [v["id"] for v in a["values"]]) for n, a in enumerate(structure["attributes"]["series"])
        }
        days = [v["id"] for v in structure["dimensions"]["observation"][0]["values"]]
        rows = []
        for key, series in data["dataSets"][0]["series"].items():
            at = [int(n) for n in key.split(":")]
            base, quote = (values[at[n]] for n, values in (dimensions["BASE_CUR"], dimensions["QUOTE_CUR"]))
            n, multipliers = attributes["UNIT_MULT"]
            multiplier = multipliers[series["attributes"][n]]
            for day, values in series["observations"].items():
                rows.append(
                    {
                        "currency": base,
                        "quote": quote,
                        "day": days[int(day)],
                        "value": values[0],
                        "multiplier": multiplier,
                    }
                )
        return rows
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as e:
        raise SourceError(
            SPEC.name, f"the answer is not the SDMX-JSON it was ({type(e).__name__} {e}); did the service change?"
        ) from e


SPEC = SourceSpec(
    name="norges_bank",
    kind="rates",
    description="Norges Bank's exchange rates, open data",
    owner="finance",
    tables=(EXCHANGE_RATES,),
    provides=frozenset({"exchange_rates"}),
    configured=configured,
    build=build,
    restatement_days=7,
    expected_lag_days=LONGEST_PAUSE,
    stale_after_days=LONGEST_PAUSE + 2,
)
