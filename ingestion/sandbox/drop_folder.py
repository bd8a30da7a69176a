"""A small drop folder: half a year of a made-up Norwegian company's exports, as such files really look.

Semicolons, decimal commas, Windows-1252, a wide table, a workbook, two bad rows. The same seed and day give the same files.
"""

from __future__ import annotations

import gzip
import json
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

DAYS = 180
_ORIGINS = ["paid search", "organic search", "social", "email", "direct traffic", "referral", "webinar", ""]
_ORIGIN_SHARE = [0.24, 0.26, 0.16, 0.10, 0.09, 0.07, 0.05, 0.03]
_SEGMENTS = ["Bygg", "Helse", "Handel", "Kommune"]
_STAGES = ["Ny", "Møte", "Tilbud", "Forhandling"]
_PRODUCTS = [("Stol", 1490), ("Bord", 4990), ("Lampe", 690), ("Hylle", 1190), ("Teppe", 2290), ("Pute", 249)]

CATALOGUE = """\
# yaml-language-server: $schema=catalogue.schema.json
# The drop folder of a made-up company. docs/files.md explains every key; `python -m ingestion check` checks it.
version: 1
datasets:
  crm_leads:
    entity: leads
    description: monthly export of the CRM, saved by an old Excel
    owner: salg@example.no
    location: crm/leads_*.csv
    system: crm
    encoding: windows-1252
    delimiter: ";"
    date_formats: ["%d.%m.%Y"]
    key: [lead_id]
    columns:
      lead_id: Lead-ID
      created_date: Opprettet
      qualified_date: Kvalifisert
      person_id: Kontakt-ID
      email: E-post
      phone: Telefon
      company_id: Firma
      origin: Kilde
      landing_page: Landingsside
      segment: Segment
      owner: Ansvarlig
  crm_deals:
    entity: deals
    location: crm/deals.xlsx
    system: crm
    currency: NOK
    vat: {basis: excluded}
    key: [deal_id]
    columns:
      deal_id: Deal-ID
      lead_id: Lead-ID
      person_id: Kontakt-ID
      created_date: Opprettet
      closed_date: Avsluttet
      status:
        column: Status
        match:
          - {pattern: "^Vunnet$", value: won}
          - {pattern: "^Tapt$", value: lost}
          - {pattern: "^Åpen$", value: open}
      stage: Fase
      amount: Beløp
      segment: Segment
      owner: Selger
      lost_reason: Tapsårsak
  crm_stages:
    entity: deal_stage_changes
    location: crm/stage_changes.ndjson
    system: crm
    columns: {deal_id: deal, stage: to, changed_at: at}
  shop_orders:
    entity: orders
    description: order heads of the webshop, in the shop's time, with VAT
    location: shop/orders.csv.gz
    system: shop
    delimiter: ";"
    decimal: ","
    thousands: " "
    date_formats: ["%d.%m.%Y %H:%M"]
    currency: NOK
    vat: {basis: included, rate: 25}
    key: [order_id]
    columns:
      order_id: Ordrenr
      ordered_at: Tidspunkt
      order_type:
        column: Type
        match: [{pattern: "^Retur$", value: cancellation}]
        otherwise: sale
      cancels_order_id: Gjelder
      customer_id: Kundenr
      email: E-post
      amount: Sum
      cost_amount: Varekost
      source: utm_source
      medium: utm_medium
      campaign: utm_campaign
  shop_lines:
    entity: order_lines
    location: shop/order_lines.parquet
    system: shop
    currency: NOK
    vat: {basis: included, rate: 25}
    columns:
      order_id: order_id
      line_number: line
      ordered_at: ordered_at
      order_type: {column: quantity, match: [{pattern: "^-", value: cancellation}], otherwise: sale}
      customer_id: customer_id
      product_id: sku
      product_name: product
      quantity: quantity
      unit_price: unit_price
  web_purchases:
    entity: web_purchases
    location: web/purchases_*.ndjson
    currency: NOK
    date_formats: [epoch_us]
    time_zone: Europe/Oslo
    columns:
      transaction_id: transaction_id
      purchased_at: event_timestamp
      purchased_date: {column: event_date, date_formats: ["%Y%m%d"]}
      client_id: user_pseudo_id
      item_id: item_id
      item_name: item_name
      quantity: quantity
      item_revenue: item_revenue
      source: source
      medium: medium
  ads:
    entity: ad_performance
    location: ads/*.csv
    columns:
      date: Day
      platform: Platform
      account_id: Account
      campaign_id: Campaign ID
      campaign_name: Campaign
      campaign_type: Type
      impressions: Impressions
      clicks: Clicks
      cost: Cost
      conversions: Conversions
      currency: Currency
  ecb_rates:
    entity: exchange_rates
    description: one column a currency, as the European Central Bank writes it
    location: rates/eurofx.csv
    null_values: ["N/A"]
    unpivot: {keep: [Date], name_to: currency, value_to: rate}
    key: [date, base_currency, quote_currency]
    columns: {date: Date, base_currency: {value: EUR}, quote_currency: currency, rate: rate}
  tools_and_advisers:
    entity: other_costs
    location: finance/costs.tsv
    decimal: ","
    thousands: " "
    date_formats: ["%d.%m.%Y"]
    currency: NOK
    vat: {basis: excluded}
    columns: {date: Dato, category: Kategori, supplier: Leverandør, amount: Beløp}
  consent:
    entity: consent_counts
    location: web/consent.csv
    key: [date, purpose]
    columns: {date: date, purpose: purpose, shown: shown, accepted: accepted, denied: denied}
"""


