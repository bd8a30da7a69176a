"""GA4's event export: what the simulated visits tell is what raw holds, night after night, whatever is wrong with a day."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingestion import ops
from ingestion.pipeline import LoadReport, load_source
from ingestion.sandbox.ga4 import write_events
from ingestion.sandbox.store import World
from ingestion.settings import Settings
from ingestion.sources.ga4_export import SPEC
from quality.run import CheckResult, run_contract
from tests.sandbox import THROUGH

NIGHT = THROUGH + timedelta(days=1)
LATER = THROUGH + timedelta(days=9)  # all late events have come
DAY = THROUGH - timedelta(days=3)  # its events have all come by NIGHT
ALL = "select * from ga4_export.events order by event_date, event_key"


class House:
    """An installation that reads a folder with an export."""

    def __init__(self, folder: Path, export: Path) -> None:
        self.export = export
        self.settings = Settings(_env_file=None, data_dir=folder, hash_key="0123456789abcdef0123456789abcdef")  # type: ignore[call-arg,arg-type]

    def load(self, as_of: date = NIGHT, **kwargs: Any) -> LoadReport:
        report = load_source(SPEC, self.settings, as_of, **kwargs)
        ops.write_load_status(self.settings, [report], as_of)
        return report

    def raw(self, sql: str = ALL) -> list[Any]:
        with duckdb.connect(str(self.settings.raw_file(SPEC.name)), read_only=True) as con:
            con.execute("set timezone = 'UTC'")
            return con.execute(sql).fetchall()

    def count(self, day: date = DAY) -> int:
        return int(self.raw(f"select count(*) from ga4_export.events where event_date = '{day}'")[0][0])

    def day(self, day: date = DAY) -> dict[str, Any]:
        with duckdb.connect(str(self.settings.raw_file(SPEC.name)), read_only=True) as con:
            con.execute("set timezone = 'UTC'")
            found = con.execute("select * from ga4_export.event_days where date_day = ?", [day])
            return dict(zip([d[0] for d in found.description or []], found.fetchall()[0], strict=True))

    def file(self, day: date = DAY) -> Path:
        return self.export / f"events_{day:%Y%m%d}.parquet"

    def rewrite(self, change: str = "*", where: str = "true", day: date = DAY, name: str | None = None) -> int:
        """Write a day's file anew from what it holds: `select {change} where {where}`; returns the events."""
        target = self.export / (name or self.file(day).name)
        form = {"parquet": "(format parquet)", "json": "(format json)"}.get(target.suffix[1:], "(format json)")
        held = f"(select *, row_number() over () as n from '{self.file(day)}')"
        fresh = target.with_name("fresh")
        done = duckdb.execute(f"copy (select {change} from {held} where {where}) to '{fresh}' {form}").fetchall()
        fresh.replace(target)
        return int(done[0][0])


