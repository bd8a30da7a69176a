"""The simulated company's exports, as such files really look: what its CRM, shop and finance would drop in a folder.

Semicolons, decimal commas, Windows-1252, a wide table, a workbook, two bad rows. The files show the same people as the
vendors' servers do; ads of the five platforms are not among them, only a newspaper that has no programming interface.
"""

from __future__ import annotations

import gzip
import json
import tempfile
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from ingestion.sandbox.company import epoch
from ingestion.sandbox.drop_catalogue import CATALOGUE
from ingestion.sandbox.rng import integers, uniform
from ingestion.sandbox.store import World

_BAD_LEADS = ("L00060", "L00301")  # one gets a day that never was, the other loses its number
_SEED = 20


class _Exports:
    """Reads the world as it was on the morning of `as_of`, in Oslo's time."""

    def __init__(self, world: World, as_of: date) -> None:
        self.world, self.as_of = world, as_of
        self._con = world.con()
        self._con.execute("set timezone = 'Europe/Oslo'")

    def rows(self, query: str) -> pd.DataFrame:
        """Result of a query in which $now stands for the morning; instants come as Oslo's wall clock."""
        return self._con.execute(query.replace("$now", f"timestamptz '{self.as_of} 00:00:00'")).df()


def make_drop_folder(folder: Path, as_of: date, world: World | None = None) -> int:
    """Write catalogue, schema and files as they are on the morning of `as_of`; returns the number of data files.

    Without a world a small company is made for the purpose and forgotten.
    """
    from ingestion.sources.files.catalogue import json_schema

    if world is None:
        with tempfile.TemporaryDirectory() as home:
            made = World.create_or_extend(Path(home), "small", _SEED, as_of - timedelta(days=1))
            return make_drop_folder(folder, as_of, made)
    for name in ("crm", "shop", "web", "ads", "rates", "finance"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    exports = _Exports(world, as_of)
    _crm(folder / "crm", exports)
    _shop(folder / "shop", exports)
    _web(folder / "web", exports)
    _ads(folder / "ads", exports)
    _rates(folder / "rates", exports)
    _costs(folder / "finance", exports)
    _books(folder / "finance", exports)
    (folder / "catalogue.schema.json").write_text(json.dumps(json_schema(), indent=1, ensure_ascii=False), "utf-8")
    (folder / "catalogue.yml").write_text(CATALOGUE, "utf-8")  # last: with it the folder counts as there
    return sum(1 for p in folder.rglob("*") if p.is_file()) - 2


def _crm(folder: Path, exports: _Exports) -> None:
    leads = exports.rows("""
        select lead_id as "Lead-ID", strftime(created_at, '%d.%m.%Y') as "Opprettet",
            coalesce(strftime(case when qualified_at < $now then qualified_at end, '%d.%m.%Y'), '') as "Kvalifisert",
            contact_id as "Kontakt-ID", email as "E-post", phone as "Telefon", coalesce(company, '') as "Firma",
            coalesce(origin, '') as "Kilde", landing_path as "Landingsside", segment as "Segment", owner as "Ansvarlig",
            strftime(created_at, '%Y-%m') as month
        from world.leads where created_at < $now order by created_at, lead_id
    """)
    leads.loc[leads["Lead-ID"] == _BAD_LEADS[0], "Opprettet"] = "31.02.2026"  # no such day: a row for the rejects
    leads.loc[leads["Lead-ID"] == _BAD_LEADS[1], "Lead-ID"] = ""
    for month, part in leads.groupby("month"):
        text = part.drop(columns="month").to_csv(sep=";", index=False, lineterminator="\r\n")
        (folder / f"leads_{month}.csv").write_bytes(text.encode("windows-1252"))
    deals = exports.rows("""
        select deal_id as "Deal-ID", lead_id as "Lead-ID", contact_id as "Kontakt-ID",
            strftime(created_at, '%Y-%m-%d') as "Opprettet",
            case when closed_at < $now then strftime(closed_at, '%Y-%m-%d') end as "Avsluttet",
            case when closed_at >= $now then 'Åpen' when is_won then 'Vunnet' else 'Tapt' end as "Status",
            case when closed_at < $now then 'Avsluttet' else (
                select arg_max(stage, entered_at) from world.deal_stages as s where s.deal_id = d.deal_id and entered_at < $now
            ) end as "Fase",
            case when lead_id[-1:] <> '7' then amount_ore / 100.0 end as "Beløp", segment as "Segment", owner as "Selger",
            case when closed_at < $now then lost_reason end as "Tapsårsak"
        from world.deals as d where created_at < $now order by created_at, deal_id
    """)
    deals.to_excel(folder / "deals.xlsx", index=False)
    steps = exports.rows("""
        select deal_id as deal, stage as "to", strftime(entered_at, '%Y-%m-%dT%H:%M:%S%z') || ':00' as "at"
        from world.deal_stages where entered_at < $now and stage not in ('Vunnet', 'Tapt') order by entered_at, deal_id
    """)
    lines = (json.dumps(step, ensure_ascii=False) + "\n" for step in steps.to_dict("records"))
    (folder / "stage_changes.ndjson").write_text("".join(lines), "utf-8")


_RETURNS = """
    returns as (
        select refund_id, order_id, refunded_at, is_whole, amount_ore from world.refunds where refunded_at < $now
    )
"""


def _shop(folder: Path, exports: _Exports) -> None:
    lines = exports.rows(f"""
        with {_RETURNS},
        goods as (
            select order_id, ordered_at, line_number, sku, product, quantity, amount_ore // quantity as unit_ore
            from world.order_lines where ordered_at < $now
            union all
            select order_id, ordered_at, 99, 'FRAKT', 'Frakt', 1, shipping_ore from world.orders
            where ordered_at < $now and shipping_ore > 0
        ),
        taken_back as (
            select refund_id, refunded_at, line_number, sku, product, -quantity as quantity, unit_ore
            from goods join returns using (order_id) where line_number < 99 and (is_whole or line_number = 1)
        ),
        everything as (select order_id as number, * exclude (order_id) from goods union all from taken_back)
        select number as order_id, line_number as line, ordered_at at time zone 'Europe/Oslo' as ordered_at,
            (select customer_id from world.orders where order_id = ltrim(number, 'R')) as customer_id,
            sku, product, quantity, unit_ore / 100.0 as unit_price
        from everything order by ordered_at, number, line
    """)
    lines.to_parquet(folder / "order_lines.parquet", index=False)
    heads = exports.rows(f"""
        with {_RETURNS},
        heads as (
            select order_id as number, ordered_at as moment, 'Salg' as kind, '' as cancels, amount_ore, cost_ore, order_id
            from world.orders where ordered_at < $now
            union all
            select refund_id, refunded_at, 'Retur', order_id, -returns.amount_ore, -round(cost_ore * returns.amount_ore
                / greatest(orders.amount_ore - shipping_ore, 1))::bigint, order_id
            from returns join world.orders using (order_id)
        )
        select number as "Ordrenr", strftime(moment, '%d.%m.%Y %H:%M') as "Tidspunkt", kind as "Type", cancels as "Gjelder",
            coalesce(customer_id, '') as "Kundenr", email as "E-post", phone as "Telefon",
            heads.amount_ore as "Sum", heads.cost_ore as "Varekost",
            case when source like '(%' then '' else source end as utm_source,
            case when medium like '(%' then '' else medium end as utm_medium, coalesce(campaign, '') as utm_campaign
        from heads join world.orders using (order_id) order by moment, number
    """)
    for column in ("Sum", "Varekost"):
        heads[column] = [f"{ore / 100:,.2f}".replace(",", " ").replace(".", ",") for ore in heads[column]]
    with (folder / "orders.csv.gz").open("wb") as f, gzip.GzipFile("", "wb", fileobj=f, mtime=0) as packed:
        packed.write(heads.to_csv(sep=";", index=False).encode())


def _web(folder: Path, exports: _Exports) -> None:
    broken = exports.world.start_date + timedelta(days=100)  # a day the tag sent no revenue
    seen = exports.rows(f"""
        select strftime(ordered_at, '%Y%m%d') as event_date, epoch_us(ordered_at) as event_timestamp,
            client_id as user_pseudo_id, order_id as transaction_id, '(not set)' as item_id, '(not set)' as item_name,
            1 as quantity, case when ordered_at::date <> '{broken}' then (amount_ore - shipping_ore) / 125.0 end as item_revenue,
            visits.source, visits.medium, strftime(ordered_at, '%Y-%m') as month
        from world.orders join world.visits using (order_id) where client_id is not null and ordered_at < $now
        order by ordered_at, order_id
    """)
    for month, part in seen.groupby("month"):
        part.drop(columns="month").to_json(folder / f"purchases_{month}.ndjson", orient="records", lines=True)
    consent = exports.rows(
        "select date::varchar as date, purpose, shown, accepted, denied from world.consent_counts where date < $now::date"
    )
    consent.to_csv(folder / "consent.csv", index=False)
    # a cookie lasts at most 60 days: what is withdrawn after its last visit is not given again
    log = exports.rows("""
        with clients as (
            select client_id, min(started_at) as first_at, max(started_at) as last_at, bool_or(consent_ads) as ads
            from world.visits where client_id is not null and started_at < $now group by client_id
        ),
        answers as (
            select client_id, 'analytics' as purpose, 'granted' as state, first_at as changed_at from clients
            union all
            select client_id, 'ads', 'granted', first_at from clients where ads
            union all
            select client_id, purpose, 'withdrawn', last_at + interval 1 hour from clients, (values ('analytics'), ('ads')) as p (purpose)
            where last_at < $now - interval 61 days and md5(client_id)[1:2] < '08'
        )
        select client_id, purpose, state, strftime(changed_at at time zone 'UTC', '%Y-%m-%dT%H:%M:%SZ') as changed_at
        from answers order by changed_at, client_id, purpose, state
    """)
    log.to_csv(folder / "consent_log.csv", index=False)


def _ads(folder: Path, exports: _Exports) -> None:
    """A newspaper's monthly account of its banners: no vendor the servers play, so that no spend is there twice."""
    n = (exports.as_of - exports.world.start_date).days
    day = np.arange(n) + epoch(exports.world.start_date)
    parts = []
    for k, (key, title, volume) in enumerate((("n1", "Forside", 14), ("n2", "Bolig", 22))):
        u = uniform(exports.world.seed, "newspaper", day, k)
        clicks = integers(u, volume // 2, volume * 3 // 2)
        parts.append(
            pd.DataFrame(
                {
                    "Day": [str(exports.world.start_date + timedelta(days=i)) for i in range(n)], "Platform": "lokalavisen",
                    "Account": "4411", "Campaign ID": key, "Campaign": title, "Type": "display", "Impressions": clicks * 260,
                    "Clicks": clicks, "Cost": np.round(clicks * 260 * 0.045, 2), "Conversions": 0, "Currency": "NOK",
                }
            )
        )  # fmt: skip
    pd.concat(parts).to_csv(folder / "newspaper.csv", index=False)


def _rates(folder: Path, exports: _Exports) -> None:
    wide = exports.rows("""
        pivot (select date, currency, rate / unit as nok from world.exchange_rates where date < $now::date)
        on currency in ('EUR', 'USD', 'SEK') using any_value(nok) group by date order by date desc
    """)
    frame = pd.DataFrame({"Date": [str(d)[:10] for d in wide["date"]]})
    for name in ("USD", "SEK"):
        frame[name] = np.round(wide["EUR"].astype(float) / wide[name].astype(float), 4)
    frame["NOK"] = np.round(wide["EUR"].astype(float), 4)
    frame["CYP"] = "N/A"
    frame.to_csv(folder / "eurofx.csv", index=False)


def _costs(folder: Path, exports: _Exports) -> None:
    costs = exports.rows("""
        select strftime(date, '%d.%m.%Y') as "Dato", category as "Kategori", supplier as "Leverandør", amount_ore as "Beløp"
        from world.other_costs where date < $now::date order by date, category
    """)
    costs["Beløp"] = [f"{ore // 100:,}".replace(",", " ") + ",00" for ore in costs["Beløp"]]
    costs.to_csv(folder / "costs.tsv", sep="\t", index=False)


def _books(folder: Path, exports: _Exports) -> None:
    """The accounts, a file a year, of months closed by the tenth of the next one.

    Two things differ from the systems, as they do: what the shop sold on the last two days of a quarter is booked in the next month,
    and deals without an amount in the CRM have one here.
    """
    newspaper = pd.read_csv(folder.parent / "ads" / "newspaper.csv", usecols=["Day", "Cost"])
    newspaper["month"] = newspaper["Day"].str[:7]
    paper = newspaper.groupby("month")["Cost"].sum()
    lines = exports.rows(f"""
        with {_RETURNS},
        sales as (
            select ordered_at::date as day, amount_ore / 125.0 as revenue, cost_ore / 100.0 as goods from world.orders
            where ordered_at < $now
            union all
            select refunded_at::date, -returns.amount_ore / 125.0, -round(cost_ore * returns.amount_ore
                / greatest(orders.amount_ore - shipping_ore, 1)) / 100.0
            from returns join world.orders using (order_id)
        ),
        booked as (
            select *, case when month(day) % 3 = 0 and day > last_day(day) - 2 then last_day(day) + 1 else day end as booked_on
            from sales
        ),
        rates as (
            select strftime(date, '%Y-%m') as month, currency, avg(rate / unit) as rate from world.exchange_rates
            where date < $now::date group by all
        ),
        entries as (
            select booked_on as day, 3000 as account, 'Salgsinntekt nettbutikk' as name, revenue as amount from booked
            union all
            select booked_on, 4300, 'Varekostnad nettbutikk', goods from booked
            union all
            select closed_at::date, 3010, 'Salgsinntekt bedrift', amount_ore / 100.0 from world.deals
            where is_won and closed_at < $now
            union all
            select date, 7320, 'Reklamekostnad', cost_micros / 1e6 * coalesce(rate, 1)
            from world.ad_delivery join world.ad_accounts using (platform, account_id)
            left join rates on rates.currency = ad_accounts.currency and rates.month = strftime(date, '%Y-%m')
            where posted_date <= $now::date
            union all
            select date, 7330, 'Verktøy, innhold og rådgivere', amount_ore / 100.0 from world.other_costs where date < $now::date
        )
        select strftime(day, '%Y-%m') as "Periode", account::varchar as "Konto", name as "Kontonavn", round(sum(amount), 2) as "Beløp"
        from entries where last_day(day) + 10 < $now::date group by all order by 1, 2
    """)
    lines["Beløp"] += np.where(lines["Konto"] == "7320", lines["Periode"].map(paper).fillna(0.0), 0.0)
    lines["Beløp"] = [f"{amount:,.2f}".replace(",", " ").replace(".", ",") for amount in lines["Beløp"].astype(float)]
    # a company without a closed month has its headers
    years = dict(iter(lines.groupby(lines["Periode"].str[:4]))) or {f"{exports.as_of:%Y}": lines}
    for year, part in years.items():
        text = part.to_csv(sep=";", index=False, lineterminator="\r\n")
        (folder / f"regnskap_{year}.csv").write_bytes(text.encode("windows-1252"))