def make_drop_folder(folder: Path, last_day: date, seed: int = 20) -> int:
    """Write catalogue, schema and files for the 180 days before `last_day`; returns the number of data files."""
    from ingestion.sources.files.catalogue import json_schema

    rng = np.random.default_rng(seed)
    for name in ("crm", "shop", "web", "ads", "rates", "finance"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    first = last_day - timedelta(days=DAYS)
    _crm(folder / "crm", rng, first)
    orders = _shop(folder / "shop", rng, first)
    _web(folder / "web", rng, first, orders)
    _ads(folder / "ads", rng, first)
    _rates(folder / "rates", rng, first)
    _costs(folder / "finance", rng, first)
    (folder / "catalogue.schema.json").write_text(json.dumps(json_schema(), indent=1, ensure_ascii=False), "utf-8")
    (folder / "catalogue.yml").write_text(CATALOGUE, "utf-8")  # last: with it the folder counts as there
    return sum(1 for p in folder.rglob("*") if p.is_file()) - 2


def _days(rng: np.random.Generator, n: int, first: date, until: int = DAYS) -> pd.DatetimeIndex:
    """n sorted days, fewer of them on weekends."""
    days = pd.date_range(first, periods=until)
    weight = np.where(days.dayofweek >= 5, 0.35, 1.0)
    return days[np.sort(rng.choice(until, n, p=weight / weight.sum()))]


def _crm(folder: Path, rng: np.random.Generator, first: date) -> None:
    n = 640
    created = _days(rng, n, first)
    qualified = rng.random(n) < 0.55
    frame = pd.DataFrame(
        {
            "Lead-ID": [f"L{i:05d}" for i in range(n)],
            "Opprettet": created.strftime("%d.%m.%Y"),
            "Kvalifisert": np.where(
                qualified, (created + pd.to_timedelta(rng.integers(0, 9, n), "D")).strftime("%d.%m.%Y"), ""
            ),
            "Kontakt-ID": [f"K{i:05d}" for i in range(n)],
            "E-post": [f"kontakt{i}@firma{i % 211}.example.no" for i in range(n)],
            "Telefon": [f"{rng.integers(400, 499)} {rng.integers(10, 99)} {rng.integers(100, 999)}" for _ in range(n)],
            "Firma": [f"Firma {i % 211}" for i in range(n)],
            "Kilde": rng.choice(_ORIGINS, n, p=_ORIGIN_SHARE),
            "Landingsside": rng.choice(["/", "/kontor", "/helse", "/tilbud?utm_source=nyhetsbrev", "/webinar"], n),
            "Segment": rng.choice(_SEGMENTS, n),
            "Ansvarlig": rng.choice(["Kari Østby", "Per Ås"], n),
        }
    )
    frame.loc[17, "Opprettet"] = "31.02.2026"  # no such day: a row for the rejects
    frame.loc[301, "Lead-ID"] = ""
    for month, part in frame.groupby(created.strftime("%Y-%m")):
        text = part.to_csv(sep=";", index=False, lineterminator="\r\n")
        (folder / f"leads_{month}.csv").write_bytes(text.encode("windows-1252"))

    from_lead = np.sort(rng.choice(np.flatnonzero(qualified), 190, replace=False))
    opened = created[from_lead] + pd.to_timedelta(rng.integers(1, 15, len(from_lead)), "D")
    closed = opened + pd.to_timedelta(rng.integers(5, 75, len(from_lead)), "D")
    end = pd.Timestamp(first) + pd.Timedelta(days=DAYS)
    status = np.where(closed >= end, "Åpen", np.where(rng.random(len(from_lead)) < 0.38, "Vunnet", "Tapt"))
    deals = pd.DataFrame(
        {
            "Deal-ID": [f"D{i:05d}" for i in range(len(from_lead))],
            "Lead-ID": frame["Lead-ID"].to_numpy()[from_lead],
            "Kontakt-ID": frame["Kontakt-ID"].to_numpy()[from_lead],
            "Opprettet": opened.strftime("%Y-%m-%d"),
            "Avsluttet": pd.Series(closed.strftime("%Y-%m-%d")).mask(status == "Åpen"),
            "Status": status,
            "Fase": np.where(status == "Åpen", rng.choice(_STAGES, len(from_lead)), "Avsluttet"),
            "Beløp": np.where(rng.random(len(from_lead)) < 0.9, rng.integers(20, 400, len(from_lead)) * 1000.0, np.nan),
            "Segment": frame["Segment"].to_numpy()[from_lead],
            "Selger": frame["Ansvarlig"].to_numpy()[from_lead],
            "Tapsårsak": pd.Series(rng.choice(["Pris", "Tid", "Konkurrent"], len(from_lead))).where(status == "Tapt"),
        }
    )
    deals[opened < end].to_excel(folder / "deals.xlsx", index=False)
    steps = [
        {
            "deal": deal,
            "to": stage,
            "at": (at + pd.Timedelta(days=4 * k, hours=9)).strftime("%Y-%m-%dT%H:%M:%S+01:00"),
        }
        for deal, at, reached in zip(deals["Deal-ID"], opened, rng.integers(1, 5, len(deals)), strict=True)
        for k, stage in enumerate(_STAGES[:reached])
        if at + pd.Timedelta(days=4 * k) < end
    ]
    (folder / "stage_changes.ndjson").write_text(
        "".join(json.dumps(s, ensure_ascii=False) + "\n" for s in steps), "utf-8"
    )


def _shop(folder: Path, rng: np.random.Generator, first: date) -> pd.DataFrame:
    n, n_lines = 1500, 3600
    at = _days(rng, n, first) + pd.to_timedelta(rng.integers(7 * 60, 23 * 60, n), "min")
    customer = rng.zipf(1.7, n) % 700
    lines = pd.DataFrame({"o": np.sort(np.concatenate([np.arange(n), rng.integers(0, n, n_lines - n)]))})
    product = rng.integers(0, len(_PRODUCTS), n_lines)
    lines["line"] = lines.groupby("o").cumcount() + 1
    lines["sku"] = [f"SKU-{p:03d}" for p in product]
    lines["product"] = [_PRODUCTS[p][0] for p in product]
    lines["unit_price"] = [float(_PRODUCTS[p][1]) for p in product]
    lines["quantity"] = rng.integers(1, 4, n_lines)
    lines.loc[rng.random(n_lines) < 0.01, "unit_price"] = 0.0  # a gift with the order
    number = np.array([f"{10000 + i}" for i in range(n)])
    source = rng.choice(
        ["google/cpc", "google/organic", "facebook/paid-social", "newsletter/email", "/"],
        n,
        p=[0.3, 0.3, 0.15, 0.1, 0.15],
    )
    heads = pd.DataFrame(
        {
            "Ordrenr": number, "at": at, "Type": "Salg", "Gjelder": "",
            "Kundenr": np.where(rng.random(n) < 0.08, "", np.char.add("C", customer.astype(str))),
            "E-post": [f"kunde{c}@example.no" for c in customer],
            "utm_source": [s.split("/")[0] for s in source], "utm_medium": [s.split("/")[1] for s in source],
            "utm_campaign": np.where(source == "google/cpc", "brand-no", ""),
            "amount": (lines["unit_price"] * lines["quantity"]).groupby(lines["o"]).sum().to_numpy(),
        }
    )  # fmt: skip
    back = np.sort(rng.choice(int((at < at[0] + pd.Timedelta(days=DAYS - 20)).sum()), 70, replace=False))
    returns = heads.iloc[back].assign(
        Ordrenr=[f"R{number[i]}" for i in back], Type="Retur", Gjelder=number[back], amount=-heads["amount"].to_numpy()[back],
        at=heads["at"].to_numpy()[back] + pd.to_timedelta(rng.integers(2, 14, len(back)), "D").to_numpy(),
    )  # fmt: skip
    returned = lines[lines["o"].isin(back)].assign(quantity=lambda f: -f["quantity"], returned=True)
    lines = pd.concat([lines.assign(returned=False), returned])
    head = heads.loc[lines["o"]]
    out = pd.DataFrame(
        {
            "order_id": np.where(lines["returned"], np.char.add("R", number[lines["o"]]), number[lines["o"]]),
            "line": lines["line"].to_numpy(),
            "ordered_at": np.where(
                lines["returned"], lines["o"].map(dict(zip(back, returns["at"], strict=True))), head["at"]
            ),
            "customer_id": head["Kundenr"].replace("", None).to_numpy(),
            **{c: lines[c].to_numpy() for c in ("sku", "product", "quantity", "unit_price")},
        }
    )
    out["ordered_at"] = pd.to_datetime(out["ordered_at"]).astype("datetime64[us]")
    out.to_parquet(folder / "order_lines.parquet", index=False)
    everything = pd.concat([heads, returns]).sort_values("at", kind="stable")
    csv = pd.DataFrame(
        {
            "Ordrenr": everything["Ordrenr"], "Tidspunkt": everything["at"].dt.strftime("%d.%m.%Y %H:%M"),
            "Type": everything["Type"], "Gjelder": everything["Gjelder"], "Kundenr": everything["Kundenr"],
            "E-post": everything["E-post"],
            "Sum": [f"{v:,.2f}".replace(",", " ").replace(".", ",") for v in everything["amount"]],
            "Varekost": [f"{v * 0.48:,.2f}".replace(",", " ").replace(".", ",") for v in everything["amount"]],
            "utm_source": everything["utm_source"], "utm_medium": everything["utm_medium"],
            "utm_campaign": everything["utm_campaign"],
        }
    )  # fmt: skip
    with (folder / "orders.csv.gz").open("wb") as f, gzip.GzipFile("", "wb", fileobj=f, mtime=0) as packed:
        packed.write(csv.to_csv(sep=";", index=False).encode())
    return heads


def _web(folder: Path, rng: np.random.Generator, first: date, orders: pd.DataFrame) -> None:
    seen = orders[rng.random(len(orders)) < 0.78]  # consent and blockers hide the rest
    utc = seen["at"].dt.tz_localize("Europe/Oslo", ambiguous=True, nonexistent="shift_forward").dt.tz_convert("UTC")
    frame = pd.DataFrame(
        {
            "event_date": seen["at"].dt.strftime("%Y%m%d"),
            "event_timestamp": utc.dt.tz_localize(None).astype("datetime64[us]").astype("int64"),
            "user_pseudo_id": [f"{rng.integers(10**8, 10**9)}.{rng.integers(10**8, 10**9)}" for _ in range(len(seen))],
            "transaction_id": seen["Ordrenr"], "item_id": "(not set)", "item_name": "(not set)", "quantity": 1,
            "item_revenue": seen["amount"] / 1.25, "source": seen["utm_source"], "medium": seen["utm_medium"],
        }
    )  # fmt: skip
    broken = pd.Timestamp(first) + pd.Timedelta(days=100)
    frame.loc[seen["at"].dt.normalize() == broken, "item_revenue"] = None  # a day the tag sent no revenue
    for month, part in frame.groupby(seen["at"].dt.strftime("%Y-%m")):
        part.to_json(folder / f"purchases_{month}.ndjson", orient="records", lines=True)
    days = pd.date_range(first, periods=DAYS)
    shown = rng.integers(180, 420, DAYS)
    accepted = (shown * rng.uniform(0.52, 0.66, DAYS)).astype(int)
    denied = ((shown - accepted) * 0.8).astype(int)
    pd.DataFrame(
        {
            "date": days.strftime("%Y-%m-%d"),
            "purpose": "analytics",
            "shown": shown,
            "accepted": accepted,
            "denied": denied,
        }
    ).to_csv(folder / "consent.csv", index=False)


def _ads(folder: Path, rng: np.random.Generator, first: date) -> None:
    days = pd.date_range(first, periods=DAYS).strftime("%Y-%m-%d")
    campaigns = [
        ("google_ads", "771-1", "g1", "Brand NO", "search", "NOK", 9.0, 60),
        ("google_ads", "771-1", "g2", "Shopping", "shopping", "NOK", 6.0, 90),
        ("google_ads", "771-1", "g3", "Remarketing", "display", "NOK", 2.5, 70),
        ("meta_ads", "act_9", "m1", "Prospecting", "social", "EUR", 0.6, 110),
    ]
    for platform in ("google_ads", "meta_ads"):
        parts = []
        for name, account, key, title, kind, currency, cpc, volume in (c for c in campaigns if c[0] == platform):
            clicks = rng.poisson(volume, DAYS)
            parts.append(
                pd.DataFrame(
                    {
                        "Day": days,
                        "Platform": name,
                        "Account": account,
                        "Campaign ID": key,
                        "Campaign": title,
                        "Type": kind,
                        "Impressions": clicks * rng.integers(15, 40, DAYS),
                        "Clicks": clicks,
                        "Cost": np.round(clicks * cpc * rng.uniform(0.8, 1.2, DAYS), 2),
                        "Conversions": rng.poisson(clicks * 0.03),
                        "Currency": currency,
                    }
                )
            )
        pd.concat(parts).to_csv(folder / f"{platform}.csv", index=False)


def _rates(folder: Path, rng: np.random.Generator, first: date) -> None:
    days = pd.bdate_range(first - timedelta(days=5), periods=DAYS)
    days = days[days < pd.Timestamp(first) + pd.Timedelta(days=DAYS)]
    walk = np.cumsum(rng.normal(0, 0.01, (len(days), 3)), axis=0)
    frame = pd.DataFrame({"Date": days.strftime("%Y-%m-%d")})
    for i, (name, start) in enumerate((("USD", 1.1), ("SEK", 11.2), ("NOK", 11.6))):
        frame[name] = np.round(start + walk[:, i], 4)
    frame["CYP"] = "N/A"
    frame.iloc[::-1].to_csv(folder / "eurofx.csv", index=False)


def _costs(folder: Path, rng: np.random.Generator, first: date) -> None:
    months = pd.date_range(first.replace(day=1), periods=6, freq="MS")
    rows = [
        {
            "Dato": m.strftime("%d.%m.%Y"),
            "Kategori": kind,
            "Leverandør": supplier,
            "Beløp": f"{amount:,}".replace(",", " ") + ",00",
        }
        for m in months
        for kind, supplier, amount in (
            ("tools", "Nyhetsbrev AS", int(rng.integers(2, 5)) * 1000),
            ("content", "Tekst & Foto Øst", int(rng.integers(8, 22)) * 1000),
            ("advisers", "Byrået", int(rng.integers(15, 40)) * 1000),
        )
    ]
    pd.DataFrame(rows).to_csv(folder / "costs.tsv", sep="\t", index=False)
