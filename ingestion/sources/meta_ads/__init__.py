"""Meta Ads (Facebook, Instagram): Marketing API, Graph v26.0. Each night pulls the last 28 days again.

The token is a system user's; it is not renewed. Every level comes from its own report.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from ingestion.ads import Pull, Reports, secret, setting, setting_list
from ingestion.arrow import Reject, Wire, from_rows
from ingestion.errors import SourceError
from ingestion.settings import Settings
from ingestion.sources.meta_ads import tables as t
from ingestion.sources.meta_ads.graph import BASE_URL, Graph
from ingestion.spec import Configuration, LoadContext, SourceSpec, Table

if TYPE_CHECKING:
    import pyarrow as pa
    from dlt.extract import DltSource

# Statistics of deleted ads and campaigns are told only when a filter asks for every status (Meta: Manage your ad object's
# status); lists leave out what is archived unless asked, and do not tell what is deleted.
_STATUSES = ("ACTIVE", "PAUSED", "ARCHIVED", "IN_PROCESS", "WITH_ISSUES")
STATUSES = {
    "campaign": _STATUSES,
    "adset": (*_STATUSES, "CAMPAIGN_PAUSED"),
    "ad": (
        *_STATUSES, "CAMPAIGN_PAUSED", "ADSET_PAUSED", "DISAPPROVED", "PENDING_BILLING_INFO", "PENDING_REVIEW", "PREAPPROVED",
    ),
}  # fmt: skip
WINDOWS = ("1d_click", "7d_click", "28d_click", "1d_view")
# Raw column -> (list of the row, action type).
ACTIONS = {
    "pixel_purchases": ("actions", "offsite_conversion.fb_pixel_purchase"),
    "pixel_purchase_value": ("action_values", "offsite_conversion.fb_pixel_purchase"),
    "pixel_leads": ("actions", "offsite_conversion.fb_pixel_lead"),
    "form_leads": ("actions", "onsite_conversion.lead_grouped"),
    "calls": ("actions", "click_to_call_native_call_placed"),
}
# What people do with the ad itself is no conversion.
ENGAGEMENT = frozenset({
    "link_click", "post_engagement", "page_engagement", "post_interaction_gross", "post_interaction_net", "post_reaction",
    "post", "comment", "like", "video_view", "photo_view", "onsite_conversion.post_save", "landing_page_view",
    "omni_landing_page_view",
})  # fmt: skip
REACH_MONTHS = 13  # how many calendar months are read again; Meta keeps more, but a month is final soon after its end
Make = Callable[[dict[str, Any]], Iterable[dict[str, Any]]]
_METRICS = {
    "currency": "account_currency", "impressions": "impressions", "clicks": "clicks",
    "inline_link_clicks": "inline_link_clicks", "spend": "spend",
}  # fmt: skip
_KEYS = {"account": (), "campaign": ("campaign_id",), "ad": ("campaign_id", "adset_id", "ad_id")}


def configured(settings: Settings) -> Configuration:
    if not secret("meta_ads", "access_token"):
        return Configuration(
            False, "no token; set SOURCES__META_ADS__ACCESS_TOKEN to a system user's token with ads_read"
        )
    chosen = setting_list("meta_ads", "accounts")
    return Configuration(True, f"accounts {', '.join(chosen)}" if chosen else "every account the token may read")


class MetaAds:
    """Fetches raw tables of accounts: Arrow tables of the tables' columns. Raises SourceError."""

    def __init__(self, graph: Graph, context: LoadContext) -> None:
        self._graph, self._context = graph, context
        self._accounts: dict[str, dict[str, Any]] = {}

    def account_ids(self, chosen: list[str]) -> list[str]:
        """The accounts to read: those chosen (with or without act_), or all the token may read."""
        fields = "account_id,name,currency,timezone_name,account_status,created_time"
        pages = self._graph.pages("me/adaccounts", {"fields": fields})
        rows = [row for page in pages for row in _named(page, "account_id", "me/adaccounts")]
        self._accounts = {str(r["account_id"]): r for r in rows}
        wanted = [a.removeprefix("act_") for a in chosen] or sorted(self._accounts)
        if missing := [a for a in wanted if a not in self._accounts]:
            raise SourceError(
                SPEC.name,
                f"account {missing[0]} is none the token may read ({', '.join(sorted(self._accounts)) or 'it may read none'}); "
                "grant the system user access, or correct SOURCES__META_ADS__ACCOUNTS",
            )
        if not wanted:
            raise SourceError(SPEC.name, "the token may read no ad account; grant the system user access to one")
        return wanted

    # --- things ---
    def ad_accounts(self, account: str, reject: Reject) -> Iterable[pa.Table]:
        wire: dict[str, str | Wire] = {c: c for c in ("account_id", "name", "currency", "timezone_name")}
        wire |= {"created_date": "created_time", "account_status": Wire("account_status", "int")}
        yield from_rows(t.AD_ACCOUNTS, wire, [self._accounts[account]], reject=reject)

    def campaigns(self, account: str, reject: Reject) -> Iterator[pa.Table]:
        below: dict[str, list[bool]] = {}
        for row in self._ad_sets(account, "campaign_id,targeting"):
            below.setdefault(row["campaign_id"], []).append(row["is_retargeting"])
        same = ("name", "status", "effective_status", "objective", "bid_strategy", "daily_budget")
        days = {"start_date": "start_time", "stop_date": "stop_time", "created_date": "created_time"}

        def with_audience(row: dict[str, Any]) -> list[dict[str, Any]]:
            of = below.get(row["id"])
            return [row | {"is_retargeting": all(of) if of else None}]

        for page in self._edge(account, "campaigns", ",".join((*same, *days.values())), with_audience):
            yield self._things(t.CAMPAIGNS, account, same, page, reject, campaign_id="id", **days)

    def ad_sets(self, account: str, reject: Reject) -> Iterator[pa.Table]:
        same = (
            "campaign_id", "name", "status", "effective_status", "daily_budget", "optimization_goal", "billing_event",
            "attribution_spec",
        )  # fmt: skip
        page = list(self._ad_sets(account, ",".join((*same, "targeting"))))
        extra = ("attribution_setting", "custom_audiences")
        yield self._things(t.AD_SETS, account, (*same, *extra), page, reject, adset_id="id")

    def _ad_sets(self, account: str, fields: str) -> Iterator[dict[str, Any]]:
        """Ad sets with what follows from their targeting and attribution, ready for the wire."""
        lookalike: set[str] = set()
        for audiences in self._edge(account, "customaudiences", "subtype"):
            lookalike |= {str(a["id"]) for a in audiences if a.get("subtype") == "LOOKALIKE"}

        def told(row: dict[str, Any]) -> list[dict[str, Any]]:
            targeting, spec = row.get("targeting"), row.get("attribution_spec")
            ids = sorted(str(a["id"]) for a in (targeting or {}).get("custom_audiences") or [])
            more = {
                "custom_audiences": json.dumps(ids) if ids else None,
                "is_retargeting": None if targeting is None else bool(set(ids) - lookalike),
                "attribution_spec": json.dumps(spec) if spec else None,
                "attribution_setting": attribution_setting(spec) if spec else None,
            }
            return [row | more]

        for page in self._edge(account, "adsets", fields, told):
            yield from page

    def ads(self, account: str, reject: Reject) -> Iterator[pa.Table]:
        same = ("campaign_id", "adset_id", "name", "status", "effective_status")
        wire = {"ad_id": "id", "creative_id": "creative.id", "created_date": "created_time"}
        for page in self._edge(account, "ads", ",".join((*same, "creative", "created_time"))):
            yield self._things(t.ADS, account, same, page, reject, **wire)

    def creatives(self, account: str, reject: Reject) -> Iterator[pa.Table]:
        same = ("name", "title", "object_type", "url_tags")
        cards = Wire("n_cards", "int")

        def with_link(row: dict[str, Any]) -> list[dict[str, Any]]:
            url, n_cards = link_of(row)
            return [row | {"link_url": url, "n_cards": n_cards}]

        for page in self._edge(account, "adcreatives", ",".join((*same, "object_story_spec")), with_link):
            yield self._things(t.CREATIVES, account, (*same, "link_url"), page, reject, creative_id="id", n_cards=cards)

    def _edge(
        self, account: str, edge: str, fields: str, make: Make = lambda row: [row]
    ) -> Iterator[list[dict[str, Any]]]:
        """The pages of an edge as `make` makes them. One bad row stops it: a thing left out would look deleted."""

        def refuse(position: int, column: str, reason: str, row: Any) -> None:
            raise SourceError(SPEC.name, f"act_{account}/{edge}: row {position} of a page cannot be read: {reason}")

        params = {"fields": fields}
        if statuses := STATUSES.get(edge[:-1]):
            params["effective_status"] = json.dumps(statuses)
        for page in self._graph.pages(f"act_{account}/{edge}", params):
            yield _made(_named(page, "name" if "name" in fields.split(",") else "id", edge), make, refuse)

    def _things(
        self,
        table: Table,
        account: str,
        same: Iterable[str],
        page: list[dict[str, Any]],
        reject: Reject,
        **wire: str | Wire,
    ) -> pa.Table:
        if "is_retargeting" in {c.name for c in table.columns}:
            wire["is_retargeting"] = Wire("is_retargeting", "bool")
        return from_rows(
            table, {**{c: c for c in same}, **wire}, page, constants={"account_id": account}, required=[table.row_key[1]], reject=reject
        )  # fmt: skip

    # --- reports ---
    def daily(self, table: Table, level: str, breakdowns: tuple[str, ...]) -> Any:
        """A fetch of results by day at a level, from that level's own report."""
        keys = (*_KEYS[level], *breakdowns)
        params: dict[str, Any] = {
            "level": level, "time_increment": 1,
            "fields": ",".join((*_KEYS[level], *_METRICS.values(), "actions", "action_values")),
        }  # fmt: skip
        if breakdowns:
            params["breakdowns"] = ",".join(breakdowns)
        if level != "account":
            params["filtering"] = _every_status(level)
        wire = {"date_day": "date_start", **{k: k for k in keys}, **_METRICS, **{c: c for c in ACTIONS}}

        def fetch(pull: Pull, reject: Reject) -> Iterator[pa.Table]:
            for page in self._graph.insights(pull.account_id, pull.start, pull.end, params):
                rows = _made(_named(page, "spend", table.name), with_actions, reject)
                yield from_rows(
                    table, wire, rows, constants={"account_id": pull.account_id}, required=["date_day", *keys, "spend"], reject=reject
                )  # fmt: skip

        return fetch

    def conversion_daily(self, pull: Pull, reject: Reject) -> Iterator[pa.Table]:
        """Actions by type and attribution window, one row each, at campaign and at ad level."""
        for level in ("campaign", "ad"):
            keys = _KEYS[level]
            params = {
                "level": level, "time_increment": 1, "filtering": _every_status(level),
                "fields": ",".join((*keys, "account_currency", "attribution_setting", "impressions", "actions", "action_values")),
                "action_attribution_windows": json.dumps(WINDOWS),
            }  # fmt: skip
            names = ("action_type", "attribution_window", "attribution_setting", "conversions", "conversion_value")
            wire = {"date_day": "date_start", "currency": "account_currency", **{c: c for c in (*keys, *names)}}
            for page in self._graph.insights(pull.account_id, pull.start, pull.end, params):
                rows = _made(_named(page, keys[-1], "conversion_daily"), claims, reject)
                yield from_rows(
                    t.CONVERSION_DAILY, {**wire, "object_id": keys[-1]}, rows,
                    constants={"account_id": pull.account_id, "level": level}, required=["date_day", "object_id"], reject=reject,
                )  # fmt: skip

    def reach_windows(self, account: str, reject: Reject) -> Iterator[pa.Table]:
        """Reach of the last 7 and 28 days and of calendar months: each asked for as a window, for it cannot be added up."""
        last = self._context.as_of - timedelta(days=1)
        start = setting(SPEC.name, "start_date")
        first = _months_back(last, REACH_MONTHS - 1)
        if start:
            first = max(first, date.fromisoformat(str(start)))
        windows: list[tuple[str, date, str]] = [
            ("last_7_days", last - timedelta(days=6), "all_days"),
            ("last_28_days", last - timedelta(days=27), "all_days"),
            ("month", min(first, last), "monthly"),
        ]
        for level in ("campaign", "ad"):
            keys = _KEYS[level]
            fields = ",".join((*keys, "impressions", "reach", "frequency"))
            names = ("impressions", "reach", "frequency")
            wire = {
                "window_start": "date_start",
                "window_end": "date_stop",
                "object_id": keys[-1],
                **{c: c for c in (*keys, *names)},
            }
            for kind, since, increment in windows:
                params = {
                    "level": level,
                    "fields": fields,
                    "time_increment": increment,
                    "filtering": _every_status(level),
                }
                for page in self._graph.insights(account, since, last, params):
                    yield from_rows(
                        t.REACH_WINDOWS, wire, _made(_named(page, "reach", "reach_windows"), lambda row: [row], reject),
                        constants={"account_id": account, "level": level, "window_kind": kind},
                        required=["window_start", "object_id"], reject=reject,
                    )  # fmt: skip


