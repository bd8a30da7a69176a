"""Accounts, campaigns, ad groups, ads, keywords and conversion goals, as Customer and Campaign Management list them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ingestion.sandbox.server.vendor import Desk
from ingestion.sandbox.server.vendors.microsoft_ads.words import (
    AD_TYPES,
    CAMPAIGN_TYPES,
    GOAL_CATEGORIES,
    MATCH_TYPES,
    STATUSES,
    TIME_ZONES,
    Refused,
    case_of,
    refuse_unknown,
)

USER_ID = "104729301"
MAX_PAGE = 1000  # of Accounts/Search
ALL_TYPES = {"Search", "Shopping", "DynamicSearchAds", "Audience", "Hotel", "PerformanceMax", "App", "ObjectiveBased"}
GOAL_TYPES = {
    "Url",
    "Duration",
    "PagesViewedPerVisit",
    "Event",
    "AppInstall",
    "OfflineConversion",
    "InStoreTransaction",
}


def permitted(desk: Desk, customer: str, account: str) -> None:
    """Refuse calls for an account that the user does not have, or without the headers that say it."""
    if not customer or not account:
        raise Refused(116, "RequestMissingHeaders", "CustomerId and CustomerAccountId are required.")
    sql = "select 1 from now.ad_accounts where platform = 'microsoft_ads' and account_id = $a and manager_id = $c"
    if not desk.rows(sql, {"a": account, "c": customer}):
        raise Refused(106, "UserIsNotAuthorized", "User is not authorized to perform this operation.")


def _user(desk: Desk, body: Mapping[str, Any], account: str) -> Any:
    refuse_unknown(body, "UserId")
    [row] = desk.rows("select min(manager_id) as id from now.ad_accounts where platform = 'microsoft_ads'")
    role = {
        "RoleId": 41,
        "CustomerId": row["id"],
        "AccountIds": None,
        "LinkedAccountIds": None,
        "CustomerLinkPermission": None,
    }
    return {
        "User": {"Id": USER_ID, "CustomerId": row["id"], "UserName": "warehouse@example.com"},
        "CustomerRoles": [role],
    }


def _accounts(desk: Desk, body: Mapping[str, Any], account: str) -> Any:
    refuse_unknown(body, "Predicates", "Ordering", "PageInfo", "ReturnAdditionalFields")
    page = body.get("PageInfo") or {"Index": 0, "Size": 10}
    wanted = [(p.get("Field"), p.get("Operator"), p.get("Value")) for p in body.get("Predicates") or ()]
    if wanted != [("UserId", "Equals", USER_ID)]:
        raise Refused(203, "NullParameter", "Predicates: a UserId that equals the user's is required.")
    if not (page["Index"] >= 0 and 1 <= page["Size"] <= MAX_PAGE):
        raise Refused(4118, "PagingInfoInvalid", f"The page size must be between 1 and {MAX_PAGE}.")
    sql = f"""select account_id as "Id", account_name as "Name", 'X' || account_id as "Number",
                     currency as "CurrencyCode", {case_of("time_zone", TIME_ZONES)} as "TimeZone",
                     manager_id as "ParentCustomerId", 'Active' as "AccountLifeCycleStatus"
              from now.ad_accounts where platform = 'microsoft_ads'
              order by account_id limit {page["Size"]} offset {page["Index"] * page["Size"]}"""
    return {"Accounts": desk.rows(sql)}


def _campaigns(desk: Desk, body: Mapping[str, Any], account: str) -> Any:
    refuse_unknown(body, "AccountId", "CampaignType", "ReturnAdditionalFields")
    if body.get("AccountId") != account:
        raise Refused(1102, "InvalidAccountId", "The account id is not valid, or not that of the header.")
    types = _words(body.get("CampaignType") or "Search", ALL_TYPES, "CampaignType")  # without types: search alone
    sql = f"""select campaign_id as "Id", name as "Name", {case_of("status", STATUSES)} as "Status",
                     round(daily_budget_micros / 1e6, 2) as "DailyBudget", 'DailyBudgetStandard' as "BudgetType",
                     budget_id as "BudgetId", {case_of("campaign_type", CAMPAIGN_TYPES)} as "CampaignType",
                     strftime(start_date, '%Y-%m-%dT00:00:00') as "StartDate",
                     strftime(end_date, '%Y-%m-%dT00:00:00') as "EndDate", true as "UseCampaignLevelDates",
                     {{'Type': case bid_strategy when 'target_roas' then 'TargetRoas' when 'maximize_clicks' then 'MaxClicks'
                               when 'manual_cpc' then 'ManualCpc' else 'MaxConversions' end}} as "BiddingScheme"
              from now.ad_campaigns where platform = 'microsoft_ads' and account_id = $account and status <> 'removed'
                  and list_contains($types, {case_of("campaign_type", CAMPAIGN_TYPES)}) order by campaign_id"""
    return {"Campaigns": desk.rows(sql, {"account": account, "types": sorted(types)})}


def _ad_groups(desk: Desk, body: Mapping[str, Any], account: str) -> Any:
    refuse_unknown(body, "CampaignId", "ReturnAdditionalFields")
    sql = f"""select ad_group_id as "Id", name as "Name", {case_of("status", STATUSES)} as "Status",
                     {{'Amount': round(bid_micros / 1e6, 2)}} as "CpcBid",
                     'OwnedAndOperatedAndSyndicatedSearch' as "Network",
                     {{'Year': year(first_valid_from), 'Month': month(first_valid_from), 'Day': day(first_valid_from)}}
                         as "StartDate"
              from now.ad_groups where platform = 'microsoft_ads' and account_id = $account and campaign_id = $id and status <> 'removed'
              order by ad_group_id"""
    return {"AdGroups": desk.rows(sql, {"id": body.get("CampaignId"), "account": account})}


def _ads(desk: Desk, body: Mapping[str, Any], account: str) -> Any:
    refuse_unknown(body, "AdGroupId", "AdTypes", "ReturnAdditionalFields")
    if not (types := body.get("AdTypes")):
        raise Refused(203, "NullParameter", "AdTypes: the list of ad types is required.")
    sql = f"""select {case_of("format", AD_TYPES)} as "Type", ad_id as "Id", {case_of("status", STATUSES)} as "Status",
                     'Active' as "EditorialStatus", [final_url] as "FinalUrls", headline
              from now.ads where platform = 'microsoft_ads' and account_id = $account and ad_group_id = $id and status <> 'removed'
                  and list_contains($types, {case_of("format", AD_TYPES)}) order by ad_id"""
    rows = desk.rows(sql, {"id": body.get("AdGroupId"), "account": account, "types": types})
    for row in rows:
        headline = row.pop("headline")
        if row["Type"] == "ResponsiveSearch":
            row["Headlines"] = [{"Asset": {"Type": "TextAsset", "Text": headline}, "PinnedField": None}]
        else:
            row["PromotionalText"] = headline
    return {"Ads": rows}


def _keywords(desk: Desk, body: Mapping[str, Any], account: str) -> Any:
    refuse_unknown(body, "AdGroupId", "ReturnAdditionalFields")
    sql = f"""select keyword_id as "Id", text as "Text", {case_of("match_type", MATCH_TYPES)} as "MatchType",
                     {case_of("status", STATUSES)} as "Status", 'Active' as "EditorialStatus"
              from now.ad_keywords where platform = 'microsoft_ads' and account_id = $account and ad_group_id = $id and status <> 'removed'
              order by keyword_id"""
    return {"Keywords": desk.rows(sql, {"id": body.get("AdGroupId"), "account": account})}


def _goals(desk: Desk, body: Mapping[str, Any], account: str) -> Any:
    refuse_unknown(body, "ConversionGoalIds", "ConversionGoalTypes", "ReturnAdditionalFields")
    _words(body.get("ConversionGoalTypes") or "", GOAL_TYPES, "ConversionGoalTypes")
    sql = f"""select action_id as "Id", name as "Name", 'Event' as "Type", 'Active' as "Status", 'Account' as "Scope",
                     {case_of("category", GOAL_CATEGORIES)} as "GoalCategory", not is_primary as "ExcludeFromBidding",
                     case counting when 'one' then 'Unique' else 'All' end as "CountType",
                     click_window_days * 1440 as "ConversionWindowInMinutes",
                     view_window_days * 1440 as "ViewThroughConversionWindowInMinutes"
              from now.ad_conversion_actions where platform = 'microsoft_ads' and account_id = $account order by action_id"""
    return {"ConversionGoals": desk.rows(sql, {"account": account}), "PartialErrors": []}


def _words(text: str, known: set[str], name: str) -> set[str]:
    """Flags as the vendor's JSON has them: words with commas."""
    words = {w.strip() for w in text.split(",") if w.strip()}
    if not words or (unknown := words - known):
        raise Refused(
            201, "ApiInputValidationError", f"{name}: {sorted(unknown) if words else 'nothing'} is not a valid value."
        )
    return words


HANDLERS: dict[str, Callable[[Desk, Mapping[str, Any], str], Any]] = {
    "/CustomerManagement/v13/User/Query": _user,
    "/CustomerManagement/v13/Accounts/Search": _accounts,
    "/CampaignManagement/v13/Campaigns/QueryByAccountId": _campaigns,
    "/CampaignManagement/v13/AdGroups/QueryByCampaignId": _ad_groups,
    "/CampaignManagement/v13/Ads/QueryByAdGroupId": _ads,
    "/CampaignManagement/v13/Keywords/QueryByAdGroupId": _keywords,
    "/CampaignManagement/v13/ConversionGoals/QueryByIds": _goals,
}
