"""Meta's ad objects and the account's edges: which fields they have and what is listed. Fields are SQL over the desk."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ingestion.sandbox.server.vendor import Desk
from ingestion.sandbox.server.vendors.meta_ads.errors import GraphError, bad_param, check_params, no_object

# What a filter on the effective status may ask for.
_CAMPAIGN_STATUSES = ("ACTIVE", "ARCHIVED", "DELETED", "IN_PROCESS", "PAUSED", "WITH_ISSUES")
STATUSES = {
    "campaign": _CAMPAIGN_STATUSES,
    "adset": (*_CAMPAIGN_STATUSES, "CAMPAIGN_PAUSED"),
    "ad": (
        *_CAMPAIGN_STATUSES, "CAMPAIGN_PAUSED", "ADSET_PAUSED", "DISAPPROVED", "PENDING_BILLING_INFO", "PENDING_REVIEW",
        "PREAPPROVED",
    ),
}  # fmt: skip

# What the account, its campaigns, ad sets and ads are at the clock. An ad set's own attribution setting: lead ads count
# a day after the click, all others seven days after the click and one after the view.
TREE = """
    accounts as (select * from now.ad_accounts where platform = 'meta_ads'),
    campaigns as (
        select c.*, a.currency, a.time_zone,
               case c.status when 'removed' then 'DELETED' else upper(c.status) end as state,
               c.is_retargeting as budget_below, c.campaign_type = 'lead_gen' as is_lead,
               case when c.is_retargeting then 'WEBSITE' when c.name like '%lignende%' then 'LOOKALIKE' end as audience
        from now.ad_campaigns c join accounts a using (account_id) where c.platform = 'meta_ads'
    ),
    adsets as (
        select g.*, c.currency, c.time_zone, c.is_lead, c.audience, c.objective, c.budget_below, c.name as campaign_name,
               c.daily_budget_micros // count(*) over (partition by g.campaign_id) as budget_micros,
               case when 'removed' in (g.status, c.status) then 'DELETED' when g.status = 'paused' then 'PAUSED'
                    when c.status = 'paused' then 'CAMPAIGN_PAUSED' else 'ACTIVE' end as state,
               case when c.is_lead then '1d_click' else '7d_click_1d_view' end as setting
        from now.ad_groups g join campaigns c using (campaign_id) where g.platform = 'meta_ads'
    ),
    ads as (
        select x.*, s.campaign_name, s.name as adset_name, s.time_zone, s.setting, s.is_lead, s.objective,
               case when x.status = 'removed' or s.state = 'DELETED' then 'DELETED' when x.status = 'paused' then 'PAUSED'
                    when s.state = 'PAUSED' then 'ADSET_PAUSED' else s.state end as state
        from now.ads x join adsets s using (ad_group_id) where x.platform = 'meta_ads'
    ),
    creatives as (
        select account_id, creative_id, arg_max(name, ad_id) as name, arg_max(headline, ad_id) as headline,
               arg_max(format, ad_id) as format, arg_max(final_url, ad_id) as url
        from ads group by account_id, creative_id
    ),
    audiences as (
        select account_id, '2385' || right(min(campaign_id), 13) as audience_id, audience,
               case audience when 'WEBSITE' then 'Besøkende 180 dager' else 'Lignende (NO, 1%)' end as name
        from campaigns where audience is not null group by account_id, audience
    )
"""


def _time(day: str, clock: str = "00:00:00") -> str:
    """SQL: an hour of a day in the account's zone, as Meta writes times: 2026-11-01T00:00:00+0100."""
    at = f"timezone(time_zone, cast({day} as timestamp))"
    minutes = f"date_diff('minute', timezone('UTC', {at}), timezone(time_zone, {at}))"
    return (
        f"strftime({day}, '%Y-%m-%dT{clock}') || printf('%+03d%02d', cast({minutes} // 60 as integer), "
        f"cast(abs({minutes}) % 60 as integer))"
    )


@dataclass(frozen=True)
class Kind:
    """A type of object: Meta's name of it, its table in TREE, its id, its fields as SQL, the field that filters by status."""

    node: str
    table: str
    id: str
    fields: Mapping[str, str]
    status: str = ""  # e.g. campaign.effective_status


_MINOR = "cast({} // 10000 as varchar)"  # smallest unit of the currency, as text
_OWN = "case status when 'removed' then 'DELETED' else upper(status) end"
_STATUS = {"status": _OWN, "configured_status": _OWN, "effective_status": "state"}
_OBJECTIVE = "'OUTCOME_' || upper(objective)"
_LINK = "split_part(url, '?', 1)"