def _every_status(level: str) -> str:
    return json.dumps(
        [{"field": f"{level}.effective_status", "operator": "IN", "value": (*STATUSES[level], "DELETED")}]
    )


def _named(page: list[Any], field: str, what: str) -> list[Any]:
    """The page. Raises SourceError when a field that was asked for, and that Meta never leaves out, is in none of its rows."""
    rows = [r for r in page if isinstance(r, dict)]
    if rows and not any(field in r for r in rows):
        raise SourceError(
            SPEC.name, f"{what}: field {field!r} was asked for and is in none of {len(rows)} rows; has Meta renamed it? "
            f"They have {', '.join(sorted(rows[0])[:12])}"
        )  # fmt: skip
    return page


def _made(page: list[Any], make: Make, reject: Reject) -> list[dict[str, Any]]:
    """What `make` makes of each row; rows of another shape than Meta documents are told and left out."""
    made: list[dict[str, Any]] = []
    for position, row in enumerate(page):
        try:
            if not isinstance(row, dict):
                raise TypeError("the row is no JSON object")
            made += make(row)
        except (KeyError, TypeError, AttributeError) as e:
            reject(position, "", f"{e.args[0]} is missing" if isinstance(e, KeyError) else str(e), row)
    return made


def with_actions(row: dict[str, Any]) -> list[dict[str, Any]]:
    """The row with a column for each of ACTIONS, by the ad sets' own attribution setting; Meta leaves out what is zero."""
    counted = {
        what: {a["action_type"]: a.get("value", "0") for a in row.get(what) or ()}
        for what in ("actions", "action_values")
    }
    return [row | {column: counted[what].get(action, "0") for column, (what, action) in ACTIONS.items()}]


