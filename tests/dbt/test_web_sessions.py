"""Sessions, conversions and pages of a simulated company: what its visits tell, night after night, and day by day."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingestion import ops, privacy
from ingestion.dbt_profile import write_profile
from ingestion.pipeline import load_source
from ingestion.raw import prepare_tables
from ingestion.registry import get_spec
from ingestion.sandbox.ga4 import write_events
from ingestion.sandbox.store import World
from tests.ingestion.test_ga4_export import House
from tests.sandbox import THROUGH, serving, set_all

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).resolve().parents[2] / "dbt_project"
NIGHT = THROUGH + timedelta(days=1)
DAY = THROUGH - timedelta(days=10)
KEY = "0123456789abcdef0123456789abcdef"
BY_DAY = "config.materialized:by_day"
MODELS = f"{BY_DAY} int_web_conversions__counted fct_web_conversion int_measures__by_period"
TABLES = {
    "marts.fct_session": "session_key",
    "marts.fct_page_daily": "page_day_key",
    "marts.fct_web_conversion": "web_conversion_key",
    "intermediate.int_web_conversions__counted": "web_conversion_key",
    "intermediate.int_sessions__daily": "source_name, channel_key, date_day",
    "intermediate.int_clients__daily": "scope, scope_value, date_day",
    "intermediate.int_measures__by_period": "measure, scope, scope_value, grain, period_start",
    "staging.stg_ga4_export__session_days": "session_key, event_date",
    "staging.stg_ga4_export__key_events": "event_date, event_key",
    "staging.stg_ga4_export__page_days": "event_date, page_host, page",
    "staging.stg_ga4_export__event_counts": "event_date, event_name, consent, exclusion",
}

# Source and medium as the company's visits have them, by the default channel group's rules, worked by hand.
CHANNELS = {
    ("(direct)", "(none)"): "direct",
    ("Facebok", "paid_social"): "paid_other",  # mistyped: no list names it
    ("bing", "cpc"): "paid_search",
    ("bing", "organic"): "organic_search",
    ("bonytt.example", "referral"): "referral",
    ("chatgpt.com", "referral"): "ai_assistant",
    ("facebook", "paid_social"): "paid_social",
    ("facebook", "referral"): "organic_social",
    ("google", "organic"): "organic_search",
    ("instagram.com", "referral"): "organic_social",
    ("linkedin", "paid_social"): "paid_social",
    ("linkedin", "social"): "organic_social",
    ("newsletter", "email"): "email",
    ("tiktok", "paid_social"): "paid_social",
    ("tiktok.com", "referral"): "organic_social",
}
NETWORKS = {
    "search": "paid_search", "shopping": "paid_shopping", "display": "display", "video": "paid_video",
    "performance_max": "cross_network", "demand_gen": "cross_network",
}  # fmt: skip

Rows = dict[tuple[Any, ...], dict[str, Any]]


class Warehouse(House):
    """A house that also builds: each night is the one after the last."""

    night = NIGHT
    project = PROJECT
    log = ""

    def build(self, *args: str) -> dict[str, str]:
        """The next night's dbt; status of every node. Days that came this night were loaded on the night itself."""
        self.night += timedelta(days=1)
        ops.start_run(self.settings, self.night)
        target = self.settings.data_dir / "target"
        done = subprocess.run(
            [
                str(Path(sys.executable).with_name("dbt")), *(args or ("run", "--select", MODELS)),
                "--project-dir", str(self.project), "--profiles-dir", str(write_profile(self.settings)),
                "--target-path", str(target), "--log-path", str(self.settings.data_dir / "logs"),
            ],
            env={**os.environ, "WAREHOUSE_DATA_DIR": str(self.settings.data_dir), "WAREHOUSE_HASH_KEY": KEY,
                 "PYTHONPATH": str(PROJECT.parent)},
            capture_output=True, text=True, check=False, timeout=240,
        )  # fmt: skip
        self.log = done.stdout
        assert done.returncode == 0, done.stdout[-4000:]
        found = json.loads((target / "run_results.json").read_text())["results"]
        return {r["unique_id"].split(".")[2]: r["status"] for r in found}

    def reload(self) -> None:
        """Load what came, on the night that is built next."""
        assert self.load(self.night + timedelta(days=1)).status == "loaded"

    def rows(self, table: str) -> Rows:
        """Rows by key; without when and by which rules they were computed."""
        key = TABLES[table]
        with duckdb.connect(str(self.settings.warehouse_file), read_only=True) as con:
            con.execute("set timezone = 'UTC'")
            found = con.execute(f"select {key}, * from {table}")
            names = [d[0] for d in found.description or []]
            n = key.count(",") + 1
            rows = found.fetchall()
        kept = [i for i, name in enumerate(names) if i >= n and name not in ("built_as_of", "rules_version")]
        result = {row[:n]: {names[i]: row[i] for i in kept} for row in rows}
        assert len(result) == len(rows)
        return result

    def all(self) -> dict[str, Rows]:
        return {table: self.rows(table) for table in TABLES}

    def days_built(self, table: str, day: str) -> set[date]:
        """The days whose rows this night computed."""
        with duckdb.connect(str(self.settings.warehouse_file), read_only=True) as con:
            found = con.execute(f"select distinct {day} from {table} where built_as_of = '{self.night}'").fetchall()
        return {row[0] for row in found}


