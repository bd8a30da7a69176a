"""LinkedIn Ads: accounts, campaign groups, campaigns, creatives, lead forms, and daily results from adAnalytics.

Each night pulls the last 30 days again, Sunday's the last 90: a conversion counts on the day of the click or view it
follows, up to 90 days later. LinkedIn Marketing API, versioned.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from ingestion.ads import Pull, Reports, secret, setting, setting_list
from ingestion.arrow import Reject, Wire, from_rows
from ingestion.errors import SourceError
from ingestion.settings import Settings
from ingestion.sources.linkedin_ads import tables as t
from ingestion.sources.linkedin_ads.api import NAME, Api, id_of
from ingestion.spec import Configuration, LoadContext, SourceSpec, Table

if TYPE_CHECKING:
    import pyarrow as pa
    from dlt.extract import DltSource

REACH_MONTHS = 3  # the month so far and two before
LEADS_KEPT_DAYS = 90  # LinkedIn forgets responses to lead forms
Row = dict[str, Any]


def configured(settings: Settings) -> Configuration:
    if secret(NAME, "refresh_token"):
        for kind, value in (
            ("CLIENT_ID", setting(NAME, "client_id")),
            ("CLIENT_SECRET", secret(NAME, "client_secret")),
        ):
            if not value:
                return Configuration(False, f"a refresh token without its app; set SOURCES__LINKEDIN_ADS__{kind}")
    elif not secret(NAME, "access_token"):
        return Configuration(
            False, "no token; set SOURCES__LINKEDIN_ADS__REFRESH_TOKEN, CLIENT_ID and CLIENT_SECRET (or ACCESS_TOKEN)"
        )
    return Configuration(
        True, f"accounts {', '.join(setting_list(NAME, 'accounts')) or 'all that the member may read'}"
    )


def build(context: LoadContext) -> DltSource:
    """Tables of SPEC for one run. Raises SourceError when the accounts cannot be listed."""
    api, reports = Api(), Reports(SPEC, context, weekly_days=90)
    known = {str(a.get("id")): a for a in api.accounts()}
    accounts = setting_list(NAME, "accounts") or list(known)
    for account in [a for a in accounts if a not in known]:
        # a report of an account that may not be read is empty, not refused
        said = "not among the accounts the member may read; grant access, or leave it out of SOURCES__LINKEDIN_ADS__ACCOUNTS"
        reports.failed(f"account {account}", SourceError(NAME, f"{account} is {said}"))
    accounts = [a for a in accounts if a in known]

    def entity(
        table: Table, rows: Callable[[str], list[Any]], wire: Mapping[str, str | Wire], shape: Callable[[Row], Row]
    ) -> Any:
        def fetch(account: str, reject: Reject) -> Iterator[pa.Table]:
            yield _read(table, wire, [shape(r) for r in rows(account)], reject, account_id=account)

        return reports.entities(table, accounts, fetch)

    def posts(account: str, reject: Reject) -> Iterator[pa.Table]:
        ids = sorted(
            {i for c in api.creatives(account) if isinstance(i := (c.get("content") or {}).get("reference"), str)}
        )
        for page in api.posts([i for i in ids if ":share:" in i or ":ugcPost:" in i]):
            yield _read(t.POSTS, _POST, [_post(r) for r in page], reject, account_id=account)

    def responses(pull: Pull, reject: Reject) -> Iterator[pa.Table]:
        questions = {
            str(form["id"]): {
                q["questionId"]: q.get("predefinedField") or q["name"] for q in form["content"]["questions"]
            }
            for form in api.lead_forms(pull.account_id)
        }
        for page in api.lead_form_responses(pull.account_id, _ms(pull.start), _ms(pull.end + timedelta(days=1))):
            yield _read(
                t.LEAD_FORM_RESPONSES,
                _RESPONSE,
                [_response(r, questions) for r in page],
                reject,
                account_id=pull.account_id,
            )

    def daily(table: Table, pivots: Sequence[str]) -> Any:
        metrics = t.CONVERSION_METRICS if len(pivots) > 1 else t.METRICS
        ids = [c for c in table.row_key if c not in ("account_id", "date_day")]
        wire: dict[str, str | Wire] = {"date_day": "day"}
        wire |= {c.name: Wire(m, "text" if c.type == "decimal" else "int") for m, c in metrics.items()}
        wire |= {name: f"pivot{n}" for n, name in enumerate(ids)}

        def fetch(pull: Pull, reject: Reject) -> Iterator[pa.Table]:
            for page in api.report(pull.account_id, pivots, metrics, pull.start, pull.end):
                _check_fields([*metrics, "dateRange", "pivotValues"], page)
                yield _read(table, wire, [_element(r) for r in page], reject, account_id=pull.account_id)

        return reports.daily(table, accounts, fetch)

    def reach(account: str, reject: Reject) -> Iterator[pa.Table]:
        for level, pivot in t.REACH_LEVELS.items():
            for kind, start, end in _windows(context.as_of - timedelta(days=1)):
                same = {
                    "account_id": account,
                    "level": level,
                    "window_kind": kind,
                    "window_start": start,
                    "window_end": end,
                }
                for page in api.window(account, pivot, _REACH_METRICS, start, end):
                    _check_fields([*_REACH_METRICS, "pivotValues"], page)
                    yield _read(t.REACH_WINDOWS, _REACH, [_element(r) for r in page], reject, **same)

    resources = [
        entity(t.AD_ACCOUNTS, lambda account: [known[account]], _ACCOUNT, dict),
        entity(t.CAMPAIGN_GROUPS, api.campaign_groups, _GROUP, _scheduled),
        entity(t.CAMPAIGNS, api.campaigns, _CAMPAIGN, _campaign),
        entity(t.CREATIVES, api.creatives, _CREATIVE, _creative),
        entity(t.CONVERSIONS, api.conversions, _CONVERSION, _stringed),
        *(daily(table, pivots) for table, pivots in t.DAILY.items()),
        reports.entities(t.REACH_WINDOWS, accounts, reach),
    ]
    if str(setting(NAME, "posts", "true")).lower() != "false":
        resources.append(reports.entities(t.POSTS, accounts, posts))
    if str(setting(NAME, "leads", "true")).lower() != "false":
        oldest = context.as_of - timedelta(days=LEADS_KEPT_DAYS - 1)
        resources.append(entity(t.LEAD_FORMS, api.lead_forms, _FORM, _form))
        resources.append(reports.daily(t.LEAD_FORM_RESPONSES, accounts, responses, first_available=oldest))
    return reports.source(resources)


_BUDGET = {
    "daily_budget": "dailyBudget.amount", "daily_budget_currency": "dailyBudget.currencyCode",
    "total_budget": "totalBudget.amount", "total_budget_currency": "totalBudget.currencyCode",
}  # fmt: skip
_TIMES = {"run_start_at": "runStart", "run_end_at": "runEnd", "created_at": "created"}
_COMMON = {"name": "name", "status": "status", "objective_type": "objectiveType"} | _BUDGET | _TIMES
_ACCOUNT: Mapping[str, str | Wire] = {n: n for n in ("name", "currency", "status", "type", "reference")}
_GROUP: Mapping[str, str | Wire] = _COMMON | {
    "campaign_group_id": "id", "budget_strategy": "budgetOptimization.budgetOptimizationStrategy",
}  # fmt: skip
_CAMPAIGN: Mapping[str, str | Wire] = _COMMON | {
    "campaign_id": "id", "campaign_group_id": "campaignGroup", "type": "type", "format": "format", "cost_type": "costType",
    "unit_cost": "unitCost.amount", "targeting_facets": "facets",
}  # fmt: skip
_CREATIVE: Mapping[str, str | Wire] = {
    "creative_id": "id", "campaign_id": "campaign", "name": "name", "intended_status": "intendedStatus",
    "review_status": "review.status", "post_id": "content.reference", "lead_form_id": "form", "created_at": "created",
}  # fmt: skip
_POST: Mapping[str, str | Wire] = {
    "post_id": "id", "commentary": "commentary", "landing_page": "landingPage", "content_type": "contentType", "created_at": "created",
}  # fmt: skip
_CONVERSION: Mapping[str, str | Wire] = {
    "conversion_id": "id", "name": "name", "type": "type", "enabled": Wire("enabled", "bool"), "conversion_method": "conversionMethod",
    "attribution_type": "attributionType", "post_click_window_days": Wire("postClickAttributionWindowSize", "int"),
    "view_through_window_days": Wire("viewThroughAttributionWindowSize", "int"),
}  # fmt: skip
_REACH_METRICS = ("impressions", "approximateMemberReach")
_REACH: Mapping[str, str | Wire] = {
    "object_id": "pivot0", "impressions": Wire("impressions", "int"),
    "approximate_member_reach": Wire("approximateMemberReach", "int"),
}  # fmt: skip
_FORM: Mapping[str, str | Wire] = {"lead_form_id": "id", "name": "name", "state": "state", "created_at": "created"}
_RESPONSE: Mapping[str, str | Wire] = {
    "date_day": "submitted", "response_id": "id", "lead_form_id": "form", "submitted_at": "submitted",
    "test_lead": Wire("testLead", "bool"), "campaign_id": "campaign", "creative_id": "creative", "submitter": "submitter",
    "other_answers": "other", **{column: f"answers.{column}" for column in t.ANSWERS.values()},
}  # fmt: skip
_NEEDED = {"ad_accounts": ("currency",), "conversions": ("name",), "campaign_groups": ("name",), "campaigns": ("name",)}


def _read(table: Table, wire: Mapping[str, str | Wire], rows: Sequence[Row], reject: Reject, **same: Any) -> pa.Table:
    """A page as Arrow. Raises SourceError when no row has what every row must have: the answer's shape has changed."""
    needed = [*(c for c in table.row_key if c in wire), *_NEEDED.get(table.name, ())]
    _check_fields([_path(wire[c]).split(".")[0] for c in needed], rows)
    required = [*needed, *(c for c in ("impressions", "clicks", "cost_in_local_currency") if c in wire)]
    return from_rows(table, wire, rows, constants=same, required=required, reject=reject)