@pytest.fixture(scope="module")
def written(tiny_company: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ga4")
    write_events(World.open(tiny_company), NIGHT, folder=folder)
    return folder


@pytest.fixture
def world(tiny_company: Path) -> World:
    return World.open(tiny_company)


@pytest.fixture
def house(written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    """It reads the whole export, 20 days."""
    export = Path(shutil.copytree(written, tmp_path / "export"))
    monkeypatch.setenv("SOURCES__GA4_EXPORT__FOLDER", str(export))
    return House(tmp_path / "data", export)


@pytest.fixture
def short(house: House) -> House:
    """It reads three days, of which DAY is the middle one."""
    for file in house.export.iterdir():
        if abs((date.fromisoformat(file.stem.removeprefix("events_")) - DAY).days) > 1:
            file.unlink()
    return house


@pytest.fixture
def memory_bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    import fsspec

    monkeypatch.setenv("SOURCES__GA4_EXPORT__FOLDER", "memory://bucket/ga4")
    yield "memory://bucket/ga4"
    fsspec.filesystem("memory").rm("/bucket", recursive=True)


def test_counts_and_sums_are_those_of_the_visits(house: House, world: World) -> None:
    write_events(world, LATER, folder=house.export)
    report = house.load()
    assert (report.status, report.message, report.data_through_date) == ("loaded", "", THROUGH)
    told = (
        world.con()
        .execute(
            f"""select count(*), sum(n_page_views), count(*) filter (consent_analytics),
                sum(engagement_ms // n_page_views) filter (engagement_ms > 10000) from world.visits where date <= '{THROUGH}'"""
        )
        .fetchall()
    )
    assert (
        house.raw(
            """select count(*) filter (event_name = 'session_start'), count(*) filter (event_name = 'page_view'),
            count(distinct (user_pseudo_id, ga_session_id)) filter (user_pseudo_id is not null),
            sum(engagement_time_msec) filter (event_name = 'scroll') from ga4_export.events"""
        )
        == told
    )
    sales = (
        world.con()
        .execute(
            f"""select order_id, ((amount_ore - shipping_ore) / 125.0)::decimal(18, 2) from world.orders where order_id in
            (select order_id from world.visits where date <= '{THROUGH}') order by 1"""
        )
        .fetchall()
    )
    found = house.raw(
        """select transaction_id, ecommerce_purchase_revenue::decimal(18, 2) from ga4_export.events
        where event_name = 'purchase' order by 1"""
    )
    assert found == sales != []
    assert house.raw(
        """select count(*) from ga4_export.events where event_name = 'purchase' and (value is distinct from
        ecommerce_purchase_revenue or currency <> 'NOK' or json_array_length(items) <> ecommerce_unique_items)"""
    ) == [(0,)]


def test_every_typed_column_is_what_the_file_says(short: House) -> None:
    short.load()
    param = "list_filter(event_params, p -> p.key = '{}')[1].value.{}"
    expected = duckdb.execute(
        f"""select event_timestamp, event_name, user_pseudo_id, {param.format("ga_session_id", "int_value")},
            {param.format("page_location", "string_value")}, {param.format("session_engaged", "string_value")}::bigint,
            collected_traffic_source.manual_source, collected_traffic_source.gclid,
            session_traffic_source_last_click.google_ads_campaign.campaign_name, device.web_info.browser, geo.country,
            privacy_info.analytics_storage, is_active_user, case when len(items) > 0 then to_json(items)::varchar end
            from '{short.file()}' order by all"""
    ).fetchall()
    found = short.raw(
        f"""select epoch_us(event_at), event_name, user_pseudo_id, ga_session_id, page_location, session_engaged, manual_source,
            collected_gclid, session_google_ads_campaign_name, device_browser, geo_country, analytics_storage, is_active_user,
            items::varchar from ga4_export.events where event_date = '{DAY}' order by all"""
    )
    assert found == expected
    assert short.raw("select count(*) from ga4_export.events where params_rest is not null or is_intraday") == [(0,)]


def test_a_second_night_reads_nothing_and_a_touched_day_changes_nothing(short: House) -> None:
    first = short.load()
    before = short.raw()
    assert first.rows["events"] == len(before)
    again = short.load()
    assert (again.status, again.rows["events"]) == ("loaded", 0)
    short.file().touch()
    assert short.load().rows["events"] == short.count()
    assert short.raw() == before


def test_days_that_google_goes_on_writing_are_replaced(house: House, world: World) -> None:
    house.load()
    counts = {n: house.count(THROUGH - timedelta(days=n)) for n in range(5)}
    write_events(world, LATER, first=THROUGH - timedelta(days=3), folder=house.export)
    report = house.load()
    later = {n: house.count(THROUGH - timedelta(days=n)) for n in range(5)}
    assert report.rows["events"] == sum(later[n] for n in range(4))
    assert sum(later[n] - counts[n] for n in range(3)) > 0 and (later[3], later[4]) == (counts[3], counts[4])
    assert house.raw("select count(*), count(distinct (event_date, event_key)) from ga4_export.events")[0][0] == sum(
        house.count(world.start_date + timedelta(days=n)) for n in range((THROUGH - world.start_date).days + 1)
    )


def test_a_corrected_old_day_and_a_backfilled_one_are_read(short: House) -> None:
    hidden = short.file(DAY - timedelta(days=1)).rename(short.export.parent / "hidden")
    short.load()
    n = short.rewrite(where="n > 10")
    hidden.rename(short.file(DAY - timedelta(days=1)))
    report = short.load()
    assert report.status == "loaded"
    assert short.count() == n
    assert report.rows["events"] == n + short.count(DAY - timedelta(days=1))


def test_a_day_that_comes_back_empty_is_emptied(short: House) -> None:
    short.load()
    others = short.count(DAY + timedelta(days=1))
    short.rewrite(where="false")
    assert short.load().status == "loaded"
    assert (short.count(), short.count(DAY + timedelta(days=1)), short.day()["n_events"]) == (0, others, 0)


def test_a_day_whose_file_is_gone_stays(short: House) -> None:
    short.load()
    before = short.raw()
    short.file().unlink()
    assert short.load().status == "loaded"
    assert short.raw() == before


def test_intraday_gives_way_to_daily_and_never_replaces_it(short: House) -> None:
    early = f"events_intraday_{DAY:%Y%m%d}.parquet"
    short.rewrite(where="n <= 100", name=early)
    final = short.file().rename(short.export.parent / "final")
    short.load()
    assert short.count() == 100 and short.day()["kind"] == "intraday"
    assert short.raw("select count(*) from ga4_export.events where is_intraday") == [(100,)]
    n = short.rewrite(where="n <= 50", name=early) if final.rename(short.file()) else 0  # both lie there
    assert n == 50
    short.load()
    full = short.count()
    assert full > 100 and short.day()["kind"] == "daily"
    short.file().unlink()
    assert short.load().status == "loaded"
    assert short.count() == full and short.raw("select count(*) from ga4_export.events where is_intraday") == [(0,)]


def test_only_days_that_are_over_and_within_start_date_and_window(
    short: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__GA4_EXPORT__START_DATE", DAY.isoformat())
    report = short.load(DAY + timedelta(days=1))
    assert report.rows["events"] == short.count() > 0
    assert short.raw("select distinct event_date from ga4_export.events") == [(DAY,)]
    short.load(window=(DAY - timedelta(days=1), DAY - timedelta(days=1)))
    assert short.raw("select distinct event_date from ga4_export.events order by 1") == [
        (DAY - timedelta(days=1),),
        (DAY,),
    ]
    monkeypatch.setenv("SOURCES__GA4_EXPORT__START_DATE", "soon")
    assert "SOURCES__GA4_EXPORT__START_DATE is 'soon'" in short.load().message


def _half(house: House) -> None:
    house.file().write_bytes(house.file().read_bytes()[:5000])


def _not_parquet(house: House) -> None:
    house.file().write_text("<html>Sign in</html>")


def _empty(house: House) -> None:
    house.file().write_bytes(b"")


def _text_times(house: House) -> None:
    house.rewrite("* replace (event_timestamp::varchar as event_timestamp)")


def _flat_device(house: House) -> None:
    house.rewrite("* replace (device.category as device)")


def _params_as_map(house: House) -> None:
    house.rewrite("* replace (map {'page': 'x'} as event_params)")


def _params_of_text(house: House) -> None:
    house.rewrite("* replace ([{'key': 'page', 'value': 'x'}] as event_params)")


def _no_params(house: House) -> None:
    house.rewrite("* exclude (event_params)")


def _no_client_column(house: House) -> None:
    house.rewrite("* exclude (user_pseudo_id)")


def _another_day(house: House) -> None:
    house.rewrite(f"* replace ('{DAY - timedelta(days=1):%Y%m%d}' as event_date)")


def _all_in_seconds(house: House) -> None:
    house.rewrite("* replace (event_timestamp // 1000000 as event_timestamp)")


def _twice(house: House) -> None:
    house.rewrite(name=f"events_{DAY:%Y%m%d} (1).parquet")


def _twice_in_other_formats(house: House) -> None:
    house.rewrite(name=f"events_{DAY:%Y%m%d}.json")


def _part_missing(house: House) -> None:
    house.rewrite(name=f"events_{DAY:%Y%m%d}-00000-of-00003.parquet")
    house.rewrite(name=f"events_{DAY:%Y%m%d}-00002-of-00003.parquet")
    house.file().unlink()


def _one_part_broken(house: House) -> None:
    for n in range(3):
        house.rewrite(where=f"n % 3 = {n}", name=f"events_{DAY:%Y%m%d}_00000000000{n}.parquet")
    house.file().unlink()
    (house.export / f"events_{DAY:%Y%m%d}_000000000001.parquet").write_bytes(b"PAR1 and no more")


def _half_json(house: House) -> None:
    house.rewrite(name=f"events_{DAY:%Y%m%d}.ndjson")
    house.file().unlink()
    path = house.export / f"events_{DAY:%Y%m%d}.ndjson"
    path.write_bytes(path.read_bytes()[:-300])


def _json_of_another_shape(house: House) -> None:
    house.rewrite("* replace ({'page': 'x'} as event_params)", name=f"events_{DAY:%Y%m%d}.ndjson")
    house.file().unlink()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_half, "InvalidInputException"),
        (_not_parquet, "InvalidInputException"),
        (_empty, "is empty (0 bytes)"),
        (_text_times, "event_timestamp is VARCHAR; expected int"),
        (_flat_device, "device is VARCHAR; expected a record with category"),
        (_params_as_map, "event_params is MAP(VARCHAR, VARCHAR); expected a list of {key: text"),
        (_params_of_text, "expected a list of {key: text"),
        (_no_params, "there is no column event_params"),
        (_no_client_column, "there is no column user_pseudo_id; is this an event export of GA4?"),
        (_another_day, f"have event_date '{DAY - timedelta(days=1):%Y%m%d}'; expected {DAY:%Y%m%d}"),
        (_all_in_seconds, "is it in microseconds?"),
        (_twice, "hold the same day twice; leave one of them"),
        (_twice_in_other_formats, "hold the same day twice; leave one of them"),
        (_part_missing, "part 1 of 3 is missing"),
        (_one_part_broken, f"events_{DAY:%Y%m%d}_000000000001.parquet: InvalidInputException"),
        (_half_json, ".ndjson: InvalidInputException"),
        (_json_of_another_shape, f"events_{DAY:%Y%m%d}.ndjson: "),
    ],
)
def test_a_day_that_cannot_be_read_keeps_its_last_good_data_and_the_others_go_on(
    short: House, spoil: Any, said: str
) -> None:
    after = short.file(DAY + timedelta(days=1))
    hidden = after.rename(short.export.parent / "hidden")
    short.load()
    good = short.count()
    hidden.rename(after)
    spoil(short)
    report = short.load()
    assert report.status == "partial"
    assert f"{DAY}: " in report.message and f"events_{DAY:%Y%m%d}" in report.message and said in report.message
    assert short.count() == good > 0 and short.count(DAY + timedelta(days=1)) > 0
    told = short.day()
    assert (told["status"], told["n_events"]) == ("refused", good) and said in told["message"]