@pytest.fixture(scope="module")
def world(tiny_company: Path) -> World:
    return World.open(tiny_company)


@pytest.fixture(scope="module")
def web(world: World, tiny_company: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """The whole export and Google Ads, loaded and built. Tests change it night by night, each from where it stands."""
    home = tmp_path_factory.mktemp("web")
    write_events(world, THROUGH + timedelta(days=9), folder=home / "export")  # all late events have come
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("WAREHOUSE_DEMO", "false")
        house = Warehouse(home / "data", home / "export")
        prepare_tables(house.settings)
        ops.start_run(house.settings, NIGHT)
        with serving(tiny_company, NIGHT) as sandbox, pytest.MonkeyPatch.context() as ads:
            set_all(ads, sandbox.environment())
            report = load_source(get_spec("google_ads"), house.settings, NIGHT)
        assert report.status == "loaded", report.message
        monkeypatch.setenv("SOURCES__GA4_EXPORT__FOLDER", str(house.export))
        assert house.load().status == "loaded"
        models = "+fct_session +fct_web_conversion +fct_page_daily +int_measures__by_period"
        house.build("build", "--select", models, "--exclude-resource-types", "unit_test", "test")
        shutil.copy(house.settings.warehouse_file, home / "first.duckdb")
        yield house


@pytest.fixture(scope="module")
def both(web: Warehouse, world: World) -> duckdb.DuckDBPyConnection:
    """The warehouse as first built, beside the visits with consent under their keys, as the table `visits`."""
    con = world.con()
    con.execute("set timezone = 'Europe/Oslo'")
    privacy.install(con, KEY.encode())
    con.execute(f"attach '{web.export.parent / 'first.duckdb'}' as built (read_only)")
    con.execute(
        f"""create temp table visits as select *,
            md5(keyed_hash('ga4_export|client|' || client_id) || '|' || (epoch_us(started_at) // 1000000)) as session_key,
            keyed_hash('ga4_export|client|' || client_id) as client_key
            from world.visits where consent_analytics and date <= '{THROUGH}'"""
    )
    return con


def test_sessions_users_and_views_are_those_of_the_visits(both: duckdb.DuckDBPyConnection) -> None:
    told = """select session_key, client_key, date, started_at, n_page_views, n_page_views > 1 or engagement_ms > 10000,
        consent_ads, device, keyed_hash('ga4_export|' || user_id) from visits order by 1"""
    found = """select session_key, client_key, session_date, started_at, n_page_views, is_engaged,
        case ads_consent when 'granted' then true when 'denied' then false end, device_category, user_key
        from built.marts.fct_session order by 1"""
    expected = both.execute(told).fetchall()
    assert len(expected) > 1000
    assert both.execute(found).fetchall() == expected
    for users in ("date", "1"):
        count = "select {0}, count(distinct {1}) from {2} group by 1 order by 1"
        assert (
            both.execute(
                count.format(users.replace("date", "session_date"), "client_key", "built.marts.fct_session")
            ).fetchall()
            == both.execute(count.format(users, "client_id", "visits")).fetchall()
        )


@pytest.mark.parametrize("grain", ["day", "week", "month", "quarter", "year"])
def test_users_of_a_period_are_its_visitors(both: duckdb.DuckDBPyConnection, grain: str) -> None:
    told = "select date_trunc(?, date)::date, count(distinct client_id) from visits group by 1 order by 1"
    found = """select period_start, value::bigint from built.intermediate.int_measures__by_period
        where measure = 'users' and scope = 'total' and grain = ? order by 1"""
    assert both.execute(found, [grain]).fetchall() == both.execute(told, [grain]).fetchall()


def test_pages_hold_every_view_and_an_entrance_and_exit_of_every_session(
    both: duckdb.DuckDBPyConnection, world: World
) -> None:
    views = f"""select sum(n_page_views), sum(n_page_views) filter (not consent_analytics), count(*) filter (consent_analytics),
        count(*) filter (consent_analytics) from world.visits where date <= '{THROUGH}'"""
    found = "select sum(n_views), sum(n_views_without_consent), sum(n_entrances), sum(n_exits) from built.marts.fct_page_daily"
    assert both.execute(found).fetchall() == both.execute(views).fetchall()
    by_day = "select date_day, sum(n_entrances), sum(n_exits) from built.marts.fct_page_daily group by 1 order by 1"
    assert (
        both.execute(by_day).fetchall()
        == both.execute("select date, count(*), count(*) from visits group by 1 order by 1").fetchall()
    )


def test_every_session_has_the_channel_of_what_brought_it(both: duckdb.DuckDBPyConnection) -> None:
    clicks = dict(
        both.execute(
            """select click_id, (any_value(campaign_type), any_value(invalid_date) is not null) from world.ad_clicks
            inner join world.ad_campaigns using (platform, account_id, campaign_id)
            where platform = 'google_ads' group by 1"""
        ).fetchall()
    )
    names = Counter(
        name
        for (name,) in both.execute(
            """select arg_max(name, valid_from) from world.ad_campaigns where platform = 'google_ads'
            group by account_id, campaign_id"""
        ).fetchall()
    )
    rows = both.execute(
        """select source, medium, campaign, click_id, channel_key, is_network_assumed, is_direct, is_ai_by_own_list,
            gclid_hash is not distinct from keyed_hash(case when contains(landing_url, 'gclid=') then click_id end)
        from visits left join (select * exclude (source, medium, campaign) from built.marts.fct_session) using (session_key)"""
    ).fetchall()
    wrong: Counter[Any] = Counter()
    seen = set()
    for source, medium, campaign, click_id, channel, assumed, direct, ai, same_click in rows:
        unknown = False
        if (source, medium) == ("google", "cpc"):
            campaign_type, invalid = clicks[click_id]
            # Google takes invalid clicks out of its records; the campaign may have another name by now
            unknown = invalid and names[campaign] != 1
            expected = "paid_search" if unknown else NETWORKS[campaign_type]
        elif (source, medium) == ("bing", "cpc") and "shopping" in campaign.lower():
            expected = "paid_shopping"
        else:
            expected = CHANNELS[source, medium]
        seen.add(expected)
        good = (expected, unknown, expected == "direct", expected == "ai_assistant", True)
        if (channel, assumed, direct, ai, same_click) != good:
            wrong[source, medium, campaign, good, (channel, assumed, direct, ai, same_click)] += 1
    assert not wrong, wrong.most_common(5)
    assert {"paid_search", "paid_shopping", "cross_network", "display", "direct", "ai_assistant"} <= seen


def test_a_direct_session_is_credited_to_its_clients_latest_source(both: duckdb.DuckDBPyConnection) -> None:
    latest: dict[str, str] = {}
    expected = {}
    for client, session, source in both.execute(
        "select client_id, session_key, source from visits order by client_id, started_at, session_key"
    ).fetchall():  # 20 days: none lies beyond the look-back
        if source != "(direct)":
            latest[client] = session
        expected[session] = latest.get(client, session)
    found = both.execute("select session_key, last_non_direct_session_key from built.marts.fct_session").fetchall()
    assert dict(found) == expected
    assert sum(session != credit for session, credit in found) > 10


def test_conversions_and_their_revenue_are_those_of_the_visits(both: duckdb.DuckDBPyConnection) -> None:
    told = f"""
        select case when consent_analytics then md5(keyed_hash('ga4_export|client|' || client_id) || '|'
            || (epoch_us(started_at) // 1000000)) end as session_key, event_name, transaction_id, revenue
        from (
            select *, 'purchase' as event_name, order_id as transaction_id, ((amount_ore - shipping_ore) / 125.0)::decimal(18, 2)
                as revenue
            from world.visits inner join (select order_id, amount_ore, shipping_ore from world.orders) using (order_id)
            union all by name select *, 'sign_up' as event_name from world.visits where has_sign_up
            union all by name select *, 'generate_lead' as event_name from world.visits where has_lead
        ) where date <= '{THROUGH}' order by all"""
    found = """select session_key, event_name, transaction_id, revenue::decimal(18, 2) from built.marts.fct_web_conversion
        order by all"""
    expected = both.execute(told).fetchall()
    assert {row[1] for row in expected} == {"purchase", "sign_up", "generate_lead"}
    assert both.execute(found).fetchall() == expected
    channels = """select count(*) from built.marts.fct_web_conversion as conversions
        left join built.marts.fct_session as sessions using (session_key)
        where conversions.channel_key <> coalesce(sessions.channel_key, 'missing')"""
    assert both.execute(channels).fetchall() == [(0,)]


def _one_more_view(web: Warehouse) -> tuple[str, int]:
    """Write DAY anew with one session's page view a second time, a millisecond later; gives its client and session id."""
    number = "list_filter(event_params, p -> p.key = 'ga_session_id')[1].value.int_value"
    client, session, n = duckdb.execute(
        f"""select user_pseudo_id, {number}, n from (select *, row_number() over () as n from '{web.file(DAY)}')
            where event_name = 'page_view' and user_pseudo_id is not null order by 1, 2, 3 limit 1"""
    ).fetchall()[0]
    fresh = web.export / "fresh"
    held = f"(select *, row_number() over () as n from '{web.file(DAY)}')"
    duckdb.execute(
        f"""copy (select * exclude (n) from {held} union all by name
            select * exclude (n) replace (event_timestamp + 1000 as event_timestamp) from {held} where n = {n})
            to '{fresh}' (format parquet)"""
    )
    fresh.replace(web.file(DAY))
    return str(client), int(session)


def _key(client: str, session: int) -> str:
    with duckdb.connect() as con:
        privacy.install(con, KEY.encode())
        return str(
            con.execute("select md5(keyed_hash(?) || ?)", [f"ga4_export|client|{client}", f"|{session}"]).fetchall()[0][
                0
            ]
        )


def test_a_late_event_changes_its_session_alone_and_computes_the_days_around_it(web: Warehouse) -> None:
    before = web.rows("marts.fct_session")
    key = (_key(*_one_more_view(web)),)
    web.reload()
    web.build()
    after = web.rows("marts.fct_session")
    assert after.keys() == before.keys()
    assert {k for k in after if after[k] != before[k]} == {key}
    changed = {name for name, value in after[key].items() if before[key][name] != value}
    assert {"n_events", "n_page_views"} <= changed <= {"n_events", "n_page_views", "engagement_time_msec", "ended_at"}
    assert after[key]["n_page_views"] == before[key]["n_page_views"] + 1
    assert web.days_built("staging.stg_ga4_export__session_days", "event_date") == {DAY}
    reach = {DAY + timedelta(days=n) for n in range(-7, (THROUGH - DAY).days + 1)}
    assert web.days_built("marts.fct_session", "property_date") == reach
    assert web.days_built("intermediate.int_clients__daily", "date_day") == reach


def test_an_emptied_day_loses_its_sessions_and_days_give_what_all_history_gives(web: Warehouse) -> None:
    gone = DAY + timedelta(days=3)
    before = web.rows("marts.fct_session")
    assert any(row["property_date"] == gone for row in before.values())
    # an order of a day that nothing else computes anew is told once more, ten days later and in another browser
    old, again = DAY - timedelta(days=5), DAY + timedelta(days=5)
    fresh = web.export / "fresh"
    moved = f"""select * replace (event_timestamp + 10 * 86400000000 as event_timestamp, '{again:%Y%m%d}' as event_date,
        user_pseudo_id || 'x' as user_pseudo_id) from '{web.file(old)}'
        where event_name = 'purchase' and user_pseudo_id is not null order by event_timestamp limit 1"""
    duckdb.execute(
        f"copy (select * from '{web.file(again)}' union all by name ({moved})) to '{fresh}' (format parquet)"
    )
    fresh.replace(web.file(again))
    web.rewrite("* exclude (n)", "false", day=gone)
    web.reload()
    web.build()
    after = web.all()
    sessions = after["marts.fct_session"]
    assert {k for k, row in before.items() if k not in sessions} == {
        k for k, row in before.items() if row["property_date"] == gone
    }
    assert [row["property_date"] for k, row in sessions.items() if k not in before] == [again]
    twice = [row for row in after["marts.fct_web_conversion"].values() if row["n_events"] > 1]
    assert [(row["converted_date"], row["n_events"]) for row in twice] == [(old, 2)]
    web.build("run", "--full-refresh", "--select", MODELS)
    whole = web.all()
    for table, rows in whole.items():
        assert rows == after[table], table


def test_another_look_back_computes_all_history_anew(web: Warehouse) -> None:
    before = web.rows("marts.fct_session")
    web.build("run", "--select", BY_DAY, "--vars", "web_lookback_days: 0")
    after = web.rows("marts.fct_session")
    days = {row["property_date"] for row in after.values()}
    assert web.days_built("marts.fct_session", "property_date") == days
    assert web.days_built("staging.stg_ga4_export__session_days", "event_date") == days
    assert any(row["last_non_direct_session_key"] != key[0] for key, row in before.items())
    assert all(row["last_non_direct_session_key"] == key[0] for key, row in after.items())


def test_other_code_of_what_sessions_stand_on_computes_all_history_anew(web: Warehouse, tmp_path: Path) -> None:
    web.project = tmp_path / "dbt_project"
    shutil.copytree(PROJECT, web.project, ignore=shutil.ignore_patterns("target", "logs"))
    staging = web.project / "models" / "staging" / "ga4_export" / "stg_ga4_export__session_days.sql"
    staging.write_text(staging.read_text() + "\n-- other code\n")
    web.build("run", "--select", BY_DAY)
    days = {row["property_date"] for row in web.rows("marts.fct_session").values()}
    assert web.days_built("marts.fct_session", "property_date") == days
    assert web.days_built("marts.fct_page_daily", "date_day") >= days
    web.build("run", "--select", BY_DAY)
    assert web.days_built("marts.fct_session", "property_date") == set()  # the same code again: nothing to do