def _check_fields(names: Sequence[str], rows: Sequence[Row]) -> None:
    for name in names if rows else ():
        if not any(name in row for row in rows):
            raise SourceError(NAME, f"no element of the answer has {name}; did the API change with its version?")


def _path(wire: str | Wire) -> str:
    return wire.path if isinstance(wire, Wire) else wire


def _element(r: Row) -> Row:
    """An element of adAnalytics with its day and the ids of what it is about; left out where they cannot be read."""
    row = dict(r)
    day, values = r.get("dateRange"), r.get("pivotValues")
    start = day.get("start") if isinstance(day, dict) else None
    row["day"] = "{year:04d}-{month:02d}-{day:02d}".format(**start) if isinstance(start, dict) else None
    for n, value in enumerate(values if isinstance(values, list) else ()):
        row[f"pivot{n}"] = id_of(value)
    return row


def _stringed(r: Row) -> Row:
    """Ids are numbers or URNs; raw has the id alone, as text."""
    return r | {"id": str(id_of(r["id"]))} if isinstance(r.get("id"), str | int) else r


def _scheduled(r: Row) -> Row:
    schedule, stamps = r.get("runSchedule") or {}, r.get("changeAuditStamps") or {}
    times = {
        "runStart": schedule.get("start"),
        "runEnd": schedule.get("end"),
        "created": (stamps.get("created") or {}).get("time"),
    }
    return _stringed(r) | {k: _moment(v) for k, v in times.items()}