def claims(row: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """One row an action type and attribution window; `value` is the ad sets' own setting. What is zero is not there."""
    worth = {a["action_type"]: a for a in row.get("action_values") or ()}
    about = {k: v for k, v in row.items() if k not in ("actions", "action_values")}
    for action in row.get("actions") or ():
        if action["action_type"] in ENGAGEMENT:
            continue
        values = worth.get(action["action_type"], {})
        for window in ("value", *WINDOWS):
            if window in action:
                yield about | {
                    "action_type": action["action_type"], "attribution_window": window, "conversions": action[window],
                    "conversion_value": values.get(window, "0"),
                }  # fmt: skip


def attribution_setting(spec: Iterable[Mapping[str, Any]]) -> str:
    """[{CLICK_THROUGH, 7}, {VIEW_THROUGH, 1}] -> 7d_click_1d_view, as insights writes it; clicks first."""
    words = {"CLICK_THROUGH": "click", "VIEW_THROUGH": "view", "ENGAGED_VIDEO_VIEW": "ev"}
    found = [
        (str(s["event_type"]), f"{s['window_days']}d_{words.get(str(s['event_type']), str(s['event_type']).lower())}")
        for s in spec
    ]
    return "_".join(
        text for _, text in sorted(found, key=lambda f: (list(words).index(f[0]) if f[0] in words else 9, f[1]))
    )


def link_of(creative: Mapping[str, Any]) -> tuple[str | None, int]:
    """(where a creative leads, cards of its carousel); Meta keeps the link where the format has its place for it."""
    story = creative.get("object_story_spec") or {}
    link = story.get("link_data") or story.get("template_data") or {}
    video = ((story.get("video_data") or {}).get("call_to_action") or {}).get("value") or {}
    cards = link.get("child_attachments") or []
    url = link.get("link") or video.get("link") or next((c["link"] for c in cards if c.get("link")), None)
    return url, len(cards)


def _months_back(day: date, months: int) -> date:
    month = day.year * 12 + day.month - 1 - months
    return date(month // 12, month % 12 + 1, 1)


def build(context: LoadContext) -> DltSource:
    """Accounts, campaigns, ad sets, ads, creatives, results by day at three levels, claims, reach. Raises SourceError."""
    graph = Graph(
        SPEC.name,
        str(setting(SPEC.name, "base_url", BASE_URL)),
        secret(SPEC.name, "access_token"),
        secret(SPEC.name, "app_secret"),
        float(setting(SPEC.name, "poll_seconds", 2.0)),
        float(setting(SPEC.name, "run_wait_seconds", 1800.0)),
    )
    meta = MetaAds(graph, context)
    accounts = meta.account_ids(setting_list(SPEC.name, "accounts"))
    reports = Reports(SPEC, context, first_available=_months_back(context.as_of, 36))
    long = 93  # days of a first pull that one report run takes
    return reports.source(
        [
            reports.entities(t.AD_ACCOUNTS, accounts, meta.ad_accounts),
            reports.entities(t.CAMPAIGNS, accounts, meta.campaigns),
            reports.entities(t.AD_SETS, accounts, meta.ad_sets),
            reports.entities(t.ADS, accounts, meta.ads),
            reports.entities(t.CREATIVES, accounts, meta.creatives),
            reports.daily(t.ACCOUNT_DAILY, accounts, meta.daily(t.ACCOUNT_DAILY, "account", ()), max_days=long),
            reports.daily(
                t.CAMPAIGN_DAILY,
                accounts,
                meta.daily(t.CAMPAIGN_DAILY, "campaign", ("publisher_platform",)),
                max_days=long,
            ),
            reports.daily(
                t.AD_DAILY,
                accounts,
                meta.daily(t.AD_DAILY, "ad", ("publisher_platform", "device_platform")),
                max_days=long,
            ),
            reports.daily(t.CONVERSION_DAILY, accounts, meta.conversion_daily, max_days=long),
            reports.entities(t.REACH_WINDOWS, accounts, meta.reach_windows),
        ]
    )


SPEC = SourceSpec(
    name="meta_ads",
    kind="ads",
    description="Meta Ads (Facebook, Instagram), Marketing API v26.0",
    owner="marketing",
    tables=t.TABLES,
    provides=frozenset({"ad_platforms", "ad_performance", "ad_reach", "ad_conversion_lags"}),
    configured=configured,
    build=build,
    restatement_days=28,  # the longest attribution window: a conversion may be added to a day that long ago
    expected_lag_days=1,
    stale_after_days=3,
)
