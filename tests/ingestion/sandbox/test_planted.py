"""Every planted error is in the world's own data, where a careful reader can find it."""

from __future__ import annotations

from typing import Any

from ingestion.sandbox.store import World

KINDS = {
    "renamed_campaign", "deleted_campaign", "naming_broken", "budget_cap_breach", "mis_tagged_link", "worn_out_creative",
    "tracking_breakdown", "shared_address", "three_devices",
}  # fmt: skip


def _rows(world: World, query: str) -> list[tuple[Any, ...]]:
    return world.con().execute(query).fetchall()


def _planted(world: World, kind: str) -> list[tuple[Any, ...]]:
    return _rows(world, f"select entity_id, from_date, to_date from truth.planted_errors where kind = '{kind}'")


def test_the_list_names_every_kind(world: World) -> None:
    assert {k for (k,) in _rows(world, "select kind from truth.planted_errors")} == KINDS


def test_one_campaign_is_renamed_and_keeps_its_id(world: World) -> None:
    renamed = _rows(world, "select campaign_id from world.ad_campaigns group by 1 having count(distinct name) > 1")
    assert renamed == [(_planted(world, "renamed_campaign")[0][0],)]


def test_the_deleted_campaign_leaves_its_spend_behind(world: World) -> None:
    (entity, day, _), *_ = _planted(world, "deleted_campaign")
    assert _rows(
        world, f"select valid_from from world.ad_campaigns where campaign_id = '{entity}' and status = 'removed'"
    ) == [(day,)]
    spend = f"select sum(cost_micros) > 0, max(date) < '{day}' from world.ad_delivery where campaign_id = '{entity}'"
    assert _rows(world, spend) == [(True, True)]


def test_google_breaks_its_cap_on_the_planted_day_alone(world: World) -> None:
    breaches = _rows(
        world,
        """with daily as (select campaign_id, date, sum(cost_micros) as cost from world.ad_delivery
            where platform = 'google_ads' and posted_date = date + 1 group by all)
        select campaign_id, date from daily
        where cost > 2 * (select daily_budget_micros from world.ad_campaigns as c where c.campaign_id = daily.campaign_id
            and c.valid_from <= daily.date order by valid_from desc limit 1)""",
    )
    assert breaches == [(entity, day) for entity, day, _ in _planted(world, "budget_cap_breach")]


def test_mis_tagged_links_break_the_naming_of_their_platform(world: World) -> None:
    right = {
        "microsoft_ads": ("bing", "cpc"), "meta_ads": ("facebook", "paid_social"), "linkedin_ads": ("linkedin", "paid_social"),
        "tiktok_ads": ("tiktok", "paid_social"),
    }  # fmt: skip
    wrong = set()
    for platform, ad_id, url in _rows(
        world, "select distinct platform, ad_id, final_url from world.ads where platform <> 'google_ads'"
    ):
        tags = dict(p.split("=") for p in url.partition("?")[2].split("&") if p)
        if (tags.get("utm_source"), tags.get("utm_medium")) != right[platform]:
            wrong.add(ad_id)
    assert wrong == {entity for entity, _, _ in _planted(world, "mis_tagged_link")} != set()


def test_one_campaign_name_breaks_the_convention(world: World) -> None:
    odd = _rows(
        world,
        "select distinct campaign_id from world.ad_campaigns where not regexp_matches(name, '^(NO|EU|US)_[a-z]+_[a-z-]+_.+_\\d{6}$')",
    )
    assert odd == [(_planted(world, "naming_broken")[0][0],)]


def test_tags_break_for_some_days(world: World) -> None:
    (_, first, last), *_ = _planted(world, "tracking_breakdown")
    seen = f"""select avg((visit_id in (select visit_id from world.visits))::int) from truth.touches
        where touched_at::date {{}} between '{first}' and '{last}'"""
    assert _rows(world, seen.format(""))[0][0] < 0.5
    assert _rows(world, seen.format("not"))[0][0] > 0.95


def test_a_worn_out_creative_is_never_replaced(world: World) -> None:
    (ad_id, first, _), *_ = _planted(world, "worn_out_creative")
    assert _rows(world, f"select count(*), min(valid_from) from world.ads where ad_id = '{ad_id}'") == [(1, first)]


def test_two_people_buy_with_one_address(world: World) -> None:
    shared = _rows(
        world,
        """select count(distinct customer_id) >= 2 from world.orders
        where email = (select email from truth.persons where person_id = 0)""",
    )
    assert shared == [(True,)]
    assert _rows(world, "select count(distinct email) from truth.persons where person_id in (0, 1)") == [(1,)]


def test_one_person_is_seen_on_three_devices(world: World) -> None:
    seen = """select count(distinct device), count(distinct client_id), count(distinct user_id) from world.visits
        join truth.touches using (visit_id) where person_id = 2"""
    devices, clients, users = _rows(world, seen)[0]
    assert devices == 3 and clients >= 3 and users == 1