def test_a_day_that_was_mended_is_read_and_said_good(short: House) -> None:
    whole = short.file().read_bytes()
    _half(short)
    first = short.load()
    assert first.status == "partial" and short.count() == 0 and short.count(DAY + timedelta(days=1)) > 0
    short.file().write_bytes(whole)
    assert short.load().status == "loaded"
    assert short.count() > 0 and short.day()["status"] == "loaded"


def test_odd_events_are_kept_aside_and_the_good_ones_go_on(short: House) -> None:
    n = short.rewrite(
        f"""* exclude (n) replace (
            case n when 1 then epoch_us(timestamp '{DAY + timedelta(days=30)}') else event_timestamp end as event_timestamp,
            case n when 2 then '' else event_name end as event_name,
            case when n = 3 then null else user_pseudo_id end as user_pseudo_id,
            case when n = 3 then {{'analytics_storage': 'Yes', 'ads_storage': 'Yes', 'uses_transient_token': 'No'}}
                else privacy_info end as privacy_info)"""
    )
    report = short.load()
    assert (report.status, report.rejected) == ("partial", 3)
    assert f"events_{DAY:%Y%m%d}.parquet: 3 events were kept aside" in report.message
    assert short.count() == n - 3 and short.day()["n_rejected"] == 3
    reasons = short.raw("select reason, request, row_text like '%event_params%' from ga4_export._rejects order by 1")
    assert reasons == [
        ("event_name is missing", short.file().name, True),
        ("event_timestamp lies in the future of its day", short.file().name, True),
        ("user_pseudo_id is missing though analytics_storage is Yes", short.file().name, True),
    ]