def _campaign(r: Row) -> Row:
    include = ((r.get("targetingCriteria") or {}).get("include") or {}).get("and") or []
    facets = sorted({str(id_of(facet)) for clause in include for facet in clause.get("or", {})})
    return _scheduled(r) | {"campaignGroup": id_of(r.get("campaignGroup")), "facets": ",".join(facets)}


def _creative(r: Row) -> Row:
    form = (r.get("leadgenCallToAction") or {}).get("destination")
    return _stringed(r) | {
        "campaign": id_of(r.get("campaign")),
        "form": id_of(form),
        "created": _moment(r.get("createdAt")),
    }


def _post(r: Row) -> Row:
    """The landing page is the post's own, else the first card's or the article's; the kind is that of its medium."""
    content = r.get("content") or {}
    kind = next(iter(content), None)
    media = str((content.get("media") or {}).get("id", "")).split(":")
    cards = (content.get("carousel") or {}).get("cards") or [{}]
    page = r.get("contentLandingPage") or (content.get("article") or {}).get("source") or cards[0].get("landingPage")
    return r | {
        "contentType": media[2] if kind == "media" and len(media) > 2 else kind,
        "landingPage": page,
        "created": _moment(r.get("createdAt")),
    }


def _form(r: Row) -> Row:
    return _stringed(r) | {"created": _moment(r.get("created"))}