KINDS: dict[str, Kind] = {
    "account": Kind(
        "AdAccount", "accounts", "account_id",
        {
            "id": "'act_' || account_id", "account_id": "account_id", "name": "account_name", "currency": "currency",
            "timezone_name": "time_zone", "account_status": "1", "created_time": _time("created_date"),
            "business_name": "'Nordlys Kontor AS'",
        },
    ),
    "campaigns": Kind(
        "AdCampaignGroup", "campaigns", "campaign_id",
        {
            "id": "campaign_id", "account_id": "account_id", "name": "name", **_STATUS, "objective": _OBJECTIVE,
            "buying_type": "'AUCTION'", "special_ad_categories": "cast([] as varchar[])",
            "bid_strategy": "case when not budget_below then 'LOWEST_COST_WITHOUT_CAP' end",
            "daily_budget": f"case when not budget_below then {_MINOR.format('daily_budget_micros')} end",
            "start_time": _time("start_date"), "stop_time": _time("end_date", "23:59:59"),
            "created_time": _time("first_valid_from"), "updated_time": _time("valid_from"),
        },
        "campaign.effective_status",
    ),
    "adsets": Kind(
        "AdCampaign", "adsets", "ad_group_id",
        {
            "id": "ad_group_id", "account_id": "account_id", "campaign_id": "campaign_id", "name": "name", **_STATUS,
            "daily_budget": f"case when budget_below then {_MINOR.format('budget_micros')} end",
            "billing_event": "'IMPRESSIONS'", "bid_strategy": "case when budget_below then 'LOWEST_COST_WITHOUT_CAP' end",
            "optimization_goal": "case when is_lead then 'LEAD_GENERATION' else 'OFFSITE_CONVERSIONS' end",
            "attribution_spec": """case when is_lead then [{'event_type': 'CLICK_THROUGH', 'window_days': 1}] else
                [{'event_type': 'CLICK_THROUGH', 'window_days': 7}, {'event_type': 'VIEW_THROUGH', 'window_days': 1}] end""",
            "targeting": """{'age_min': 18, 'age_max': 65,
                'geo_locations': {'countries': case currency when 'NOK' then ['NO'] else ['SE', 'DK', 'FI', 'DE'] end},
                'custom_audiences': (select list({'id': u.audience_id, 'name': u.name}) from audiences u
                                     where u.account_id = adsets.account_id and u.audience = adsets.audience)}""",
            "start_time": _time("valid_from"), "created_time": _time("first_valid_from"),
            "updated_time": _time("valid_from"),
        },
        "adset.effective_status",
    ),
    "ads": Kind(
        "AdGroup", "ads", "ad_id",
        {
            "id": "ad_id", "account_id": "account_id", "campaign_id": "campaign_id", "adset_id": "ad_group_id",
            "name": "name", **_STATUS, "creative": "{'id': creative_id}", "created_time": _time("created_date"),
            "updated_time": _time("valid_from"),
        },
        "ad.effective_status",
    ),
    "adcreatives": Kind(
        "AdCreative", "creatives", "creative_id",
        {
            "id": "creative_id", "account_id": "account_id", "name": "name", "title": "headline", "status": "'ACTIVE'",
            "object_type": "case format when 'video' then 'VIDEO' else 'SHARE' end",
            "url_tags": "nullif(split_part(url, '?', 2), '')",
            "object_story_spec": f"""{{'page_id': '104200000000001',
                'video_data': case when format = 'video' then
                    {{'title': headline, 'call_to_action': {{'type': 'LEARN_MORE', 'value': {{'link': {_LINK}}}}}}} end,
                'link_data': case when format <> 'video' then {{'link': {_LINK}, 'name': headline,
                    'child_attachments': case when format = 'carousel' then
                        list_transform(range(3), x -> {{'link': {_LINK}, 'name': headline}}) end}} end}}""",
        },
    ),
    "customaudiences": Kind(
        "CustomAudience", "audiences", "audience_id",
        {"id": "audience_id", "account_id": "account_id", "name": "name", "subtype": "audience"},
    ),
}  # fmt: skip
_LEVELS = {"campaigns": "campaign_id", "adsets": "ad_group_id", "ads": "ad_id"}


@dataclass(frozen=True)
class Scope:
    """What insights are asked of: an account, or one object in it."""

    account_id: str
    level: str  # account, campaign, adset, ad
    column: str = ""
    id: str = ""


def scope(desk: Desk, node: str) -> Scope:
    """The object behind an id, deleted or not. Raises GraphError."""
    if node.startswith("act_"):
        _account(desk, node)
        return Scope(node[4:], "account")
    for name, column in _LEVELS.items():
        found = desk.rows(f"with {TREE} select account_id from {KINDS[name].table} where {column} = ?", [node])
        if found:
            return Scope(found[0]["account_id"], name[:-1], column, node)
    raise no_object(node)


