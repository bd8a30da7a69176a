"""The audit of tags against the simulated company's truth: what was tagged wrongly on purpose is found, and nothing else.

The company's visits and ads stand in for the models before the audit: those have tests of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import duckdb
import pytest

from ingestion import ops
from ingestion.raw import prepare_tables
from ingestion.sandbox.store import World
from ingestion.settings import Settings
from tests.dbt.test_marts_on_small_data import KEY, dbt, failed
from tests.sandbox import SEED, THROUGH

pytestmark = pytest.mark.slow

CAMPAIGN_KEY = "md5(platform || '|,' || account_id || '|,' || campaign_id)"
AD_KEY = "md5(platform || '|,' || account_id || '|,' || ad_id)"
CHANNEL = "case when platform in ('google_ads', 'microsoft_ads') then 'paid_search' else 'paid_social' end"
STANDINS = {
    "fct_session": f"""
        select
            visit_id as session_key, client_id as client_key, date as property_date, true as is_engaged, false as is_new_client,
            source, medium, campaign, coalesce(regexp_extract(landing_url, '[?].*'), '') as landing_location,
            case when source like '(%' then 'none' when contains(source, '.') then 'referrer' else 'tags' end as traffic_basis,
            case when contains(landing_url, 'utm_') then 'of its tags' else 'organic_social' end as channel_key,
            case when contains(source, '.') then source end as referrer_host, false as is_network_assumed,
            {", ".join(f"case when contains(landing_url, '{c}=') then click_id end as {c}_hash"
                       for c in ("gclid", "gbraid", "wbraid", "fbclid", "msclkid", "ttclid", "li_fat_id"))},
            null::varchar as campaign_key
        from company.visits where consent_analytics""",
    "dim_campaign": rf"""
        select {CAMPAIGN_KEY} as campaign_key, platform, campaign_id, name as campaign_name, {CHANNEL} as channel_key,
            regexp_matches(name, '^[A-Z]{{2}}_[a-z]+_[a-z-]+_[^_]+_20[0-9]{{4}}$') as is_name_conventional
        from company.ad_campaigns qualify row_number() over (partition by platform, campaign_id order by valid_from desc) = 1""",
    "fct_ad_performance_daily": f"""
        select {CAMPAIGN_KEY} as campaign_key, {AD_KEY} as ad_key, platform, date as date_day, impressions,
            cost_micros::decimal(18, 0) * 0.000001::decimal(6, 6) as cost, cost as cost_reporting
        from company.ad_delivery""",
    "dim_ad": f"select distinct {AD_KEY} as ad_key, name as ad_name from company.ads",
    "rpt_source_status": "select null::varchar as source_name, false as is_stale where false",
    "int_ad_creatives__unioned": """
        select platform as source_name, account_id, campaign_id, ad_group_id, ad_id, name as ad_name, format as ad_format, status,
            final_url, headline, created_date, valid_from::timestamp as valid_from,
            lead(valid_from::timestamp) over (partition by platform, ad_id order by valid_from) as valid_to
        from company.ads""",
    "int_web_days__unioned": """
        select distinct 'ga4_export' as source_name, date as event_date, true as is_loaded from company.visits""",
}  # fmt: skip


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse with its audit, and the company's world and truth beside it."""
    settings = Settings(_env_file=None, data_dir=tmp_path_factory.mktemp("data"), hash_key=KEY)  # type: ignore[call-arg]
    prepare_tables(settings)
    ops.start_run(settings, THROUGH + timedelta(days=1))
    world = World.create_or_extend(tmp_path_factory.mktemp("company"), "tiny", SEED, THROUGH)
    company = settings.data_dir / "company.duckdb"
    with world.con() as con:
        con.execute(f"attach '{company}' as made")
        for table in ("world.visits", "world.ads", "world.ad_campaigns", "world.ad_delivery", "truth.planted_errors"):
            con.execute(f"create table made.{table.split('.')[1]} as from {table}")
        con.execute("detach made")
    with duckdb.connect(str(settings.warehouse_file)) as con:
        con.execute(f"attach '{company}' as company (read_only)")
        for name, query in STANDINS.items():
            schema = "intermediate" if name.startswith("int_") else "marts"
            con.execute(f"create schema if not exists {schema}; create table {schema}.{name} as {query}")
    seeds = ("channels", "known_sources", "tagging_words", "ad_platform_tags")
    models = ("dim_channel", "int_ad_creatives__current", "int_tagged_values", "rpt_utm_audit")
    assert not failed(
        dbt(settings, "build", "--exclude-resource-types", "unit_test", "test", "--select", *seeds, *models)
    )
    with duckdb.connect(str(settings.warehouse_file), read_only=True) as con:
        con.execute(f"attach '{company}' as company (read_only)")
        yield con


def test_each_link_that_was_mis_tagged_on_purpose_is_found_with_its_spend_and_no_other_is_grave(
    audited: duckdb.DuckDBPyConnection,
) -> None:
    truth = audited.execute(
        rf"""
        with links as (
            select platform, ad_id, any_value(final_url) as url, {CHANNEL} as channel_key,
                nullif(regexp_extract(url, 'utm_source=([^&]*)', 1), '') as source,
                nullif(regexp_extract(url, 'utm_medium=([^&]*)', 1), '') as medium,
                url_decode(nullif(regexp_extract(url, 'utm_campaign=([^&]*)', 1), '')) as campaign
            from company.ads group by platform, ad_id
        ),
        spent as (select ad_id, sum(cost_micros) as cost_micros from company.ad_delivery group by ad_id)
        select source, medium, campaign, links.platform, channel_key, sum(cost_micros)::bigint
        from company.planted_errors join links on ad_id = entity_id join spent using (ad_id)
        where kind = 'mis_tagged_link' group by all order by all"""
    ).fetchall()
    found = audited.execute(
        """select tagged_source, tagged_medium, tagged_campaign, platform, correct_channel_key, (spend_at_stake * 1000000)::bigint
        from marts.rpt_utm_audit where severity = 'high' order by all"""
    ).fetchall()
    assert {platform for _, _, _, platform, _, _ in truth} == {
        "microsoft_ads",
        "meta_ads",
        "linkedin_ads",
        "tiktok_ads",
    }
    assert found == truth


def test_each_finding_names_its_kind_and_the_tags_that_lead_right(audited: duckdb.DuckDBPyConnection) -> None:
    found = audited.execute(
        """select problem, coalesce(tagged_source || '/' || tagged_medium, click_id), suggested_source || '/' || suggested_medium,
            sessions > 0, is_certain from marts.rpt_utm_audit where severity = 'high' order by all"""
    ).fetchall()
    assert found == [
        ("misspelt_source", "Facebok/paid_social", "facebook/paid_social", True, True),
        ("paid_as_organic", "facebook/referral", "facebook/paid_social", True, True),
        ("paid_as_organic", "linkedin/social", "linkedin/paid_social", True, True),
        ("untagged_ad_click", "msclkid", "bing/cpc", True, True),
        ("untagged_ad_click", "ttclid", "tiktok/paid_social", True, True),
    ]


def test_the_campaign_whose_name_breaks_the_convention_is_told(audited: duckdb.DuckDBPyConnection) -> None:
    broken = audited.execute(
        """select lower(name) from company.ad_campaigns join company.planted_errors on campaign_id = entity_id
        where kind = 'naming_broken' group by all"""
    ).fetchall()
    told = audited.execute(
        """select distinct lower(tagged_campaign) from marts.rpt_utm_audit
        where problem = 'unconventional_campaign' and spend_basis is not null"""
    ).fetchall()
    assert len(broken) == 1
    assert told == broken