def _response(r: Row, questions: Mapping[str, Mapping[int, str]]) -> Row:
    """A response with its answers by the form's questions; urn:li:versionedLeadGenForm:(urn:li:leadGenForm:3162,1)."""
    form = str(r.get("versionedLeadGenFormUrn", "")).rstrip(")").split(",")[0].rsplit(":", 1)[-1]
    answers: dict[str, str] = {}
    other: dict[str, Any] = {}
    for answer in (r.get("formResponse") or {}).get("answers") or []:
        question = questions.get(form, {}).get(answer.get("questionId"), f"question {answer.get('questionId')}")
        details = answer.get("answerDetails") or {}
        text = (details.get("textQuestionAnswer") or {}).get("answer")
        if text is not None and question in t.ANSWERS:
            answers.setdefault(t.ANSWERS[question], text)
        else:
            other[question] = text if text is not None else details
    return r | {
        "form": form, "submitted": _moment(r.get("submittedAt")), "answers": answers,
        "other": json.dumps(other, ensure_ascii=False, sort_keys=True) if other else None,
        "campaign": id_of(((r.get("leadMetadata") or {}).get("sponsoredLeadMetadata") or {}).get("campaign")),
        "creative": id_of((r.get("associatedEntity") or {}).get("associatedCreative")),
    }  # fmt: skip


def _windows(last: date) -> list[tuple[str, date, date]]:
    """Kind, first and last day of the windows that are told up to `last`: short enough for LinkedIn to tell their reach."""
    windows = [("last_7_days", last - timedelta(days=6), last), ("last_28_days", last - timedelta(days=27), last)]
    for _ in range(REACH_MONTHS):
        windows.append(("month", last.replace(day=1), last))
        last = last.replace(day=1) - timedelta(days=1)
    return windows


def _ms(day: date) -> int:
    return int(datetime.combine(day, time(), UTC).timestamp() * 1000)


def _moment(ms: Any) -> Any:
    """Milliseconds since 1970 as an ISO text; what is none stays, and is told as unreadable."""
    if not isinstance(ms, int):
        return ms
    return (datetime.fromtimestamp(ms // 1000, UTC) + timedelta(milliseconds=ms % 1000)).isoformat(
        timespec="milliseconds"
    )


SPEC = SourceSpec(
    name=NAME,
    kind="ads",
    description="LinkedIn Ads, Marketing API",
    owner="marketing",
    tables=t.TABLES,
    provides=frozenset({"ad_platforms", "ad_performance", "ad_reach", "form_submissions"}),
    configured=configured,
    build=build,
    restatement_days=30,
    expected_lag_days=1,
    stale_after_days=3,
)
