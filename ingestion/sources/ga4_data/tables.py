"""The raw tables of GA4's Data API, and the report behind each: dimensions and metrics asked for, column by column.

Users and sessions are not additive over days or dimensions, so each grain is a report of its own. Words and counts are Google's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from ingestion.arrow import Wire
from ingestion.spec import Column, ColumnType, Table

# A column: name, type, field: what it means.
_FIELDS = """
session_source text sessionSource: where the session came from, by the property's last-click rule; (direct), (not set)
session_medium text sessionMedium: its medium; (none) of direct sessions
session_campaign text sessionCampaignName: its campaign; (direct), (organic), (referral), (not set)
default_channel_group text sessionDefaultChannelGroup: Google's channel of the session
landing_page text landingPage: path of the session's first page, without query
event_name text eventName: the event
sessions bigint sessions: sessions that began or went on
engaged_sessions bigint engagedSessions: of these, longer than 10 seconds, with two views or a key event
total_users bigint totalUsers: users with any event; not additive over days or dimensions
new_users bigint newUsers: users seen for the first time
key_events decimal keyEvents: events marked as key events
transactions bigint transactions: purchases by their id
purchase_revenue decimal purchaseRevenue: of purchases, in `currency`, as the tag sent it
event_count bigint eventCount: events
"""
_SESSIONS = "sessions engaged_sessions total_users new_users key_events transactions purchase_revenue"
# name, the period of a row and its dimension, the row's other dimensions | metrics: what it holds
_TABLES = f"""
property_daily date | {_SESSIONS} event_count: The property by day.
traffic_daily date session_source session_medium session_campaign default_channel_group | {_SESSIONS}: Sessions by day and where they came from.
landing_page_daily date landing_page | {_SESSIONS}: Sessions by day and the page they began on.
event_daily date event_name | event_count key_events total_users: Events by day and name.
property_weekly isoYearIsoWeek | sessions engaged_sessions total_users new_users: The property by whole ISO week, asked as such: users of a week are no sum of days.
property_monthly yearMonth | sessions engaged_sessions total_users new_users: The property by whole month, asked as such: users of a month are no sum of days.
"""  # noqa: E501
_DAYS = {
    "date": "the property's own day",
    "isoYearIsoWeek": "the week's last day, a Sunday",
    "yearMonth": "the month's last day",
}
_FLAGS = (
    Column("currency", "text", "of every amount, ISO 4217"),
    Column("time_zone", "text", "of every day, IANA name"),
    Column("is_other_row", "bool", "a dimension is (other): values that were too many to be told apart"),
    Column("has_data_loss", "bool", "the request's answer has rows rolled up into (other)"),
    Column("is_thresholded", "bool", "the request's answer may withhold rows of few users"),
    Column("is_sampled", "bool", "the request's answer is scaled up from a sample"),
    Column("samples_read", "bigint", "events that the sample read; null: not sampled"),
    Column("sampling_space", "bigint", "events that it stands for; null: not sampled"),
)
_DELETED = Column("_deleted", "bool", "marks of emptied days; never true in raw", hard_delete=True)


@dataclass(frozen=True)
class Report:
    """A raw table and what is asked for it. The period comes first among the dimensions."""

    table: Table
    period: str  # date, isoYearIsoWeek or yearMonth
    dimensions: tuple[str, ...]
    metrics: tuple[str, ...]
    wire: dict[str, str | Wire]


def _reports() -> dict[str, Report]:
    columns: dict[str, tuple[Column, str]] = {}
    for line in _FIELDS.strip().splitlines():
        what, meaning = line.split(": ", 1)
        name, kind, asked = what.split()
        columns[name] = (Column(name, cast(ColumnType, kind), meaning), asked)
    reports = {}
    for line in _TABLES.strip().splitlines():
        what, description = line.split(": ", 1)
        left, right = what.split(" | ")
        (name, period, *dimensions), metrics = left.split(), right.split()
        day = ("account_id", "date_day")
        table = Table(
            name,
            (
                Column("account_id", "text", "the property"),
                Column("date_day", "date", _DAYS[period]),
                *(columns[n][0] for n in (*dimensions, *metrics)),
                *_FLAGS,
                _DELETED,
            ),
            (*day, *dimensions),
            day,
            description,
            "date_day",
            "web_aggregates" if name == "property_daily" else "",
        )
        wire: dict[str, str | Wire] = {"date_day": "dimensionValues.0.value"}
        wire |= {n: f"dimensionValues.{i}.value" for i, n in enumerate(dimensions, 1)}
        wire |= {n: f"metricValues.{i}.value" for i, n in enumerate(metrics)}
        names = tuple(columns[n][1] for n in dimensions)
        reports[name] = Report(table, period, (period, *names), tuple(columns[n][1] for n in metrics), wire)
    return reports


REPORTS = _reports()
