"""The canonical entities a file can be mapped to, and the raw tables that hold them.

A column given only as a day (`*_date`) and one given as a moment (`*_at`) are two columns: a platform's own day is
kept where only days are given, and never turned into a midnight that moves with the time zone.
"""

from __future__ import annotations

from dataclasses import dataclass

from ingestion.spec import Column, ColumnType, Table


@dataclass(frozen=True)
class Entity:
    """A canonical entity: its columns, those every row needs, and groups of which every row needs one."""

    name: str  # also the raw table
    provides: str  # member of spec.PROVIDES
    description: str
    columns: tuple[Column, ...]
    required: tuple[str, ...]
    one_of: tuple[tuple[str, ...], ...] = ()
    newest: tuple[str, ...] = ()  # the columns that date a row, for freshness

    def table(self) -> Table:
        """The raw table: canonical columns, then what the loader knows of each row."""
        return Table(
            name=self.name,
            columns=self.columns + ROW_COLUMNS,
            row_key=("_file_key", "_row"),
            merge_key=("_file_key",),
            description=self.description,
            provides=self.provides,
        )

    @property
    def has_amounts(self) -> bool:
        return any(c.name == "currency" for c in self.columns)

    @property
    def has_vat(self) -> bool:
        return any(c.name == "vat_basis" for c in self.columns)


def _c(name: str, type_: ColumnType, description: str, *, personal: bool = False, scale: int = 6) -> Column:
    return Column(name, type_, description, personal=personal, scale=scale)


ROW_COLUMNS: tuple[Column, ...] = (
    _c(
        "attributes",
        "json",
        "extra columns listed under `attributes` in the catalogue; these may enter marts",
    ),
    Column("_extra", "json", "all other extra columns; they stay in raw", personal=True),
    _c("_dataset", "text", "the dataset in the catalogue"),
    _c("_system", "text", "whose ids these are: datasets of one system share them"),
    _c("_file_key", "bigint", "hash of dataset and path: what a corrected file replaces"),
    _c(
        "_file_modified_at",
        "timestamp",
        "when the file was last written: the newest file wins a declared key",
    ),
    _c("_row", "bigint", "number of the row in its file, after unpivoting"),
    _c("_line", "bigint", "the row's line in the file (sheet row, or row number in Parquet), counted from 1"),
    _c("_row_key", "text", "hash of the dataset's declared key; null when it declares none"),
    Column("_deleted", "bool", "tells dlt to take the file's rows out; never stored", hard_delete=True),
)

_TRAFFIC = (
    _c("origin", "text", "the system's own name of the channel, as it came"),
    _c("source", "text", "utm_source or the referrer's name"),
    _c("medium", "text", "utm_medium"),
    _c("campaign", "text", "utm_campaign"),
)
_MONEY = (
    _c("currency", "text", "ISO 4217; from the column mapped, else the dataset's currency"),
    _c(
        "vat_basis",
        "text",
        "included, excluded or unknown: whether amounts hold VAT, as the catalogue declares",
    ),
    _c("vat_rate_pct", "decimal", "the VAT rate in percent that amounts hold; null when unknown or excluded"),
)
_PERSON = (
    _c("person_id", "text", "the system's id of the person", personal=True),
    _c("email", "text", "e-mail address", personal=True),
    _c("phone", "text", "phone number", personal=True),
    _c("company_id", "text", "the system's id of the company"),
)
_ORDER_COMMON = (
    _c("ordered_at", "timestamp", "the moment of the order"),
    _c("ordered_date", "date", "the day of the order, where only days are given"),
    _c("order_type", "text", "sale, cancellation or adjustment; null counts as sale"),
    _c("customer_id", "text", "the shop's id of the customer; null for guests", personal=True),
    _c("email", "text", "e-mail address", personal=True),
    _c("phone", "text", "phone number", personal=True),
    _c("country", "text", "the customer's country, as the shop writes it"),
)