def _value(**given: str) -> str:
    fields = {"string_value": "varchar", "int_value": "bigint", "float_value": "double", "double_value": "double"}
    return "{" + ", ".join(f"'{k}': {given.get(k, 'null')}::{t}" for k, t in fields.items()) + "}"


def _with_params(house: House, **params: str) -> dict[str, Any]:
    """Load DAY with one event that has these parameters; returns its row."""
    listed = ", ".join(f"{{'key': '{k}', 'value': {v}}}" for k, v in params.items())
    house.rewrite(f"* exclude (n) replace ([{listed}] as event_params)", "n = 1")
    house.last = house.load()  # type: ignore[attr-defined]
    with duckdb.connect(str(house.settings.raw_file(SPEC.name)), read_only=True) as con:
        found = con.execute(f"select * from ga4_export.events where event_date = '{DAY}'")
        return dict(zip([d[0] for d in found.description or []], found.fetchall()[0], strict=True))


def test_a_parameter_is_read_whatever_type_it_came_in(short: House) -> None:
    row = _with_params(
        short,
        ga_session_id=_value(string_value="'1793491200'"),
        ga_session_number=_value(double_value="3.0"),
        engagement_time_msec=_value(string_value="'12.0'"),
        entrances=_value(string_value="''"),
        value=_value(string_value="'99.90'"),
        transaction_id=_value(int_value="10187"),
        campaign_id=_value(double_value="13085.0"),
        term=_value(double_value="1.5"),
        own_score=_value(double_value="0.5"),
        own_text=_value(string_value="'says \"hi\"'"),
        own_count=_value(int_value="7"),
    )
    assert short.last.status == "loaded"  # type: ignore[attr-defined]
    assert (row["ga_session_id"], row["ga_session_number"], row["engagement_time_msec"]) == (1793491200, 3, 12)
    assert (row["entrances"], row["value"], row["transaction_id"]) == (None, Decimal("99.9"), "10187")
    assert (row["campaign_id"], row["term"]) == ("13085", "1.5")
    assert json.loads(row["params_rest"]) == {"own_score": 0.5, "own_text": 'says "hi"', "own_count": 7}


