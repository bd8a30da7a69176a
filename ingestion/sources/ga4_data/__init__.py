"""GA4's Data API v1beta: a property's own reports by day, and its users by whole week and month. runReport, paged by offset.

These are Google's aggregates: modelled where consent is missing, and neither sums of our sessions nor of each other. Attribution and
late events change them for up to 12 days: each night pulls these again.
"""

from __future__ import annotations

import calendar
import contextlib
import threading
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from ingestion.ads import Pull, Reports, setting, setting_list
from ingestion.arrow import Reject, from_rows
from ingestion.errors import SourceError
from ingestion.http import google_client, unsigned
from ingestion.settings import Settings
from ingestion.sources.ga4_data.tables import REPORTS, Report
from ingestion.spec import REJECTS, Configuration, LoadContext, SourceSpec

if TYPE_CHECKING:
    import pyarrow as pa
    from dlt.extract import DltSource

BASE_URL = "https://analyticsdata.googleapis.com"
PAGE_SIZE = 100_000  # the API gives at most 250,000 rows of a request
NEXT_STEPS = {
    "UNAUTHENTICATED": "the token is not accepted; grant access anew and set SOURCES__GA4_DATA__REFRESH_TOKEN",
    "PERMISSION_DENIED": "give the user Viewer access to the property, or correct SOURCES__GA4_DATA__PROPERTIES; ids are digits",
    "RESOURCE_EXHAUSTED": "the property's quota is used up; the next night goes on where this one stopped",
    "INVALID_ARGUMENT": "GA4 no longer knows what is asked for; is there a newer version of this source?",
}


def configured(settings: Settings) -> Configuration:
    if missing := unsigned("ga4_data"):
        return Configuration(False, missing)
    if properties := setting_list("ga4_data", "properties"):
        return Configuration(True, f"properties {', '.join(properties)}")
    return Configuration(False, "no properties; set SOURCES__GA4_DATA__PROPERTIES to their ids, with commas")


def envelope(body: Any) -> tuple[str, str] | None:
    """Google's error: its status word and message."""
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return None
    return str(error.get("status", error.get("code"))), str(error.get("message", ""))


def retry_hint(body: Any, headers: Mapping[str, str]) -> float | None:
    """Seconds until tokens return; what lasts longer than a moment is left for the next night."""
    code, message = envelope(body) or ("", "")
    if code != "RESOURCE_EXHAUSTED":
        return None
    return {" per day": 86400.0, " per hour": 3600.0}.get(
        next((w for w in (" per day", " per hour") if w in message), "")
    )


def last_day(period: str, value: str) -> date:
    """Last day of an ISO week "202647" or a month "202611". Raises ValueError."""
    year, number = int(value[:4]), int(value[4:])
    if period == "isoYearIsoWeek":
        return date.fromisocalendar(year, number, 7)
    return date(year, number, calendar.monthrange(year, number)[1])


def whole_periods(period: str, start: date, end: date) -> tuple[date, date] | None:
    """First and last day of the days, weeks or months whose last day lies in start..end; None when there are none."""
    if period == "date":
        return start, end
    if period == "isoYearIsoWeek":
        first, last = start - timedelta(days=start.weekday()), end - timedelta(days=end.isoweekday() % 7)
    else:
        over = (end + timedelta(days=1)).day == 1
        first, last = start.replace(day=1), end if over else end.replace(day=1) - timedelta(days=1)
    return (first, last) if first <= last else None


