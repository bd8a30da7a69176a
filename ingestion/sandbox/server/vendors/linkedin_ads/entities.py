"""Accounts, campaign groups, campaigns, creatives, posts, conversion rules and lead forms, in LinkedIn's words and types.

The company's campaign is LinkedIn's campaign group, its ad group LinkedIn's campaign, its ad LinkedIn's creative.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from ingestion.sandbox.server.vendor import Desk

URN = "urn:li:"
LEADS_KEPT_DAYS = 90
_OBJECTIVES = {
    "sales": "WEBSITE_CONVERSION", "leads": "LEAD_GENERATION", "traffic": "WEBSITE_VISIT", "awareness": "BRAND_AWARENESS",
}  # fmt: skip
_FORMATS = {"video": "SINGLE_VIDEO", "carousel": "CAROUSEL", "document": "SPONSORED_UPDATE_NATIVE_DOCUMENT"}
_RULES = {"page_view": "KEY_PAGE_VIEW"}
QUESTIONS = ("FIRST_NAME", "LAST_NAME", "EMAIL", "PHONE_NUMBER", "COMPANY_NAME", "JOB_TITLE")
_ANSWERS = ("first_name", "last_name", "email", "phone", "company", "job_title")


def accounts(desk: Desk) -> list[dict[str, Any]]:
    rows = desk.rows("select * from now.ad_accounts where platform = 'linkedin_ads' order by account_id")
    return [
        {
            "id": int(r["account_id"]), "name": r["account_name"], "currency": r["currency"], "type": "BUSINESS",
            "status": "ACTIVE", "servingStatuses": ["RUNNABLE"], "test": False, "reference": f"{URN}organization:2414183",
            "changeAuditStamps": _stamps(r["created_date"], r["created_date"]), "version": {"versionTag": "1"},
        }
        for r in rows if r["created_date"] <= desk.clock
    ]  # fmt: skip


def campaign_groups(desk: Desk, account: str) -> list[dict[str, Any]]:
    return [
        {
            "id": int(r["campaign_id"]), "account": f"{URN}sponsoredAccount:{account}", "name": r["name"],
            "status": _status(r), "objectiveType": _OBJECTIVES.get(r["objective"], "ENGAGEMENT"),
            "budgetOptimization": {"budgetOptimizationStrategy": "DYNAMIC"},
            "dailyBudget": _money(r["daily_budget_micros"], r["currency"]), "runSchedule": _schedule(r),
            "servingStatuses": ["RUNNABLE" if r["status"] == "active" else "STOPPED"], "test": False, "backfilled": False,
            "allowedCampaignTypes": ["SPONSORED_UPDATES"],
            "changeAuditStamps": _stamps(r["first_valid_from"], r["valid_from"]),
        }
        for r in desk.rows(
            """select c.*, a.currency from now.ad_campaigns c join now.ad_accounts a using (platform, account_id)
               where platform = 'linkedin_ads' and account_id = ? order by campaign_id""", [account])
    ]  # fmt: skip


def campaigns(desk: Desk, account: str) -> list[dict[str, Any]]:
    rows = desk.rows(
        """select g.*, c.objective, c.is_retargeting, c.bid_strategy, c.start_date, c.end_date, a.currency,
                  (select min_by(format, ad_id) from now.ads x
                   where x.platform = g.platform and x.ad_group_id = g.ad_group_id) as format
           from now.ad_groups g
           join now.ad_campaigns c on c.platform = g.platform and c.campaign_id = g.campaign_id
           join now.ad_accounts a on a.platform = g.platform and a.account_id = g.account_id
           where g.platform = 'linkedin_ads' and g.account_id = ? order by ad_group_id""",
        [account],
    )
    found = []
    for r in rows:
        country = r["name"][:2].upper() if r["name"][2:3] == "_" else "NO"
        facets: list[dict[str, Any]] = [{"or": {f"{URN}adTargetingFacet:locations": [f"{URN}geo:103819153"]}}]
        if r["is_retargeting"]:
            facets.append({"or": {f"{URN}adTargetingFacet:dynamicSegments": [f"{URN}adSegment:{r['ad_group_id']}"]}})
        found.append({
            "id": int(r["ad_group_id"]), "account": f"{URN}sponsoredAccount:{account}",
            "campaignGroup": f"{URN}sponsoredCampaignGroup:{r['campaign_id']}", "name": r["name"], "status": _status(r),
            "type": "SPONSORED_UPDATES", "format": _FORMATS.get(r["format"], "STANDARD_UPDATE"),
            "objectiveType": _OBJECTIVES.get(r["objective"], "ENGAGEMENT"),
            "costType": "CPM" if r["bid_strategy"] == "target_cpm" else "CPC", "unitCost": _money(r["bid_micros"], r["currency"]),
            "locale": {"country": country, "language": "no"}, "runSchedule": _schedule(r),
            "targetingCriteria": {"include": {"and": facets}}, "creativeSelection": "OPTIMIZED",
            "audienceExpansionEnabled": False, "offsiteDeliveryEnabled": False, "test": False,
            "servingStatuses": ["RUNNABLE" if r["status"] == "active" else "STOPPED"],
            "changeAuditStamps": _stamps(r["first_valid_from"], r["valid_from"]),
        })  # fmt: skip
    return found


def creatives(desk: Desk, account: str) -> list[dict[str, Any]]:
    rows = desk.rows(
        """select x.*, f.form_id from now.ads x
           left join (select campaign_id, min(form_id) as form_id from world.lead_form_responses group by campaign_id) f using (campaign_id)
           where platform = 'linkedin_ads' and x.account_id = ? order by ad_id""",
        [account],
    )
    found = []
    for r in rows:
        one: dict[str, Any] = {
            "id": f"{URN}sponsoredCreative:{r['ad_id']}", "account": f"{URN}sponsoredAccount:{account}",
            "campaign": f"{URN}sponsoredCampaign:{r['ad_group_id']}", "name": r["name"], "intendedStatus": _status(r),
            "isServing": r["status"] == "active", "servingHoldReasons": [], "isTest": False,
            "content": {"reference": post_urn(r["ad_id"])}, "review": {"status": "APPROVED"},
            "createdAt": _ms(r["created_date"]), "createdBy": f"{URN}person:aB1c", "lastModifiedAt": _ms(r["valid_from"]),
            "lastModifiedBy": f"{URN}person:aB1c",
        }  # fmt: skip
        if r["form_id"]:
            one["leadgenCallToAction"] = {"destination": f"{URN}adForm:{r['form_id']}", "label": "SIGN_UP"}
        found.append(one)
    return found


def post_urn(ad_id: str) -> str:
    return f"{URN}share:7300000000{ad_id}"


def posts(desk: Desk, urns: list[str]) -> dict[str, dict[str, Any]]:
    """The posts that creatives refer to, by URN; those that are not known are left out."""
    by_ad = {u.removeprefix(post_urn("")): u for u in urns}
    found = {}
    for r in desk.rows(
        "select * from now.ads where platform = 'linkedin_ads' and list_contains(?, ad_id)", [list(by_ad)]
    ):
        media = {"video": "video", "document": "document"}.get(r["format"], "image")
        content: dict[str, Any] = {"media": {"id": f"{URN}{media}:D5600{r['creative_id']}", "title": r["headline"]}}
        if r["format"] == "carousel":
            card = {
                "landingPage": r["final_url"],
                "media": {"id": f"{URN}image:D5600{r['creative_id']}", "title": r["headline"]},
            }
            content = {"carousel": {"cards": [card, card]}}
        found[by_ad[r["ad_id"]]] = {
            "id": by_ad[r["ad_id"]], "author": f"{URN}organization:2414183", "commentary": r["headline"], "content": content,
            "contentLandingPage": r["final_url"], "contentCallToActionLabel": "LEARN_MORE", "lifecycleState": "PUBLISHED",
            "visibility": "PUBLIC", "createdAt": _ms(r["created_date"]), "publishedAt": _ms(r["created_date"]),
            "lastModifiedAt": _ms(r["valid_from"]), "isReshareDisabledByAuthor": False,
        }  # fmt: skip
    return found


def conversions(desk: Desk, account: str) -> list[dict[str, Any]]:
    return [
        {
            "id": int(r["action_id"]), "name": r["name"], "account": f"{URN}sponsoredAccount:{account}", "enabled": True,
            "type": _RULES.get(r["category"], r["category"].upper()), "conversionMethod": "INSIGHT_TAG",
            "attributionType": "LAST_TOUCH_BY_CAMPAIGN", "postClickAttributionWindowSize": r["click_window_days"],
            "viewThroughAttributionWindowSize": r["view_window_days"], "campaigns": [],
        }
        for r in desk.rows(
            "select * from now.ad_conversion_actions where platform = 'linkedin_ads' and account_id = ? order by action_id",
            [account])
    ]  # fmt: skip


def lead_forms(desk: Desk, account: str) -> list[dict[str, Any]]:
    questions = [
        {
            "questionId": n, "name": field.replace("_", " ").capitalize(), "predefinedField": field,
            "question": {"localized": {"en_US": field.replace("_", " ").capitalize()}}, "responseRequired": field != "PHONE_NUMBER",
            "questionDetails": {"textQuestionDetails": {"maxResponseLength": 300}},
        }
        for n, field in enumerate(QUESTIONS, 1)
    ]  # fmt: skip
    return [
        {
            "id": int(r["form_id"]), "name": r["name"], "owner": {"sponsoredAccount": f"{URN}sponsoredAccount:{account}"},
            "state": "PUBLISHED", "versionId": 1, "created": _ms(r["created_date"]), "lastModified": _ms(r["created_date"]),
            "creationLocale": {"country": "US", "language": "en"},
            "content": {"questions": questions, "legalInfo": {"privacyPolicyUrl": "https://www.nordlyskontor.example/personvern"}},
        }
        for r in desk.rows("select * from now.lead_forms where account_id = ? order by form_id", [account])
        if r["created_date"] <= desk.clock
    ]  # fmt: skip


def lead_form_responses(desk: Desk, account: str, start: int, end: int) -> list[dict[str, Any]]:
    """Forms filled in from `start` up to `end`, milliseconds since 1970, end excluded. They are kept for 90 days."""
    found = []
    start = max(start, _ms(desk.clock - timedelta(days=LEADS_KEPT_DAYS)))
    for r in desk.rows(
        """select *, epoch_ms(submitted_at) as ms from now.lead_form_responses
           where account_id = ? and epoch_ms(submitted_at) >= ? and epoch_ms(submitted_at) < ? order by submitted_at, response_id""",
        [account, start, end],
    ):
        answers = [
            {"questionId": n, "answerDetails": {"textQuestionAnswer": {"answer": r[column]}}}
            for n, column in enumerate(_ANSWERS, 1)
            if r[column] is not None
        ]
        found.append({
            "id": r["response_id"], "leadType": "SPONSORED", "testLead": False, "submittedAt": r["ms"],
            "owner": {"sponsoredAccount": f"{URN}sponsoredAccount:{account}"}, "submitter": f"{URN}person:{r['response_id'][:10]}",
            "versionedLeadGenFormUrn": f"{URN}versionedLeadGenForm:({URN}leadGenForm:{r['form_id']},1)",
            "associatedEntity": {"associatedCreative": f"{URN}sponsoredCreative:{r['ad_id']}"},
            "leadMetadata": {"sponsoredLeadMetadata": {"campaign": f"{URN}sponsoredCampaign:{r['ad_group_id']}"}},
            "formResponse": {"answers": answers, "consentResponses": []},
        })  # fmt: skip
    return found


def _status(row: dict[str, Any]) -> str:
    return str(row["status"]).upper()


def _money(micros: int, currency: str) -> dict[str, str]:
    return {"amount": f"{micros // 1_000_000}.{micros % 1_000_000 // 10_000:02d}", "currencyCode": currency}


def _ms(day: date) -> int:
    return int(datetime.combine(day, time(), UTC).timestamp() * 1000)


def _schedule(row: dict[str, Any]) -> dict[str, int]:
    schedule = {"start": _ms(row["start_date"])}
    if row["end_date"]:
        schedule["end"] = _ms(row["end_date"])
    return schedule


def _stamps(created: date, modified: date) -> dict[str, Any]:
    return {"created": {"time": _ms(created)}, "lastModified": {"time": _ms(modified)}}