def test_a_parameter_that_cannot_be_read_is_told_and_its_event_stays(short: House) -> None:
    row = _with_params(
        short,
        ga_session_id=_value(string_value="'abc'"),
        ga_session_number=_value(string_value="'1.5'"),
        engagement_time_msec=_value(double_value="0.5"),
        value=_value(string_value="'1 299,00'"),
    )
    report: LoadReport = short.last  # type: ignore[attr-defined]
    assert (report.status, report.rejected) == ("partial", 4)
    assert "1 values of parameter value could not be read; they stay in params_rest" in report.message
    assert [row[c] for c in ("ga_session_id", "ga_session_number", "engagement_time_msec", "value")] == [None] * 4
    assert '"value":"1 299,00"' in row["params_rest"]
    columns = short.raw(
        "select column_name, reason like '%its event stays without it' from ga4_export._rejects order by 1"
    )
    assert columns == [(c, True) for c in ("engagement_time_msec", "ga_session_id", "ga_session_number", "value")]


def test_a_parameter_of_a_type_that_google_adds_keeps_its_name_and_its_event(short: House) -> None:
    def widened(value: str, flag: str) -> str:
        return value.replace("}", f", 'bool_value': {flag}::boolean}}")

    row = _with_params(short, own_flag=widened(_value(), "true"), ga_session_id=widened(_value(int_value="5"), "null"))
    assert short.last.status == "loaded"  # type: ignore[attr-defined]
    assert (row["ga_session_id"], json.loads(row["params_rest"])) == (5, {"own_flag": None})


def test_two_equal_events_stay_two_and_keep_their_keys(short: House) -> None:
    held = f"(select * exclude (n) from (select *, row_number() over () as n from '{short.file()}') where n <= 5)"
    fresh = short.export.parent / "fresh.parquet"
    twins = f"select * from {held} union all select * from {held}"
    duckdb.execute(f"copy ({twins}) to '{fresh}' (format parquet)")
    fresh.replace(short.file())
    report = short.load()
    assert report.status == "loaded"
    keys = short.raw(f"select event_key from ga4_export.events where event_date = '{DAY}' order by 1")
    assert len(keys) == len(set(keys)) == 10
    duckdb.execute(f"copy (select * from ({twins}) order by event_timestamp desc) to '{fresh}' (format parquet)")
    fresh.replace(short.file())
    short.load()
    assert short.raw(f"select event_key from ga4_export.events where event_date = '{DAY}' order by 1") == keys
    short.rewrite("* exclude (n)", "n <= 5")  # the second of each is gone: the first keeps its key
    short.load()
    assert {r[0] for r in short.raw(f"select event_key from ga4_export.events where event_date = '{DAY}'")} < {
        k[0] for k in keys
    }