class _Google:
    """Asks properties for reports; one whose quota is used up is not asked again in this run."""

    def __init__(self) -> None:
        name = SPEC.name
        self._client = google_client(
            name,
            BASE_URL,
            envelope=envelope,
            next_steps=NEXT_STEPS,
            retry_hint=retry_hint,
            timeout=180.0,
        )
        self._size = int(setting(name, "page_size", PAGE_SIZE))
        self._used_up: dict[str, SourceError] = {}
        self._lock = threading.Lock()

    def ask(self, property_id: str, body: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """The answers of a report, page by page. Raises SourceError."""
        offset, total = 0, 1
        while offset < total:
            answer = self._page(
                property_id, {**body, "limit": self._size, "offset": offset, "returnPropertyQuota": True}
            )
            n_rows, total = len(answer.get("rows") or ()), int(answer.get("rowCount") or 0)
            if (offset + n_rows < total and n_rows == 0) or (n_rows and not total):
                raise SourceError(
                    SPEC.name, f"a page at row {offset} has {n_rows} rows of {total}; did the API change?"
                )
            offset += n_rows
            yield answer

    def _page(self, property_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        with self._lock:
            if error := self._used_up.get(property_id):
                raise error
        try:
            answer: dict[str, Any] = self._client.call("POST", f"v1beta/properties/{property_id}:runReport", json=body)
        except SourceError as e:
            if e.code == "RESOURCE_EXHAUSTED":
                self._stop(property_id, e)
            raise
        left = ((answer.get("propertyQuota") or {}).get("tokensPerDay") or {}).get("remaining")
        if left == 0:
            text = "the property's tokens of the day are used up (tokensPerDay 0)"
            self._stop(property_id, SourceError(SPEC.name, f"{text}; {NEXT_STEPS['RESOURCE_EXHAUSTED']}"))
        return answer

    def _stop(self, property_id: str, error: SourceError) -> None:
        with self._lock:
            self._used_up.setdefault(property_id, error)


def build(context: LoadContext) -> DltSource:
    """Tables of SPEC for one run."""
    google = _Google()
    properties = [p.removeprefix("properties/") for p in setting_list(SPEC.name, "properties")]
    reports = Reports(SPEC, context)

    def resource(report: Report) -> Any:
        def fetch(pull: Pull, reject: Reject) -> Iterator[pa.Table]:
            days = whole_periods(report.period, pull.start, pull.end)
            assert days is not None  # see `due`
            body = {
                "dateRanges": [{"startDate": days[0].isoformat(), "endDate": days[1].isoformat()}],
                "dimensions": [{"name": n} for n in report.dimensions],
                "metrics": [{"name": n} for n in report.metrics],
                # pages fit together only in an order without ties
                "orderBys": [{"dimension": {"dimensionName": n}} for n in report.dimensions],
            }
            n_before = 0
            for answer in google.ask(pull.account_id, body):
                table = page(report, pull.account_id, answer, _from(n_before, reject))
                n_before += len(answer.get("rows") or ())
                yield table

        def due(pull: Pull) -> bool:
            return whole_periods(report.period, pull.start, pull.end) is not None

        return reports.daily(report.table, properties, fetch, due=due)

    return reports.source(resource(r) for r in REPORTS.values())


def _from(n_before: int, reject: Reject) -> Reject:
    """Positions counted from the report's first row: pages have no name of their own in the rejects."""
    return lambda position, column, reason, row: reject(n_before + position, column, reason, row)


def page(report: Report, property_id: str, answer: Mapping[str, Any], reject: Reject) -> pa.Table:
    """Rows of one answer as Arrow. Raises SourceError when the answer is not of the report's shape."""
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = answer.get("rows") or []
    if rows:
        _check(report, answer)
    if report.period != "date":
        for row in rows:
            value = row["dimensionValues"][0]
            with contextlib.suppress(ValueError, TypeError):  # else it stays as it came, and is rejected as no date
                value["value"] = last_day(report.period, value["value"]).isoformat()
    about = answer.get("metadata") or {}
    samples = about.get("samplingMetadatas") or []
    constants = {
        "account_id": property_id,
        "currency": about.get("currencyCode"),
        "time_zone": about.get("timeZone"),
        "has_data_loss": bool(about.get("dataLossFromOtherRow")),
        "is_thresholded": bool(about.get("subjectToThresholding")),
        "is_sampled": bool(samples),
        "samples_read": sum(int(s["samplesReadCount"]) for s in samples) if samples else None,
        "sampling_space": sum(int(s["samplingSpaceSize"]) for s in samples) if samples else None,
    }
    required = list(report.wire)  # GA4 leaves no value out: a null is a row that cannot be read
    found = from_rows(report.table, report.wire, rows, constants=constants, required=required, reject=reject)
    is_other = pa.array([False] * found.num_rows, pa.bool_())
    for name in report.table.row_key[2:]:
        is_other = pc.or_(is_other, pc.equal(found[name].combine_chunks(), "(other)"))
    return found.set_column(found.column_names.index("is_other_row"), found.schema.field("is_other_row"), is_other)


def _check(report: Report, answer: Mapping[str, Any]) -> None:
    """Values are told by their place alone, so the headers must be what was asked for."""
    for what, asked in (("dimension", report.dimensions), ("metric", report.metrics)):
        got = tuple(h.get("name") for h in answer.get(f"{what}Headers") or ())
        if got != asked:
            raise SourceError(SPEC.name, f"asked for {what}s {', '.join(asked)}, got {got}; did the API change?")
        if not any(isinstance(row, dict) and row.get(f"{what}Values") for row in answer["rows"]):
            raise SourceError(SPEC.name, f"no row of the answer has {what}Values; did the API change?")


SPEC = SourceSpec(
    name="ga4_data",
    kind="analytics",
    description="GA4's Data API: a property's own reports, API v1beta",
    owner="marketing",
    tables=(*(r.table for r in REPORTS.values()), REJECTS),
    provides=frozenset({"web_aggregates"}),
    configured=configured,
    build=build,
    restatement_days=12,
    expected_lag_days=2,
    stale_after_days=4,
)
