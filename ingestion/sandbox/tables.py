"""Every table of the simulated company: its columns, their types and what they mean. The single place for that.

Room `world` is what the company's and the vendors' systems hold; the server reads nothing else. Room `truth` is what
really happened: for tests and benchmarks, never served, never ingested.

Entities (one file, rewritten when the company is extended, rows only ever added) hold versions: a row counts from its
`valid_from` until the next row of the same id. Facts are written once, a file a chunk of days. Some facts are written
with times that lie ahead of the last simulated day (a click that will be found invalid, a ticket that will be solved):
a reader with a clock D takes rows and cells whose time is <= D. Columns that say so: valid_from, created_date,
posted_date, reported_date, retracted_date, invalid_date and every `_at`.

Ids are text in the vendor's look. `_micros` are millionths of the account's currency; amounts of the webshop and CRM are
whole øre (1/100 NOK), so that every sum is exact. `date` is the account's own calendar day, or Oslo's elsewhere.
"""

# ruff: noqa: E501 - a meaning is one line
from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

_TYPES = {
    "text": pa.string(), "bigint": pa.int64(), "double": pa.float64(), "bool": pa.bool_(), "date": pa.date32(),
    "timestamptz": pa.timestamp("us", tz="UTC"), "decimal": pa.decimal128(18, 6),
}  # fmt: skip


@dataclass(frozen=True)
class Column:
    name: str
    type: str
    meaning: str


@dataclass(frozen=True)
class Table:
    """`kind` is 'entity' (versions, one file) or 'fact' (a file a chunk of days)."""

    name: str
    room: str
    kind: str
    meaning: str
    columns: tuple[Column, ...]

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([(c.name, _TYPES[c.type]) for c in self.columns])


_CELL = """
    platform text: google_ads, microsoft_ads, meta_ads, linkedin_ads, tiktok_ads
    account_id text: the ad account
    campaign_id text: on LinkedIn its campaign group
    ad_group_id text: Meta's ad set, LinkedIn's campaign; null for Performance Max
    ad_id text: LinkedIn's creative; null for Performance Max
    keyword_id text: search campaigns of Google and Microsoft only
    network text: google search|search_partners|content|youtube|mixed; microsoft search|partner; meta facebook|instagram; linkedin; tiktok
    device text: mobile|desktop|tablet
"""

