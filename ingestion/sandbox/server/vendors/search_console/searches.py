"""The searches on Google behind the company's organic visits, as SQL over world.visits.

A visit from Google's unpaid results is a click. What was searched, how often and where the page stood follows from a hash of the
visit's id, so that no second simulation is needed and every clock tells the same. Days are of Pacific time.
"""

from __future__ import annotations

from datetime import date, timedelta

SITE = "https://www.nordlyskontor.example/"
MONTHS_KEPT = 16
COUNTRY = {"NO": "nor", "SE": "swe", "DK": "dnk", "FI": "fin", "DE": "deu", "US": "usa"}
# landing page -> what people call its things, in Norwegian and elsewhere
_WORDS = {
    "kontorstoler": ("kontorstol", "office chair"),
    "hevsenkebord": ("hevsenkebord", "standing desk"),
    "belysning": ("skrivebordslampe", "desk lamp"),
    "oppbevaring": ("oppbevaring kontor", "office storage"),
    "bedrift": ("kontormøbler bedrift", "scandinavian office furniture"),
}
_FORMS = (
    ("{}", "{} test", "beste {}", "{} tilbud", "{} pris", "kjøpe {}", "{} salg", "billig {}", "{} på nett"),
    ("{}", "{} review", "best {}", "{} sale", "{} price", "buy {}", "scandinavian {}", "cheap {}", "{} online"),
)
_BRAND = (("nordlys kontor", "nordlyskontor", "nordlys {}"), ("nordlys", "nordlyskontor", "nordlys {}"))


def final_through(clock: date) -> date:
    """The newest day whose data are final at the start of the day `clock`: two, now and then three days back."""
    newest = clock - timedelta(days=2)
    return newest - timedelta(days=newest.toordinal() % 3 == 0)


def first_kept(clock: date) -> date:
    """The oldest day that is still told."""
    months = clock.year * 12 + clock.month - 1 - MONTHS_KEPT
    return date(months // 12, months % 12 + 1, min(clock.day, 28))


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _queries() -> str:
    rows = [
        f"({_text(page)}, {lang}, {_text(kind)}, {n}, {_text(form.format(words[lang]))})"
        for page, words in _WORDS.items()
        for lang in (0, 1)
        for kind, forms in (("brand", _BRAND[lang]), ("generic", _FORMS[lang]))
        for n, form in enumerate(forms)
    ]
    return f"(values {', '.join(rows)}) as words(slug, lang, kind, n, query)"


def searches(search_type: str, start: date, end: date, clock: date, final: bool) -> str:
    """SQL of (date, query, page, country, device, clicks, impressions, tenths, by_page): one row a visit and kind of showing.

    `tenths` is ten times the position times the impressions. `query` is null where so few people searched for it that it is
    anonymised. Rows with `by_page` are a second page of the site in the same result: by property they count once, above.
    """
    last = final_through(clock)
    fresh = f"date <= date '{last}'"
    if not final:  # days in the making tell a part
        fresh = f"({fresh} or (date < date '{clock}' and h // 7 % 10 < 4 + 2 * (date '{clock}' - date)))"
    country = "map {" + ", ".join(f"'{k}': '{v}'" for k, v in COUNTRY.items()) + "}"
    return f"""
    with visits as (
        select
            cast(timezone('America/Los_Angeles', started_at) as date) as date,
            regexp_extract(landing_url, '^[^?#]*') as page,
            regexp_extract(landing_url, '^https?://[^/]+/([^/?#]*)', 1) as slug,
            coalesce(({country})[country], 'zzz') as country,
            case when country = 'NO' then 0 else 1 end as lang,
            upper(device) as device,
            session_number > 1 as came_before,
            md5_number_lower(visit_id) % 1000000007 as h,
            md5_number_upper(visit_id) % 1000000007 as g
        from world.visits
        where source = 'google' and medium = 'organic'
            and date between date '{start}' - 1 and date '{end}' + 2
    ),
    clicks as (
        select *, h % 100 < case when came_before then 60 else 15 end as is_brand
        from visits
        where date between date '{start}' and date '{end}' and date >= date '{first_kept(clock)}' and {fresh}
            and case when h // 3 % 20 = 0 then 'image' else 'web' end = '{search_type}'
    ),
    shown as (
        select *, 'click' as showing, case when is_brand then 'brand' else 'generic' end as kind,
            case when is_brand then g % 3 else (g % 9) * (g // 11 % 9) // 8 end as n,
            case when is_brand then g // 13 % 20 = 0 else g // 13 % 4 = 0 end as is_rare
        from clicks
        union all
        -- the page was there and nobody clicked
        select *, 'seen', 'generic', (g // 17) % 9, g // 19 % 5 < 2 from clicks where h // 11 % 3 = 0
        union all
        select *, 'second', 'brand', g % 3, g // 13 % 20 = 0 from clicks where is_brand
    )
    select
        date,
        case when not is_rare then coalesce(words.query, 'nordlys kontor') end as query,
        case when showing = 'second' then '{SITE}' else page end as page,
        country,
        device,
        case when showing = 'click' then 1 else 0 end as clicks,
        impressions,
        impressions * case
            when showing = 'seen' then 110 + g % 300
            when is_brand then 10 + g % 7 + case when showing = 'second' then 10 else 0 end
            else 25 + g % 120
        end as tenths,
        showing = 'second' as by_page
    from (
        select *, cast(case when showing = 'seen' then 3 + g % 20 when is_brand then 1 + g // 23 % 2
            else 8 + g // 23 % 33 end as bigint) as impressions
        from shown
    ) as shown
    left join {_queries()} on words.slug = shown.slug and words.lang = shown.lang and words.kind = shown.kind
        and words.n = shown.n
    """