def _avro(source: Path, target: Path) -> None:
    """As BigQuery writes Avro: every field nullable, repeated records as arrays. Ten columns are enough."""
    import fastavro

    def null(kind: Any) -> list[Any]:
        return ["null", kind]

    def record(name: str, **fields: Any) -> dict[str, Any]:
        return {"type": "record", "name": name, "fields": [{"name": k, "type": t} for k, t in fields.items()]}

    value = record(
        "v",
        string_value=null("string"),
        int_value=null("long"),
        float_value=null("double"),
        double_value=null("double"),
    )
    schema = record(
        "Root",
        event_date=null("string"),
        event_timestamp=null("long"),
        event_name=null("string"),
        event_params={"type": "array", "items": record("p", key=null("string"), value=null(value))},
        event_bundle_sequence_id=null("long"),
        batch_event_index=null("long"),
        user_pseudo_id=null("string"),
        privacy_info=null(record("i", analytics_storage=null("string"), ads_storage=null("string"))),
    )
    names = ", ".join(f["name"] for f in schema["fields"])
    found = duckdb.execute(f"select {names} from '{source}'")
    rows = [dict(zip(names.split(", "), row, strict=True)) for row in found.fetchall()]
    with target.open("wb") as out:
        fastavro.writer(out, fastavro.parse_schema(schema), rows, codec="deflate")


@pytest.mark.parametrize("form", ["ndjson", "json.gz", "numbers as text", "avro", "parts", "wildcard parts"])
def test_every_format_gives_the_same_events(short: House, form: str) -> None:
    import gzip

    short.load()
    columns = "event_key, event_at, event_name, user_pseudo_id, ga_session_id, page_location, value, analytics_storage"
    asked = f"select {columns} from ga4_export.events where event_date = '{DAY}' order by 1"
    expected = short.raw(asked)
    stem = f"events_{DAY:%Y%m%d}"
    if form == "avro":
        _avro(short.file(), short.export / f"{stem}.avro")
    elif form == "parts":
        for n in range(2):
            short.rewrite("* exclude (n)", f"n % 2 = {n}", name=f"{stem}-0000{n}-of-00002.parquet")
    elif form == "wildcard parts":
        for n in range(2):
            short.rewrite("* exclude (n)", f"n % 2 = {n}", name=f"{stem}00000000000{n}.parquet")
    else:
        as_text = "* exclude (n) replace (event_timestamp::varchar as event_timestamp)"
        short.rewrite(as_text if form == "numbers as text" else "* exclude (n)", name=f"{stem}.ndjson")
        if form == "json.gz":
            plain = short.export / f"{stem}.ndjson"
            (short.export / f"{stem}.json.gz").write_bytes(gzip.compress(plain.read_bytes()))
            plain.unlink()
    short.file().unlink()
    report = short.load()
    assert (report.status, report.message, report.rows["events"]) == ("loaded", "", len(expected))
    assert short.raw(asked) == expected


def test_a_bucket_is_read_as_a_folder_and_only_what_changed(short: House, memory_bucket: str) -> None:
    import fsspec

    def put(file: Path) -> None:
        with fsspec.open(f"{memory_bucket}/{file.name}", "wb") as out:
            out.write(file.read_bytes())

    for file in short.export.iterdir():
        put(file)
    report = short.load()
    assert (report.status, report.message) == ("loaded", "") and short.count() > 0
    assert short.load().rows["events"] == 0
    n = short.rewrite("* exclude (n)", "n <= 20")
    put(short.file())
    assert short.load().rows["events"] == n == short.count()


def test_names_nobody_understands_are_told_and_days_ahead_are_refused(short: House) -> None:
    (short.export / "events_20261399.parquet").write_bytes(b"x")
    (short.export / f"events_{DAY:%Y%m%d}.csv").write_bytes(b"x")
    short.rewrite(name="events_20991231.parquet")
    report = short.load()
    assert "2 files are named like no day of an export" in report.message
    assert "events_20991231.parquet is of a day that has not come" in report.message
    assert (report.status, report.data_through_date) == ("partial", DAY + timedelta(days=1))