ENTITIES: tuple[Entity, ...] = (
    Entity(
        "leads",
        "leads",
        "People who showed interest. One row a lead.",
        (
            _c("lead_id", "text", "the system's id of the lead"),
            _c("created_at", "timestamp", "first contact"),
            _c("created_date", "date", "day of first contact, where only days are given"),
            _c("qualified_at", "timestamp", "when marketing qualified it; null when it never did"),
            _c("qualified_date", "date", "day of qualification, where only days are given"),
            *_PERSON,
            *_TRAFFIC,
            _c("landing_page", "text", "the page, or its id, where the lead came in"),
            _c("segment", "text", "business segment"),
            _c("lead_type", "text", "the system's type of lead"),
            _c("owner", "text", "who follows it up"),
            _c("country", "text", "country, as the system writes it"),
        ),
        required=("lead_id",),
        one_of=(("created_at", "created_date"),),
        newest=("created_at", "created_date"),
    ),
    Entity(
        "deals",
        "deals",
        "Opportunities in a sales pipeline. One row a deal.",
        (
            _c("deal_id", "text", "the system's id of the deal"),
            _c("lead_id", "text", "the lead it came from, in the same system"),
            _c("created_at", "timestamp", "when the deal was made"),
            _c("created_date", "date", "day it was made, where only days are given"),
            _c("closed_at", "timestamp", "when it was won or lost"),
            _c("closed_date", "date", "day it was won or lost, where only days are given"),
            _c("status", "text", "open, won or lost"),
            _c("stage", "text", "current stage, as the system names it"),
            _c("pipeline", "text", "the pipeline's name"),
            *_PERSON,
            _c("amount", "decimal", "value of the deal; null when unknown"),
            _c("margin", "decimal", "contribution margin of the deal; null when unknown"),
            *_MONEY,
            _c("segment", "text", "business segment"),
            _c("lead_type", "text", "the system's type of lead"),
            _c("owner", "text", "who sells"),
            _c("lost_reason", "text", "why it was lost, as recorded"),
            *_TRAFFIC,
        ),
        required=("deal_id", "status"),
        one_of=(("created_at", "created_date", "closed_at", "closed_date"),),
        newest=("closed_at", "closed_date", "created_at", "created_date"),
    ),
    Entity(
        "deal_stage_changes",
        "deal_stages",
        "Entries of a deal into a stage. One row an entry.",
        (
            _c("deal_id", "text", "the deal, in the same system"),
            _c("stage", "text", "the stage entered"),
            _c("changed_at", "timestamp", "when it entered"),
            _c("changed_date", "date", "day it entered, where only days are given"),
            _c("owner", "text", "who moved it"),
        ),
        required=("deal_id", "stage"),
        one_of=(("changed_at", "changed_date"),),
        newest=("changed_at", "changed_date"),
    ),
    Entity(
        "orders",
        "orders",
        "Order heads. One row an order.",
        (
            _c("order_id", "text", "the shop's order number"),
            *_ORDER_COMMON,
            _c("cancels_order_id", "text", "the order that this cancellation takes back"),
            _c("amount", "decimal", "sum of the lines after discount, with or without VAT as vat_basis says"),
            _c("discount_amount", "decimal", "discount already taken off, positive"),
            _c("shipping_amount", "decimal", "shipping charged, not part of amount"),
            _c("cost_amount", "decimal", "cost of goods; null when unknown"),
            *_MONEY,
            *_TRAFFIC,
        ),
        required=("order_id", "amount"),
        one_of=(("ordered_at", "ordered_date"),),
        newest=("ordered_at", "ordered_date"),
    ),
    Entity(
        "order_lines",
        "order_lines",
        "Order lines. One row a line; equal lines in one order are real lines.",
        (
            _c("order_id", "text", "the shop's order number"),
            _c("line_number", "text", "the shop's line id, where it has one"),
            *_ORDER_COMMON,
            _c("product_id", "text", "the shop's product number"),
            _c("product_name", "text", "product name"),
            _c("quantity", "decimal", "pieces; negative when taken back", scale=4),
            _c("unit_price", "decimal", "price a piece after discount; 0 for free lines"),
            _c("cost_amount", "decimal", "cost of the whole line; null when unknown"),
            *_MONEY,
        ),
        required=("order_id", "quantity", "unit_price"),
        one_of=(("ordered_at", "ordered_date"),),
        newest=("ordered_at", "ordered_date"),
    ),
    Entity(
        "web_purchases",
        "web_purchases",
        "Purchased items as web analytics saw them. One row an item of a purchase event.",
        (
            _c("transaction_id", "text", "the purchase's id; where null, visitor and moment stand for it"),
            _c("purchased_at", "timestamp", "moment of the purchase event"),
            _c("purchased_date", "date", "the property's own day"),
            _c("client_id", "text", "the visitor's cookie id", personal=True),
            _c("user_id", "text", "login id", personal=True),
            _c("item_id", "text", "product number"),
            _c("item_name", "text", "product name"),
            _c("quantity", "decimal", "pieces; null when not reported", scale=4),
            _c("item_revenue", "decimal", "revenue of the item; null when not reported, which is not 0"),
            _c("currency", "text", "ISO 4217"),
            *_TRAFFIC,
            _c("country", "text", "country, as reported"),
        ),
        required=("client_id",),
        one_of=(("purchased_at", "purchased_date"),),
        newest=("purchased_date", "purchased_at"),
    ),
    Entity(
        "ad_performance",
        "ad_performance",
        "Daily results of ads. One row as fine as the file gives it.",
        (
            _c("date", "date", "the platform's own day"),
            _c("platform", "text", "google_ads, meta_ads, ..."),
            _c("account_id", "text", "ad account"),
            _c("campaign_id", "text", "campaign id"),
            _c("campaign_name", "text", "campaign name"),
            _c("campaign_type", "text", "search, shopping, display, video, ..."),
            _c("ad_group_id", "text", "ad group or ad set id"),
            _c("ad_id", "text", "ad or creative id"),
            _c("impressions", "bigint", "times shown"),
            _c("clicks", "bigint", "clicks"),
            _c("cost", "decimal", "media cost without VAT"),
            _c("conversions", "decimal", "conversions as the platform reports them"),
            _c("conversion_value", "decimal", "value as the platform reports it"),
            _c("currency", "text", "the account's currency"),
        ),
        required=("date", "platform", "cost"),
        newest=("date",),
    ),
    Entity(
        "exchange_rates",
        "exchange_rates",
        "Exchange rates. One row a day and pair of currencies.",
        (
            _c("date", "date", "the day the rate is for"),
            _c("base_currency", "text", "one unit of this ..."),
            _c("quote_currency", "text", "... costs `rate` units of this"),
            _c("rate", "decimal", "units of the quote currency for one of the base", scale=8),
        ),
        required=("date", "base_currency", "quote_currency", "rate"),
        newest=("date",),
    ),
    Entity(
        "other_costs",
        "other_costs",
        "Marketing costs beside media: tools, content, advisers. One row a cost.",
        (
            _c("date", "date", "the day, or the first day of the month it belongs to"),
            _c("category", "text", "tools, content, advisers, events, salaries, ..."),
            _c("supplier", "text", "who sent the invoice"),
            _c("channel", "text", "the channel it serves; null when it serves all"),
            _c("activity", "text", "the plan's activity"),
            _c("amount", "decimal", "cost"),
            *_MONEY,
        ),
        required=("date", "category", "amount"),
        newest=("date",),
    ),
    Entity(
        "accounting_figures",
        "accounting_figures",
        "What the books say of a month: revenue, cost of goods, margin, marketing costs. One row a month and account.",
        (
            _c("month", "date", "any day of the month"),
            _c("figure", "text", "revenue, cost_of_goods, margin or marketing_cost; income and costs are positive"),
            _c(
                "stream",
                "text",
                "orders or deals: which sales it speaks of; null when the books do not tell them apart",
            ),
            _c("account", "text", "number of the account in the ledger"),
            _c("account_name", "text", "name of the account"),
            _c("amount", "decimal", "the month's amount; several accounts of a figure add up"),
            *_MONEY,
        ),
        required=("month", "figure", "amount"),
        newest=("month",),
    ),
    Entity(
        "consent_counts",
        "consent_counts",
        "What visitors answered to the consent banner. One row a day and purpose.",
        (
            _c("date", "date", "day"),
            _c("purpose", "text", "analytics, ads, ..."),
            _c("shown", "bigint", "banners shown"),
            _c("accepted", "bigint", "accepted"),
            _c("denied", "bigint", "denied"),
        ),
        required=("date", "purpose"),
        newest=("date",),
    ),
    Entity(
        "consents",
        "consents",
        "What somebody said yes or no to, as the consent platform or a system logged it. One row an answer.",
        (
            _c("identifier_kind", "text", "what `identifier` is: client_id, user_id, email or phone"),
            _c("identifier", "text", "whose answer it is", personal=True),
            _c("purpose", "text", "analytics, ads, email, ..."),
            _c("state", "text", "granted or denied; withdrawn counts as denied"),
            _c("basis", "text", "legal basis, as the system calls it: consent, contract, legitimate interest"),
            _c("changed_at", "timestamp", "the moment of the answer"),
        ),
        required=("identifier_kind", "identifier", "purpose", "state", "changed_at"),
        newest=("changed_at",),
    ),
    Entity(
        "experiment_rows",
        "experiments",
        "Units in an experiment. One row a unit and experiment.",
        (
            _c("experiment", "text", "the experiment's name"),
            _c("unit_id", "text", "person, device or area", personal=True),
            _c("variant", "text", "the variant it was given"),
            _c("exposed_at", "timestamp", "first exposure"),
            _c("exposed_date", "date", "day of exposure, where only days are given"),
            _c("converted", "bool", "whether it converted"),
            _c("value", "decimal", "value of the conversion; null when none"),
            _c("segment", "text", "segment"),
        ),
        required=("experiment", "variant"),
        newest=("exposed_at", "exposed_date"),
    ),
    Entity(
        "attribution_paths",
        "attribution_paths",
        "Journeys already counted. One row a path.",
        (
            _c("path", "text", "channels in order, joined by ` > `"),
            _c("conversions", "decimal", "conversions that took this path"),
            _c("non_conversions", "decimal", "journeys on this path that did not convert"),
            _c("value", "decimal", "value of the conversions"),
        ),
        required=("path",),
    ),
)

