"""What raw holds of GA4's event export, as data: which fields and parameters of an event become which typed columns.

How they are read is flatten.py's. Source: BigQuery export schema of GA4 (support.google.com/analytics/answer/7029846).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ingestion.spec import REJECTS, Column, ColumnType, Table

Wire = Literal["text", "int", "number", "bool", "json"]  # what the export holds; json: anything, kept as it is


@dataclass(frozen=True)
class Field:
    """A field of an event at `path` ("device.web_info.browser") that becomes the column `name`."""

    name: str
    path: str
    wire: Wire
    description: str
    personal: bool = False
    required: bool = False  # a file without it is no event export

    @property
    def column(self) -> Column:
        kinds: dict[Wire, ColumnType] = {
            "text": "text",
            "int": "bigint",
            "number": "decimal",
            "bool": "bool",
            "json": "json",
        }
        kind = "timestamp" if self.name.endswith("_at") else kinds[self.wire]
        return Column(self.name, kind, self.description, self.personal)


@dataclass(frozen=True)
class Param:
    """An event parameter that becomes a column. Types: text, bigint, decimal."""

    name: str
    type: ColumnType
    description: str
    personal: bool = False
    parameter: str = ""  # where it is not the column's name

    @property
    def key(self) -> str:
        return self.parameter or self.name

    @property
    def column(self) -> Column:
        return Column(self.name, self.type, self.description, self.personal)


_COLLECTED = "collected_traffic_source"
# GA4's own answer for an event's session, by tags, by auto-tagging, and over both
_MANUAL = "session_traffic_source_last_click.manual_campaign"
_ADS = "session_traffic_source_last_click.google_ads_campaign"
_CROSS = "session_traffic_source_last_click.cross_channel_campaign"

# What tells one event from another; EVENT_KEY hashes them, in this order.
IDENTITY = (
    "event_date", "user_pseudo_id", "event_timestamp", "event_name", "event_bundle_sequence_id", "batch_page_id",
    "batch_ordering_id", "batch_event_index",
)  # fmt: skip

FIELDS = (
    Field("event_name", "event_name", "text", "what happened: page_view, purchase, ...", required=True),
    Field("user_pseudo_id", "user_pseudo_id", "text", "client id; null without consent", personal=True, required=True),
    Field("user_id", "user_id", "text", "login id the site gave", personal=True),
    Field("event_bundle_sequence_id", "event_bundle_sequence_id", "int", "the upload the event came in"),
    Field("batch_page_id", "batch_page_id", "int", "the page's number within the upload's client"),
    Field("batch_ordering_id", "batch_ordering_id", "int", "the network request's number on the page"),
    Field("batch_event_index", "batch_event_index", "int", "the event's number within its request"),
    Field("stream_id", "stream_id", "text", "the data stream"),
    Field("platform", "platform", "text", "WEB, IOS or ANDROID"),
    Field("is_active_user", "is_active_user", "bool", "the user was active on the day"),
    Field("user_first_touch_at", "user_first_touch_timestamp", "int", "when the client was first seen"),
    Field("analytics_storage", "privacy_info.analytics_storage", "text", "consent to analytics: Yes, No; null: not told"),
    Field("ads_storage", "privacy_info.ads_storage", "text", "consent to ads: Yes, No; null: not told"),
    Field("uses_transient_token", "privacy_info.uses_transient_token", "text", "a server-side token stood in for the cookie: Yes, No"),
    Field("device_category", "device.category", "text", "desktop, mobile, tablet, ..."),
    Field("device_operating_system", "device.operating_system", "text", "operating system"),
    Field("device_operating_system_version", "device.operating_system_version", "text", "its version"),
    Field("device_language", "device.language", "text", "language of the device, as nb-no"),
    Field("device_browser", "device.web_info.browser", "text", "browser"),
    Field("device_browser_version", "device.web_info.browser_version", "text", "its version"),
    Field("device_hostname", "device.web_info.hostname", "text", "host of the page"),
    Field("geo_continent", "geo.continent", "text", "continent, by address"),
    Field("geo_sub_continent", "geo.sub_continent", "text", "part of the continent"),
    Field("geo_country", "geo.country", "text", "country, in English"),
    Field("geo_region", "geo.region", "text", "region"),
    Field("geo_city", "geo.city", "text", "city"),
    Field("first_user_name", "traffic_source.name", "text", "campaign that first brought the user"),
    Field("first_user_medium", "traffic_source.medium", "text", "its medium"),
    Field("first_user_source", "traffic_source.source", "text", "its source"),
    Field("manual_campaign_id", f"{_COLLECTED}.manual_campaign_id", "text", "utm_id collected with the event"),
    Field("manual_campaign_name", f"{_COLLECTED}.manual_campaign_name", "text", "utm_campaign collected with the event"),
    Field("manual_source", f"{_COLLECTED}.manual_source", "text", "utm_source collected with the event"),
    Field("manual_medium", f"{_COLLECTED}.manual_medium", "text", "utm_medium collected with the event"),
    Field("manual_term", f"{_COLLECTED}.manual_term", "text", "utm_term collected with the event"),
    Field("manual_content", f"{_COLLECTED}.manual_content", "text", "utm_content collected with the event"),
    Field("manual_source_platform", f"{_COLLECTED}.manual_source_platform", "text", "utm_source_platform collected with the event"),
    Field("manual_creative_format", f"{_COLLECTED}.manual_creative_format", "text", "utm_creative_format collected with the event"),
    Field("manual_marketing_tactic", f"{_COLLECTED}.manual_marketing_tactic", "text", "utm_marketing_tactic collected with the event"),
    Field("collected_gclid", f"{_COLLECTED}.gclid", "text", "Google's click id collected with the event", personal=True),
    Field("collected_dclid", f"{_COLLECTED}.dclid", "text", "click id of Display & Video 360 collected with the event", personal=True),
    Field("collected_srsltid", f"{_COLLECTED}.srsltid", "text", "click id of a free listing collected with the event", personal=True),
    Field("session_manual_campaign_id", f"{_MANUAL}.campaign_id", "text", "the session's last click by tags: campaign id"),
    Field("session_manual_campaign_name", f"{_MANUAL}.campaign_name", "text", "... campaign"),
    Field("session_manual_source", f"{_MANUAL}.source", "text", "... source"),
    Field("session_manual_medium", f"{_MANUAL}.medium", "text", "... medium"),
    Field("session_manual_term", f"{_MANUAL}.term", "text", "... term"),
    Field("session_manual_content", f"{_MANUAL}.content", "text", "... content"),
    Field("session_google_ads_customer_id", f"{_ADS}.customer_id", "text", "the session's last click by auto-tagging: account"),
    Field("session_google_ads_account_name", f"{_ADS}.account_name", "text", "... its name"),
    Field("session_google_ads_campaign_id", f"{_ADS}.campaign_id", "text", "... campaign id"),
    Field("session_google_ads_campaign_name", f"{_ADS}.campaign_name", "text", "... campaign"),
    Field("session_google_ads_ad_group_id", f"{_ADS}.ad_group_id", "text", "... ad group id"),
    Field("session_google_ads_ad_group_name", f"{_ADS}.ad_group_name", "text", "... ad group"),
    Field("session_cross_channel_campaign_id", f"{_CROSS}.campaign_id", "text", "the session's last click over all: campaign id"),
    Field("session_cross_channel_campaign_name", f"{_CROSS}.campaign_name", "text", "... campaign"),
    Field("session_cross_channel_source", f"{_CROSS}.source", "text", "... source"),
    Field("session_cross_channel_medium", f"{_CROSS}.medium", "text", "... medium"),
    Field("session_cross_channel_channel_group", f"{_CROSS}.default_channel_group", "text", "... default channel group"),
    Field("ecommerce_transaction_id", "ecommerce.transaction_id", "text", "the order, as the ecommerce record has it"),
    Field("ecommerce_purchase_revenue", "ecommerce.purchase_revenue", "number", "revenue in the event's currency"),
    Field("ecommerce_purchase_revenue_in_usd", "ecommerce.purchase_revenue_in_usd", "number", "revenue in USD"),
    Field("ecommerce_refund_value", "ecommerce.refund_value", "number", "refund in the event's currency"),
    Field("ecommerce_shipping_value", "ecommerce.shipping_value", "number", "shipping in the event's currency"),
    Field("ecommerce_tax_value", "ecommerce.tax_value", "number", "tax in the event's currency"),
    Field("ecommerce_total_item_quantity", "ecommerce.total_item_quantity", "int", "pieces"),
    Field("ecommerce_unique_items", "ecommerce.unique_items", "int", "different items"),
    Field("items", "items", "json", "JSON list of the event's items, as exported; null for none"),
    Field("user_properties", "user_properties", "json", "JSON list of the user's properties, as exported; null for none", personal=True),
)  # fmt: skip

PARAMS = (
    Param("ga_session_id", "bigint", "the session: Unix second it began; unique within a client"),
    Param("ga_session_number", "bigint", "the client's how-manieth session"),
    Param("session_engaged", "bigint", "1: the session is engaged so far"),
    Param("engagement_time_msec", "bigint", "milliseconds of engagement since the last event"),
    Param("entrances", "bigint", "1: the first page of its session"),
    Param("page_location", "text", "address of the page, with its tags", personal=True),
    Param("page_referrer", "text", "address of the page before", personal=True),
    Param("page_title", "text", "title of the page"),
    Param("traffic_type", "text", "what a filter of the property calls the traffic, as internal"),
    Param("ignore_referrer", "text", "true: the referrer is not to count"),
    Param("source", "text", "source as the event tells it"),
    Param("medium", "text", "medium as the event tells it"),
    Param("campaign", "text", "campaign as the event tells it"),
    Param("campaign_id", "text", "campaign id as the event tells it"),
    Param("term", "text", "search term as the event tells it"),
    Param("content", "text", "content as the event tells it"),
    Param("gclid", "text", "Google's click id", personal=True),
    Param("gbraid", "text", "Google's click id of app campaigns on iOS", personal=True),
    Param("wbraid", "text", "Google's click id of iOS to web", personal=True),
    Param("dclid", "text", "click id of Display & Video 360", personal=True),
    Param("srsltid", "text", "click id of a free listing", personal=True),
    Param("gad_source", "text", "Google's kind of ad traffic"),
    Param("gad_campaignid", "text", "Google Ads campaign of the click"),
    Param("transaction_id", "text", "the order"),
    Param("value", "decimal", "value of the event in `currency`"),
    Param("currency", "text", "of `value`, ISO 4217"),
    Param("coupon", "text", "coupon"),
    Param("method", "text", "how one signed up or logged in"),
    # people type anything into a search box, unlike the search terms that ad platforms tell
    Param("site_search_term", "text", "what was searched for on the site", personal=True, parameter="search_term"),
    Param("link_url", "text", "address a click led to", personal=True),
    Param("link_domain", "text", "its domain"),
    Param("outbound", "text", "true: the link led away from the site"),
    Param("file_name", "text", "file that was downloaded"),
    Param("form_id", "text", "form"),
    Param("percent_scrolled", "bigint", "how far down, in percent"),
)  # fmt: skip

EVENTS = Table(
    "events",
    (
        Column("event_key", "bigint", "63 bits of a hash of IDENTITY and a running number among equal events; unique within a day"),
        Column("event_date", "date", "day in the property's time zone, the day of the export's table"),
        Column("event_at", "timestamp", "when it was logged"),
        *(f.column for f in FIELDS),
        *(p.column for p in PARAMS),
        Column("params_rest", "json", "the other parameters as one JSON object; null for none", personal=True),
        Column("is_intraday", "bool", "from the day's streaming table, which the daily one replaces"),
        Column("_deleted", "bool", "takes out a day that came back empty; no row of raw has it", hard_delete=True),
    ),
    row_key=("event_date", "event_key"),
    merge_key=("event_date",),
    description="Events as GA4 exported them. One row an event.",
    date_column="event_date",
    provides="web_events",
    kept_as_files=True,
)  # fmt: skip

EVENT_DAYS = Table(
    "event_days",
    (
        Column("date_day", "date", "day in the property's time zone"),
        Column("kind", "text", "daily, or intraday while there is no daily file"),
        Column("status", "text", "loaded; refused: the files as they are now were not taken, what was loaded before stays"),
        Column("message", "text", "why they were refused"),
        Column("files", "json", "name, size, time of change (and rows, of a table) of what was loaded; null before the first good load"),
        Column("size_bytes", "bigint", "their size"),
        Column("n_events", "bigint", "events that raw holds"),
        Column("n_rejected", "bigint", "events kept aside in _rejects"),
        Column("first_event_at", "timestamp", "earliest event"),
        Column("last_event_at", "timestamp", "latest event"),
        Column("reader_version", "bigint", "of the code that read it: another one reads all days anew"),
        Column("loaded_as_of", "date", "the night that loaded it"),
    ),
    row_key=("date_day",),
    merge_key=("date_day",),
    description="What raw knows of each day of the export. One row a day, loaded or refused.",
)  # fmt: skip

TABLES = (EVENTS, EVENT_DAYS, REJECTS)