def test_a_folder_that_is_not_there_or_holds_nothing_fails(short: House, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(short.export)
    report = short.load()
    assert report.status == "failed" and "does not exist" in report.message and "FOLDER" in report.message
    short.export.mkdir()
    assert short.load().message.startswith(
        "no events_YYYYMMDD* or events_intraday_YYYYMMDD* in SOURCES__GA4_EXPORT__FOLDER"
    )
    monkeypatch.setenv("SOURCES__GA4_EXPORT__FOLDER", "")
    report = short.load()
    assert report.status == "not configured" and "SOURCES__GA4_EXPORT__FOLDER" in report.message


def _checked(house: House, as_of: date = NIGHT) -> tuple[LoadReport, dict[str, str]]:
    found: list[CheckResult] = []

    def contract(spec: Any, package: Any) -> list[CheckResult]:
        outcomes = run_contract(spec, package, house.settings, as_of)
        found.extend(outcomes)
        return outcomes

    report = house.load(as_of, contract=contract)
    return report, {f"{o.table}.{o.check}": o.status for o in found if o.status != "passed"}


def test_a_missing_day_and_half_a_day_are_failed_checks_and_no_low_numbers(house: House) -> None:
    assert _checked(house)[1] == {}
    # 20 days hold no three equal weekdays before another: copies make older weeks
    for week in range(1, 5):
        old = DAY - timedelta(days=7 * week)
        shift = f"event_timestamp - {7 * week * 86_400_000_000} as event_timestamp, '{old:%Y%m%d}' as event_date"
        house.rewrite(f"* exclude (n) replace ({shift})", name=f"events_{old:%Y%m%d}.parquet")
    assert "event_days.no_day_half_empty" not in _checked(house)[1]
    n = house.rewrite("* exclude (n)", "n % 3 = 0")
    report, failed = _checked(house)
    assert (house.count(), report.status) == (n, "loaded")  # loaded as it is, and said
    assert failed["event_days.no_day_half_empty"] == "failed"
    report, failed = _checked(house, THROUGH + timedelta(days=3))  # nothing has come since
    assert failed["event_days.no_day_missing"] == "failed" and report.rows["events"] == 0


def test_intraday_that_stays_is_a_failed_check(house: House) -> None:
    day = THROUGH - timedelta(days=5)
    house.file(day).rename(house.export / f"events_intraday_{day:%Y%m%d}.parquet")
    assert _checked(house)[1] == {"event_days.days_are_final": "failed"}


def test_an_event_twice_in_a_package_is_a_failed_check(short: House, tmp_path: Path) -> None:
    short.load()
    twice, raw = tmp_path / "twice.parquet", short.settings.raw_file(SPEC.name)
    rows = "select * exclude (_dlt_load_id, _dlt_id) from raw.ga4_export.events"
    with duckdb.connect() as con:
        con.execute(f"attach '{raw}' as raw (read_only)")
        con.execute(f"copy ({rows} union all ({rows} limit 1)) to '{twice}' (format parquet)")
    outcomes = run_contract(SPEC, {"events": [twice]}, short.settings, NIGHT)
    assert {o.check for o in outcomes if o.status != "passed"} == {"event_unique"}


def test_what_the_contract_keeps_out_is_read_again_the_next_night(short: House) -> None:
    short.load()
    short.rewrite("* exclude (n)", "n <= 10")

    class Bad:
        table, check, status, severity, observed = "events", "planted", "failed", "critical", "no"

    good = short.count()
    report = short.load(contract=lambda spec, package: [Bad()] if "events" in package else [])
    assert report.status == "partial" and short.count() == good
    assert short.load().rows["events"] == 10 == short.count()


def test_what_raw_knows_of_a_day(short: House) -> None:
    short.load()
    told = short.day()
    first, last = duckdb.execute(f"select min(event_timestamp), max(event_timestamp) from '{short.file()}'").fetchall()[
        0
    ]
    assert (told["kind"], told["status"], told["n_events"], told["n_rejected"]) == ("daily", "loaded", short.count(), 0)
    assert told["size_bytes"] == short.file().stat().st_size and short.file().name in told["files"]
    moments = [datetime.fromtimestamp(us / 1_000_000, UTC) for us in (first, last)]
    assert [told["first_event_at"], told["last_event_at"]] == moments
    assert told["loaded_as_of"] == NIGHT


def test_events_that_an_older_version_kept_as_a_table_are_read_anew_as_files(short: House) -> None:
    short.load()
    expected = short.raw()
    with duckdb.connect(str(short.settings.raw_file(SPEC.name))) as con:  # back to what version 1 was
        con.execute("create table old as from ga4_export.events")
        con.execute("drop view ga4_export.events; drop table main.house_files")
        con.execute("create table ga4_export.events as select * from old limit 10; drop table old")
        con.execute("update main.house_spec set schema_version = 1, fingerprint = 'older'")
    shutil.rmtree(short.settings.raw_file(SPEC.name).with_suffix(""))
    report = short.load()
    assert report.rows["events"] == len(expected) and short.raw() == expected