def node(desk: Desk, node: str, params: Mapping[str, str], common: frozenset[str]) -> dict[str, Any]:
    """One object by its id; deleted ones are found too."""
    check_params(params, common)
    if node == "me":
        return {"id": "122100000000001", "name": "sandbox system user"}
    for kind in KINDS.values():
        own = node.removeprefix("act_") if kind.node == "AdAccount" and node.startswith("act_") else node
        if desk.rows(f"with {TREE} select 1 from {kind.table} where {kind.id} = ?", [own]):
            return _select(desk, kind, params, f"{kind.id} = $id", {"id": own})[0]
    raise no_object(node)


def edge(desk: Desk, node: str, name: str, params: Mapping[str, str], common: frozenset[str]) -> list[dict[str, Any]]:
    """All objects of an edge; what is deleted is left out unless a filter on the effective status asks for it."""
    if (node, name) == ("me", "adaccounts"):
        check_params(params, common)
        return _select(desk, KINDS["account"], params, "true", {})
    if name not in KINDS or name == "account":
        raise GraphError(100, f"(#100) Tried accessing nonexisting field ({name}) on node type (AdAccount)")
    kind = KINDS[name]
    check_params(params, common | {"effective_status", "filtering"})
    bound: dict[str, Any] = {}
    if node.startswith("act_"):
        _account(desk, node)
        where = "account_id = $account"
        bound["account"] = node[4:]
    else:
        of = scope(desk, node)
        where, bound["own"] = f"{of.column} = $own", of.id
    if kind.status:
        asked = filters(params).get(kind.status, {}).get("IN")
        if "effective_status" in params:
            asked = _statuses(kind.status, _list("effective_status", params["effective_status"]))
        where += " and list_contains($asked, state)" if asked else " and state <> 'DELETED'"
        if asked:
            bound["asked"] = asked
    return _select(desk, kind, params, where, bound)


def filters(params: Mapping[str, str]) -> dict[str, dict[str, list[str]]]:
    """`filtering` as {field: {operator: values}}. Raises GraphError on what Meta does not know."""
    found: dict[str, dict[str, list[str]]] = {}
    allowed = [f"{x}.{y}" for x in ("campaign", "adset", "ad") for y in ("effective_status", "id")]
    for one in _list("filtering", params.get("filtering", "[]")):
        name = one.get("field") if isinstance(one, dict) else None
        name = "ad.effective_status" if name == "effective_status" else name
        if name not in allowed:
            operator = one.get("operator") if isinstance(one, dict) else ""
            raise GraphError(100, f"(#100) Filtering field '{name}' with operation '{operator}' is not supported")
        if one.get("operator") not in ("IN", "NOT_IN", "EQUAL"):
            raise bad_param("filtering", f"operator {one.get('operator')} is not one of IN, NOT_IN, EQUAL")
        values = one["value"] if isinstance(one.get("value"), list) else [one.get("value")]
        operator = "IN" if one["operator"] == "EQUAL" else one["operator"]
        values = [str(v) for v in values]
        found.setdefault(name, {})[operator] = _statuses(name, values) if name.endswith("status") else values
    return found


def _statuses(field: str, values: list[str]) -> list[str]:
    allowed = STATUSES[field.split(".")[0]]
    if unknown := [v for v in values if v not in allowed]:
        raise bad_param(f"{field}[0]", f"must be one of {{{', '.join(allowed)}}}, not {unknown[0]}")
    return values


def names_of(text: str) -> list[str]:
    """A list of names as Graph takes it: with commas, or as JSON."""
    if text.strip().startswith("["):
        return [str(x) for x in _list("fields", text)]
    return [x.strip() for x in text.split(",") if x.strip()]


def dense(value: Any) -> Any:
    """The value without what is null: Graph leaves such fields out."""
    if isinstance(value, dict):
        return {k: dense(v) for k, v in value.items() if v is not None}
    return [dense(v) for v in value] if isinstance(value, list) else value


def _account(desk: Desk, node: str) -> None:
    if not desk.rows("select 1 from now.ad_accounts where platform = 'meta_ads' and account_id = ?", [node[4:]]):
        raise no_object(node)


def _list(name: str, text: str) -> list[Any]:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, list):
        raise bad_param(name, "must be an array.")
    return value


def _select(
    desk: Desk, kind: Kind, params: Mapping[str, str], where: str, bound: Mapping[str, Any]
) -> list[dict[str, Any]]:
    fields = names_of(params.get("fields", ""))
    if unknown := [f for f in fields if f not in kind.fields]:
        raise GraphError(100, f"(#100) Tried accessing nonexisting field ({unknown[0]}) on node type ({kind.node})")
    wanted = dict.fromkeys([*(fields or (["account_id"] if kind.node == "AdAccount" else [])), "id"])
    columns = ", ".join(f'{kind.fields[f]} as "{f}"' for f in wanted)
    sql = f"with {TREE} select {columns} from {kind.table} where {where} order by {kind.id}"
    return [dense(row) for row in desk.rows(sql, bound)]
