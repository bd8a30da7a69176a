"""The catalogue of the simulated company's drop folder, as a company would write it."""

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
      phone: Telefon
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
  books:
    entity: accounting_figures
    description: the result by account and month, from the accounting system, when a month is closed
    location: finance/regnskap_*.csv
    encoding: windows-1252
    delimiter: ";"
    decimal: ","
    thousands: " "
    date_formats: ["%Y-%m"]
    currency: NOK
    vat: {basis: excluded}
    key: [month, account]
    columns:
      month: Periode
      account: Konto
      account_name: Kontonavn
      amount: Beløp
      figure:
        column: Konto
        match:
          - {pattern: "^30", value: revenue}
          - {pattern: "^43", value: cost_of_goods}
          - {pattern: "^73", value: marketing_cost}
      stream:
        column: Konto
        match:
          - {pattern: "^(3000|4300)$", value: orders}
          - {pattern: "^3010$", value: deals}
          - {pattern: "^73", value: null}
  consent:
    entity: consent_counts
    location: web/consent.csv
    key: [date, purpose]
    columns: {date: date, purpose: purpose, shown: shown, accepted: accepted, denied: denied}
  consent_log:
    entity: consents
    description: every answer to the consent banner, by cookie, from the consent platform
    location: web/consent_log.csv
    key: [identifier_kind, identifier, purpose, changed_at]
    columns:
      identifier_kind: {value: client_id}
      identifier: client_id
      purpose: purpose
      state: state
      basis: {value: consent}
      changed_at: changed_at
"""