_TEXT = f"""
world entity ad_accounts: an advertising account
    platform text: one of the five
    account_id text: Google 10 digits, Microsoft 9, Meta 15, LinkedIn 9, TikTok 19
    account_name text: as the company called it
    currency text: of every amount of the account
    time_zone text: of every date of the account; never west of the zone its audience lives in, so a day is complete when it is over
    manager_id text: the manager account above it; null where the vendor has none
    created_date date: when it was opened

world entity ad_campaigns: versions of a campaign
    platform text: one of the five
    account_id text: the ad account
    campaign_id text: on LinkedIn its campaign group
    valid_from date: first day this version holds
    name text: under the naming convention country_stage_type_theme_yyyymm, with planted exceptions
    status text: active|paused|removed
    campaign_type text: search, shopping, performance_max, display, video, demand_gen, prospecting, retargeting, lead_gen (brand search is search; name and keywords tell)
    objective text: sales, leads, traffic, awareness
    daily_budget_micros bigint: average daily budget
    budget_id text: id of the budget
    bid_strategy text: maximize_conversions, target_roas, maximize_clicks, manual_cpc, lowest_cost, target_cpm
    start_date date: planned first day
    end_date date: planned last day; null without one
    is_retargeting bool: shown to former visitors only

world entity ad_groups: versions of an ad group (Performance Max has none)
    platform text: one of the five
    account_id text: the ad account
    campaign_id text: its campaign
    ad_group_id text: Meta's ad set, LinkedIn's campaign
    valid_from date: first day this version holds
    name text: its name
    status text: active|paused|removed
    bid_micros bigint: bid a click, or a thousand impressions where the platform sells those

world entity ads: versions of an ad (Performance Max has none)
    platform text: one of the five
    account_id text: the ad account
    campaign_id text: its campaign
    ad_group_id text: its ad group
    ad_id text: LinkedIn's creative
    valid_from date: first day this version holds
    name text: its name
    status text: active|paused|removed; a worn-out creative is paused when its successor starts
    format text: responsive_search, product, image, video, carousel, single_image, document
    headline text: what it says
    final_url text: where it leads; with UTM tags except on Google (auto-tagging), some mis-tagged
    creative_id text: the creative it shows; a creative can serve several ads
    created_date date: when it was made
    audience_size bigint: people it can reach

world entity ad_keywords: versions of a keyword (Google, Microsoft)
    platform text: google_ads or microsoft_ads
    account_id text: the ad account
    campaign_id text: its campaign
    ad_group_id text: its ad group
    keyword_id text: id, unique in the account
    valid_from date: first day this version holds
    text text: the words bid on
    match_type text: exact|phrase|broad
    status text: active|paused|removed

world entity ad_conversion_actions: what an account counts as a conversion
    platform text: one of the five
    account_id text: the ad account
    action_id text: id of the action
    name text: its name
    category text: purchase|lead|phone_call|sign_up|add_to_cart|page_view
    is_primary bool: bidding and the column "conversions" use it
    click_window_days bigint: days after a click in which it counts
    view_window_days bigint: days after a view in which it counts; 0 means never
    counting text: one|many a click

world entity lead_forms: LinkedIn's forms
    platform text: linkedin_ads
    account_id text: the ad account
    form_id text: id of the form
    name text: its name
    created_date date: when it was made

world fact ad_delivery: double entry of impressions, clicks and cost, by the account's own day
    date date: day of delivery{_CELL}    impressions bigint: shown; negative in a correction
    clicks bigint: clicked; negative in a correction
    cost_micros bigint: a multiple of 10000; negative in a correction
    posted_date date: the first posting of day d is posted d + 1; corrections (invalid clicks) are further rows of the same cell, at most 7 days after d. At clock D a vendor reports the sum of rows with posted_date <= D, never negative

world fact ad_clicks: one row for each click counted in ad_delivery, same cells and sums
    click_id text: gclid, msclkid, fbclid, li_fat_id or ttclid
    clicked_at timestamptz: when
    date date: the account's own day{_CELL}    search_term text: what was searched; null outside search
    cost_micros bigint: price of the click; 0 where impressions are sold
    country text: where the person is, two letters
    landing_url text: final URL with the click id
    invalid_date date: day the vendor finds the click invalid and credits it; null for valid ones

world fact ad_search_terms: searches that showed a keyword's ad, as far as the vendor shows them (rare ones are hidden); never more than the keyword's own figures
    date date: day of delivery
    platform text: google_ads or microsoft_ads
    account_id text: the ad account
    campaign_id text: its campaign
    ad_group_id text: its ad group
    keyword_id text: the keyword that matched
    search_term text: what was searched
    match_type text: exact|phrase|broad, of the match
    impressions bigint: shown; negative in a correction
    clicks bigint: clicked; negative in a correction
    cost_micros bigint: cost; negative in a correction
    posted_date date: as in ad_delivery

world fact ad_conversions: one row for each credit a platform gives; visible at clock D when reported_date <= D and not retracted by D
    conversion_id text: id of the credit row
    platform text: one of the five
    account_id text: the ad account
    campaign_id text: the campaign of the click or view
    ad_group_id text: null for Performance Max
    ad_id text: null for Performance Max
    keyword_id text: search campaigns of Google and Microsoft only
    network text: as in ad_delivery
    device text: of the click or view
    action_id text: the conversion action
    kind text: click|view
    click_id text: the click; null for views and for conversions modelled for lack of consent
    touch_date date: account's day of the click or view
    conversion_date date: account's day of the conversion; at most the action's window later
    converted_at timestamptz: when
    reported_date date: first day the platform reports it; at least conversion_date + 1
    retracted_date date: day the platform takes it back; null if never
    credit double: Google splits 1 over the clicks of a conversion; the others each claim 1
    value_micros bigint: value in account currency times credit; 0 for actions without a value

world fact lead_form_responses: forms filled in inside LinkedIn
    platform text: linkedin_ads
    account_id text: the ad account
    form_id text: the form
    response_id text: id of the response
    submitted_at timestamptz: when
    campaign_id text: campaign of the ad
    ad_group_id text: ad group of the ad
    ad_id text: the ad
    first_name text: personal
    last_name text: personal
    email text: personal
    phone text: personal; null if not given
    company text: as the person wrote it
    job_title text: as the person wrote it

world fact exchange_rates: Norges Bank's table, business days only
    date date: day of the rate
    currency text: EUR, USD, GBP, SEK, DKK, JPY
    unit bigint: 100 for SEK, DKK and JPY, else 1
    rate decimal: NOK for `unit` of the currency

world fact visits: visits to the site as its tags see them; those that a broken tag loses are in truth.touches alone
    visit_id text: id
    started_at timestamptz: when
    date date: day in Oslo; a visit from the United States may fall on the day after the last simulated one
    client_id text: first-party cookie of the device; null without consent to analytics
    user_id text: customer number, when logged in; null otherwise and without consent
    session_number bigint: of the person, however they came (what a perfect counter would say)
    device text: mobile|desktop|tablet
    browser text: Chrome, Safari, Edge, Firefox
    country text: two letters
    landing_url text: first page, with UTM tags and click id
    referrer text: page it came from; null if none
    consent_analytics bool: the site may store and read an id
    consent_ads bool: ad platforms may use it
    click_id text: the ad click; null without one
    source text: as GA4 reads it off link and referrer
    medium text: as GA4 reads it
    campaign text: as GA4 reads it; null if the link says none
    n_page_views bigint: pages seen
    engagement_ms bigint: time in view
    has_cart bool: something was put in the cart
    has_checkout bool: checkout was begun
    has_sign_up bool: signed up for the newsletter
    has_lead bool: sent the form or called
    order_id text: the order placed; null if none
    lead_id text: the lead that came of it; null if none
    category text: product group looked at, as in the site's paths

world fact orders: orders of the webshop, with VAT
    order_id text: number
    ordered_at timestamptz: when
    customer_id text: null for guests
    email text: personal; couples share one
    phone text: personal
    country text: two letters
    amount_ore bigint: to pay, shipping included
    shipping_ore bigint: of it shipping
    discount_ore bigint: already taken off
    cost_ore bigint: cost of goods, without VAT
    source text: as the shop's tag read it
    medium text: as the shop's tag read it
    campaign text: as the shop's tag read it

world fact order_lines: lines of orders, with VAT
    order_id text: the order
    ordered_at timestamptz: of the order
    line_number bigint: from 1
    sku text: product number
    product text: product name
    quantity bigint: pieces
    unit_price_ore bigint: before discount; 0 for a gift
    discount_ore bigint: taken off the line
    amount_ore bigint: quantity x price less discount
    cost_ore bigint: cost of goods, without VAT

world fact refunds: what was paid back; visible from refunded_at
    refund_id text: number
    order_id text: the order
    refunded_at timestamptz: when
    is_whole bool: all goods were returned, else the first line
    amount_ore bigint: paid back, with VAT
    reason text: regret, wrong item, damaged (in Norwegian)

world fact tickets: customer service; visible from opened_at, each answer from its own time
    ticket_id text: number
    email text: personal
    order_id text: the order it is about
    category text: topic (in Norwegian)
    opened_at timestamptz: when
    first_reply_at timestamptz: when
    solved_at timestamptz: when
    satisfaction bigint: 1-5; null without an answer

world fact reviews: on Google's business profile; visible from reviewed_at
    review_id text: number
    reviewed_at timestamptz: when
    rating bigint: 1-5
    n_characters bigint: length of the text
    author text: personal

world fact nps: answers to "would you recommend us?"; visible from answered_at
    email text: personal
    answered_at timestamptz: when
    score bigint: 0-10

world fact leads: the CRM's leads
    lead_id text: number
    created_at timestamptz: when
    contact_id text: the CRM's contact
    first_name text: personal
    last_name text: personal
    email text: personal
    phone text: personal
    company text: null for consumers
    job_title text: role
    segment text: line of business
    owner text: who in sales has it
    origin text: as noted in the CRM: now and then unknown (null) or wrong
    came_by text: web_form|phone|linkedin_form|meta_form
    landing_path text: page of the form
    qualified_at timestamptz: when sales found it worth a try; null if never

world fact deals: sales to companies, without VAT; open until closed_at
    deal_id text: number
    lead_id text: the lead it came from
    contact_id text: first contact
    company text: the customer
    created_at timestamptz: when
    closed_at timestamptz: when it was won or lost
    is_won bool: how it ended; known from closed_at
    amount_ore bigint: worth, without VAT
    segment text: line of business
    owner text: who in sales has it
    lost_reason text: null when won

world fact deal_stages: a deal enters a stage
    deal_id text: the deal
    stage text: Ny, Møte, Tilbud, Forhandling, Vunnet, Tapt
    entered_at timestamptz: when

world fact deal_contacts: who at the customer takes part in a deal
    deal_id text: the deal
    contact_id text: the CRM's contact
    email text: personal
    first_name text: personal
    last_name text: personal
    buying_role text: their role
    added_at timestamptz: when

world fact calls: telephone calls with companies
    call_id text: number
    called_at timestamptz: when
    phone text: personal
    contact_id text: the CRM's contact
    is_inbound bool: they called us
    seconds bigint: length

world fact meetings: meetings of a deal; visible from held_at
    meeting_id text: number
    deal_id text: the deal
    held_at timestamptz: when
    is_online bool: on a screen
    contact_id text: the CRM's contact

world fact mail_events: what the e-mail system knows of each e-mail
    event_id text: id
    mail_id text: newsletter_<date>, or the automation's name
    mail_kind text: newsletter|welcome|nurture_1|nurture_2|review_reminder
    email text: personal
    event text: delivered|bounced|opened|clicked|unsubscribed
    happened_at timestamptz: when
    is_proxy_open bool: opened by the privacy proxy of the mail program, not by a person
    sent_at timestamptz: when it was sent

world fact consent_counts: answers to the consent banner, by new cookie
    date date: day
    purpose text: analytics|ads
    shown bigint: banners shown
    accepted bigint: said yes
    denied bigint: said no; the rest closed it

world fact other_costs: monthly costs of marketing that are no media, without VAT
    date date: first of the month; for the first month the day the company starts
    category text: tools|content|advisers
    supplier text: whose invoice
    amount_ore bigint: without VAT

truth entity persons: everyone who could become a customer
    person_id bigint: number
    valid_from date: the first day
    country text: two letters
    company_id bigint: null for consumers
    role text: in the company; null for consumers
    n_devices bigint: 1-3
    email text: address they use; couples share one
    consent_analytics bool: says yes to analytics
    consent_ads bool: says yes to ads
    uses_mail_proxy bool: their mail program opens everything

truth fact identifiers: which identifier is whose, from its first use
    person_id bigint: whose
    kind text: client_id, user_id, email, phone, crm_id
    value text: as the systems see it
    device_id bigint: person * 4 + device; null where it is not a device's
    from_date date: first use

truth fact touches: every visit as it was, tracked or not
    person_id bigint: who
    touched_at timestamptz: when
    channel text: brand_search, generic_search, shopping, performance_max, prospecting, retargeting, organic_search, organic_brand, direct, email, referral, organic_social, ai_assistant
    platform text: whose ad; null without one
    campaign_id text: whose campaign; null without one
    visit_id text: as in visits

truth fact stage_entries: a person enters a stage of the journey
    person_id bigint: who
    stage text: awareness, consideration, purchase, onboarding, loyalty
    entered_at timestamptz: when

truth fact click_truth: what each click really was
    click_id text: as in ad_clicks
    person_id bigint: who clicked; null for a bot
    device_id bigint: on what; null for a bot
    platform text: one of the five
    campaign_id text: its campaign
    ad_group_id text: null for Performance Max
    ad_id text: null for Performance Max
    network text: as in ad_delivery
    was_bot bool: a machine clicked

truth fact ledger_daily: the books of ad spend, kept while it happens, not added up from ad_delivery afterwards
    platform text: one of the five
    account_id text: the ad account
    date date: day of delivery
    posted_date date: day of the posting; corrections are postings with negative figures
    impressions bigint: posted
    clicks bigint: posted
    cost_micros bigint: posted

truth entity incremental: what would not have happened without a channel; written by `python -m ingestion.sandbox truth`
    channel text: brand_search, generic_search, shopping, performance_max, prospecting, retargeting, lead_gen, email
    through_date date: the period is start to this day
    orders bigint: orders of the webshop
    leads bigint: leads
    deals_won bigint: deals that began in the period and were or will be won
    revenue_ore bigint: goods of orders and deals won, without VAT, before refunds

truth entity planted_errors: what was made wrong on purpose
    kind text: what sort of error
    description text: what and why
    platform text: where; null outside the ad platforms
    account_id text: the ad account; null outside
    entity_id text: id of the campaign, ad, person, ... concerned
    valid_from date: known from (equals from_date)
    from_date date: first day
    to_date date: last day
"""


def _parse(text: str) -> dict[str, Table]:
    tables: dict[str, Table] = {}
    for block in text.strip().split("\n\n"):
        head, *lines = block.splitlines()
        what, meaning = head.split(": ", 1)
        room, kind, name = what.split()
        columns = []
        for line in filter(str.strip, lines):
            left, about = line.strip().split(": ", 1)
            column, kind_of_value = left.split()
            columns.append(Column(column, kind_of_value, about))
        tables[name] = Table(name, room, kind, meaning, tuple(columns))
    return tables


TABLES: dict[str, Table] = _parse(_TEXT)