BY_NAME: dict[str, Entity] = {e.name: e for e in ENTITIES}

FILES_TABLE = Table(
    "_files",
    (
        _c("_file_key", "bigint", "hash of dataset and path"),
        _c("dataset", "text", "the dataset in the catalogue"),
        _c("entity", "text", "the canonical entity"),
        _c("path", "text", "where the file lies, as the catalogue reaches it"),
        _c("content_hash", "text", "SHA-256 of the file"),
        _c("size_bytes", "bigint", "size of the file"),
        _c("modified_at", "timestamp", "when the file was last written"),
        _c(
            "definition_hash",
            "text",
            "what the catalogue said of the dataset; another value loads the file anew",
        ),
        _c("status", "text", "loaded, refused, or gone"),
        _c("message", "text", "why it was refused"),
        _c("n_rows", "bigint", "rows in the file, after unpivoting"),
        _c("n_loaded", "bigint", "rows in raw"),
        _c("n_rejected", "bigint", "rows in _rejects"),
        _c("n_null_skipped", "bigint", "unpivoted cells without a value, which are no rows"),
        _c("max_date", "date", "the newest day a row speaks of"),
        _c("loaded_as_of", "date", "the night that loaded it"),
    ),
    row_key=("_file_key",),
    merge_key=("_file_key",),
    description="Every file ever seen and what became of it. One row a file (dataset and path).",
    date_column="max_date",
)

REJECTS_TABLE = Table(
    "_rejects",
    (
        _c("_file_key", "bigint", "hash of dataset and path"),
        _c("_row", "bigint", "number of the row in its file; minus the line for one that is no row"),
        _c(
            "line",
            "bigint",
            "the row's line in the file (sheet row, or row number in Parquet), counted from 1",
        ),
        _c("dataset", "text", "the dataset in the catalogue"),
        _c("entity", "text", "the canonical entity"),
        _c("path", "text", "the file"),
        _c("column", "text", "the file's column"),
        _c("value", "text", "what stood there; masked where personal"),
        _c("reason", "text", "what was expected"),
        _c("is_refused_file", "bool", "whether the whole file was refused, and what was loaded before stayed"),
        Column("_deleted", "bool", "tells dlt to take the file's rows out; never stored", hard_delete=True),
    ),
    row_key=("_file_key", "_row"),
    merge_key=("_file_key",),
    description="Rows that could not be read. One row a line, with its first bad column.",
)

TABLES: tuple[Table, ...] = (*(e.table() for e in ENTITIES), FILES_TABLE, REJECTS_TABLE)
