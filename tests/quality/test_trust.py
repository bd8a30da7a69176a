"""The suites of the reports of trust and of consent, red by planted faults."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from ingestion.settings import Settings
from quality.run import run_marts
from quality.suites import load_suites
from tests.quality.conftest import AS_OF

Execute = Callable[[str], None]

TIMES = """false as has_stale_source, date '2026-10-04' as window_start_date, date '2026-10-31' as window_end_date,
    date '2026-11-01' as as_of_date"""
SOUND = {
    "fct_consent_daily": """
        select md5(purpose || range) as consent_key, purpose, 100 as n_shown, 60 as n_accepted, 30 as n_denied, 10 as n_closed,
            0.6::decimal(24, 6) as accept_share, date '2026-10-01' + range::int as date_day, 'files' as source_name, 'c' as source_system
        from range(20), (values ('analytics'), ('ads')) as purposes (purpose)""",
    "rpt_web_coverage": f"""
        select md5(what) as coverage_key, null::varchar as property_id, null::varchar as platform, null::varchar as purpose, what, unit,
            value::decimal(24, 6) as value, days as value_text, day as value_date, n::decimal(24, 6) as numerator,
            d::decimal(24, 6) as denominator, state, reason as unknown_reason, ok as is_as_wanted, 1::decimal(24, 6) as coverage, {TIMES},
            'ga4_export' as source_name
        from (values
            ('consent_share', 'share', 0.6, null, null, 60, 100, 'known', null, true),
            ('visits_per_ad_click', 'ratio', null, null, null, 0, null, 'unknown', 'no clicks', null),
            ('days_visits_not_seen', 'days', 2, '2026-09-01, 2026-09-02', date '2026-09-02', 2, 90, 'known', null, false)
        ) as rows (what, unit, value, days, day, n, d, state, reason, ok)""",
    "rpt_conversion_bridge": f"""
        select md5(step || p) as bridge_key, 'google_ads' as platform, 'purchase' as conversion_kind, 'mature' as period, step,
            if(p in (8, 15), 'unexplained', 'c' || p) as component, p::int as position, 100::decimal(24, 6) as platform_conversions,
            60::decimal(24, 6) as web_conversions, 70::decimal(24, 6) as own_conversions,
            (case p when 1 then -30 when 8 then -10 when 9 then 10 else 0 end)::decimal(24, 6) as difference,
            if(p in (1, 8, 9), 'known', 'zero') as state, null::varchar as unknown_reason, 1::decimal(24, 6) as coverage,
            'mature' as maturity, {TIMES}
        from (select p, if(p <= 8, 'platform_to_web', 'web_to_records') as step from range(1, 16) as positions (p))""",
    "rpt_session_parity": f"""
        select md5(channel || verdict) as parity_key, channel as channel_key, source as ga4_source, null::varchar as ga4_medium, verdict,
            'same' as reason, n::bigint as n_sessions, (n / 200)::decimal(24, 6) as session_share, 0::bigint as n_with_channel_group,
            null::bigint as n_same_channel_group, reason as unknown_reason, 1::decimal(24, 6) as coverage, {TIMES},
            'ga4_export' as source_name
        from (values ('email', 'a', 'agrees', 180, null), ('direct', 'b', 'differs', 10, null),
            ('direct', null, 'unknown', 10, 'not exported')) as rows (channel, source, verdict, n, reason)""",
}
FAULTS = [
    ("fct_consent_daily", "n_denied = -1 where purpose = 'ads'", {"counts_not_negative": "critical"}),
    ("fct_consent_daily", "n_closed = -1 where purpose = 'ads'", {"answers_within_shown": "warning"}),
    ("fct_consent_daily", "date_day = '2027-01-01' where purpose = 'ads'", {"day_is_over": "warning"}),
    ("fct_consent_daily", "consent_key = 'k'", {"consent_key_unique": "critical"}),
    ("rpt_web_coverage", "unknown_reason = null", {"unknown_has_reason": "critical"}),
    ("rpt_web_coverage", "state = 'zeroish' where unit = 'share'", {"state_in_set": "critical"}),
    ("rpt_web_coverage", "coverage = 2", {"coverage_in_range": "critical"}),
    (
        "rpt_web_coverage",
        "value = 1.2 where unit = 'share'",
        {"shares_within_one": "critical", "value_agrees_with_its_parts": "critical"},
    ),
    ("rpt_web_coverage", "value = 0.61 where unit = 'share'", {"value_agrees_with_its_parts": "critical"}),
    ("rpt_web_coverage", "is_as_wanted = false where unit = 'share'", {"as_wanted": "warning"}),
    ("rpt_web_coverage", "value_date = '2026-10-25' where unit = 'days'", {"no_breakdown_of_tracking": "warning"}),
    ("rpt_web_coverage", "as_of_date = '2026-10-31'", {"as_of_is_tonight": "critical"}),
    ("rpt_conversion_bridge", "difference = 11 where position = 9", {"bridges_add_up": "critical"}),
    (
        "rpt_conversion_bridge",
        "web_conversions = 61 where position > 8",
        {"one_set_of_figures_a_bridge": "critical", "bridges_add_up": "critical"},
    ),
    (
        "rpt_conversion_bridge",
        "difference = if(position = 8, -60, 20) where position in (1, 8)",
        {"mature_purchases_are_mostly_explained": "warning"},
    ),
    ("rpt_session_parity", "unknown_reason = null", {"unknown_has_reason": "critical"}),
    ("rpt_session_parity", "session_share = 0.5 where channel_key = 'email'", {"shares_add_up": "critical"}),
    ("rpt_session_parity", "n_with_channel_group = 999", {"counts_within_sessions": "critical"}),
    ("rpt_session_parity", "verdict = 'differs' where channel_key = 'email'", {"mostly_agrees": "warning"}),
    ("rpt_session_parity", "verdict = 'maybe' where channel_key = 'email'", {"verdict_in_set": "critical"}),
]  # fmt: skip


def red(settings: Settings, name: str) -> dict[str, str]:
    suites = load_suites()
    only = replace(suites, marts={k: s for k, s in suites.marts.items() if s.relation == f"marts.{name}"})
    return {r.check: r.severity for r in run_marts(settings, AS_OF, suites=only) if r.status != "passed"}


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_mart_passes(settings: Settings, warehouse: Execute, name: str) -> None:
    warehouse(f"create table marts.{name} as {SOUND[name]}")
    assert red(settings, name) == {}


@pytest.mark.parametrize(("name", "fault", "seen"), FAULTS)
def test_a_fault_turns_its_check_red(
    settings: Settings, warehouse: Execute, name: str, fault: str, seen: dict[str, str]
) -> None:
    warehouse(f"create table marts.{name} as {SOUND[name]}")
    warehouse(f"update marts.{name} set {fault}")
    assert red(settings, name) == seen
