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
            columns.append(Column(*left.split(), about))
        tables[name] = Table(name, room, kind, meaning, tuple(columns))
    return tables


TABLES: dict[str, Table] = _parse(_TEXT)
