"""What becomes of files over the nights: new, unchanged, corrected, copied, gone, and what a key does."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pytest

from ingestion.pipeline import load_all
from tests.conftest import AS_OF, Drop

LEADS = """\
leads:
  entity: leads
  location: leads/*.csv
  columns: {lead_id: id, created_date: day, email: mail, origin: origin}
"""


def _ids(drop: Drop) -> list[str]:
    return [r[0] for r in drop.rows("select lead_id from files.leads order by lead_id, _row")]


def test_the_same_file_twice_changes_nothing(drop: Drop) -> None:
    drop.catalogue(LEADS)
    drop.write("leads/a.csv", "id,day,mail,origin\n1,2026-01-02,a@b.no,email\n2,2026-01-03,,\n")
    assert drop.load().status == "loaded"
    before = drop.rows("select * from files.leads order by all")
    assert drop.load().status == "unchanged"
    assert drop.rows("select * from files.leads order by all") == before


def test_a_touched_file_is_not_loaded_again(drop: Drop) -> None:
    drop.catalogue(LEADS)
    path = drop.write("leads/a.csv", "id,day,mail,origin\n1,2026-01-02,,\n")
    drop.load()
    os.utime(path, (2_000_000_000, 2_000_000_000))
    assert drop.load().rows == {}
    assert drop.load().status == "unchanged"


def test_a_corrected_file_replaces_its_own_rows_and_no_others(drop: Drop) -> None:
    drop.catalogue(LEADS)
    drop.write("leads/a.csv", "id,day,mail,origin\n1,2026-01-02,,\n2,2026-01-02,,\n")
    drop.write("leads/b.csv", "id,day,mail,origin\n3,2026-01-02,,\n")
    drop.load()
    drop.write("leads/a.csv", "id,day,mail,origin\n1,2026-01-02,,\n4,2026-01-02,,\n")
    assert drop.load().status == "loaded"
    assert _ids(drop) == ["1", "3", "4"]


def test_a_file_corrected_to_a_bare_header_takes_its_rows_out(drop: Drop) -> None:
    drop.catalogue(LEADS)
    drop.write("leads/a.csv", "id,day,mail,origin\n1,2026-01-02,,\n")
    drop.write("leads/b.csv", "id,day,mail,origin\n2,2026-01-02,,\n")
    drop.load()
    drop.write("leads/a.csv", "id,day,mail,origin\n")
    assert drop.load().status == "loaded"
    assert _ids(drop) == ["2"]
    assert drop.rows("select count(*) from files.leads where _deleted") == [(0,)]


def test_a_file_that_disappears_keeps_its_rows(drop: Drop) -> None:
    drop.catalogue(LEADS)
    path = drop.write("leads/a.csv", "id,day,mail,origin\n1,2026-01-02,,\n")
    drop.write("leads/b.csv", "id,day,mail,origin\n2,2026-01-02,,\n")
    drop.load()
    path.unlink()
    assert drop.load().status == "unchanged"
    assert _ids(drop) == ["1", "2"]


def test_a_file_that_disappears_from_a_mirrored_dataset_takes_its_rows_with_it(drop: Drop) -> None:
    drop.catalogue(LEADS + "  mirror: true\n")
    path = drop.write("leads/a.csv", "id,day,mail,origin\n1,2026-01-02,,\n")
    drop.write("leads/b.csv", "id,day,mail,origin\n2,2026-01-02,,\n")
    drop.load()
    path.unlink()
    assert drop.load().status == "loaded"
    assert _ids(drop) == ["2"]
    assert drop.rows("select status from files._files where path = 'leads/a.csv'") == [("gone",)]
    drop.write("leads/a.csv", "id,day,mail,origin\n1,2026-01-02,,\n")
    drop.load()
    assert _ids(drop) == ["1", "2"]


def test_a_missing_folder_never_empties_a_mirrored_dataset(drop: Drop) -> None:
    drop.catalogue(LEADS + "  mirror: true\n")
    drop.write("leads/a.csv", "id,day,mail,origin\n1,2026-01-02,,\n")
    drop.load()
    (drop.folder / "leads").rename(drop.folder / "elsewhere")
    report = drop.load()
    assert "the folder leads does not exist" in report.message
    assert _ids(drop) == ["1"]


def test_the_same_content_under_another_name_is_refused_with_a_message(drop: Drop) -> None:
    drop.catalogue(LEADS)
    drop.write("leads/a.csv", "id,day,mail,origin\n1,2026-01-02,,\n")
    drop.load()
    drop.write("leads/a (1).csv", "id,day,mail,origin\n1,2026-01-02,,\n")
    report = drop.load()
    assert report.status == "partial"
    assert "leads/a (1).csv: the same content as leads/a.csv" in report.message
    assert _ids(drop) == ["1"]


def test_a_renamed_file_takes_its_rows_with_it(drop: Drop) -> None:
    drop.catalogue(LEADS)
    path = drop.write("leads/a.csv", "id,day,mail,origin\n1,2026-01-02,,\n")
    drop.load()
    path.rename(path.with_name("b.csv"))
    assert drop.load().status == "loaded"
    assert drop.rows("select path, status, n_loaded from files._files order by path") == [
        ("leads/a.csv", "gone", 0),
        ("leads/b.csv", "loaded", 1),
    ]
    drop.write("leads/b.csv", "id,day,mail,origin\n2,2026-01-02,,\n")
    drop.load()
    assert _ids(drop) == ["2"]


def test_a_dataset_that_leaves_the_catalogue_keeps_its_rows_and_is_told(drop: Drop) -> None:
    drop.catalogue(LEADS)
    drop.write("leads/a.csv", "id,day,mail,origin\n1,2026-01-02,,\n")
    drop.load()
    drop.catalogue(LEADS.replace("leads:", "people:", 1).replace("leads/*", "people/*"))
    drop.write("people/p.csv", "id,day,mail,origin\n5,2026-01-02,,\n")
    report = drop.load()
    assert report.status == "loaded"
    assert "leads is no longer in the catalogue, and its rows stay" in report.message
    assert _ids(drop) == ["1", "5"]


def test_a_crash_over_one_file_tells_no_cell_in_plain_text(drop: Drop, monkeypatch: pytest.MonkeyPatch) -> None:
    from ingestion.sources.files import conversion

    def crash(*args: object) -> None:
        raise RuntimeError("could not convert 'kari.nordmann@example.no' to a number")

    monkeypatch.setattr(conversion, "convert", crash)
    drop.catalogue(LEADS)
    drop.write("leads/a.csv", "id,day,mail,origin\n1,2026-01-02,,\n")
    report = drop.load()
    assert report.status == "failed"
    assert "could not convert" in report.message
    assert "kari" not in report.message


def test_loading_one_source_does_not_move_the_clock_of_the_night(drop: Drop) -> None:
    import duckdb

    from ingestion.pipeline import load_all

    drop.catalogue(LEADS)
    drop.write("leads/a.csv", "id,day,mail,origin\n1,2026-01-02,,\n")
    drop.load(date(2026, 2, 1))
    load_all(drop.settings, date(2026, 1, 1), ["files"], sets_clock=False)
    with duckdb.connect(str(drop.settings.ops_file), read_only=True) as con:
        assert con.execute("select as_of from ops.run").fetchall() == [(date(2026, 2, 1),)]


def test_copies_are_loaded_when_they_are_allowed(drop: Drop) -> None:
    drop.catalogue(LEADS + "  allow_copies: true\n")
    for name in ("a", "b"):
        drop.write(f"leads/{name}.csv", "id,day,mail,origin\n1,2026-01-02,,\n")
    assert drop.load().status == "loaded"
    assert _ids(drop) == ["1", "1"]


def test_without_a_key_equal_rows_are_all_kept(drop: Drop) -> None:
    drop.catalogue(LEADS)
    drop.write("leads/a.csv", "id,day,mail,origin\n" + "1,2026-01-02,,\n" * 3)
    drop.load()
    assert _ids(drop) == ["1", "1", "1"]
    assert drop.rows("select distinct _row_key from files.leads") == [(None,)]


def test_with_a_key_the_rows_of_one_key_can_be_told_by_it(drop: Drop) -> None:
    drop.catalogue(LEADS + "  key: [lead_id]\n")
    drop.write("leads/a.csv", "id,day,mail,origin\n1,2026-01-02,,old\n2,2026-01-02,,x\n")
    drop.write("leads/b.csv", "id,day,mail,origin\n1,2026-01-02,,new\n")
    drop.load()
    assert drop.rows("select count(*), count(distinct _row_key) from files.leads") == [(3, 2)]


def test_a_changed_mapping_loads_the_files_anew(drop: Drop) -> None:
    drop.catalogue(LEADS)
    drop.write("leads/a.csv", "id,day,mail,origin\n1,2026-01-02,,email\n")
    drop.load()
    drop.catalogue(LEADS.replace("origin: origin", "source: origin"))
    assert drop.load().status == "loaded"
    assert drop.rows("select origin, source from files.leads") == [(None, "email")]


def test_a_catalogue_key_that_changes_no_row_loads_nothing_anew(drop: Drop) -> None:
    drop.catalogue(LEADS)
    drop.write("leads/a.csv", "id,day,mail,origin\n1,2026-01-02,,email\n")
    drop.load()
    drop.catalogue(LEADS + "  owner: somebody else\n  max_reject_share: 0.5\n")
    assert drop.load().status == "unchanged"


def test_extra_columns_stay_in_raw_and_listed_ones_are_kept_apart(drop: Drop) -> None:
    drop.catalogue(LEADS + "  attributes: [size]\n")
    drop.write("leads/a.csv", "id,day,mail,origin,size,note\n1,2026-01-02,,,big,private words\n")
    drop.load()
    assert drop.rows("select attributes->>'size', _extra->>'note', attributes->>'note' from files.leads") == [
        ("big", "private words", None)
    ]


def test_a_refused_correction_keeps_what_was_loaded_before(drop: Drop) -> None:
    drop.catalogue(LEADS)
    drop.write("leads/a.csv", "id,day,mail,origin\n1,2026-01-02,,\n2,2026-01-02,,\n")
    drop.load()
    drop.write("leads/a.csv", "id,day,mail,origin\n1,not a day,,\n2,2026-01-02,,\n")
    report = drop.load()
    assert report.status == "partial"
    assert "1 of 2 rows cannot be read (50.0%; max_reject_share is 5%)" in report.message
    assert _ids(drop) == ["1", "2"]
    assert drop.rows("select status, n_loaded from files._files") == [("refused", 2)]
    assert drop.rows("select is_refused_file from files._rejects") == [(True,)]
    drop.write("leads/a.csv", "id,day,mail,origin\n1,2026-01-05,,\n2,2026-01-02,,\n")
    assert drop.load().status == "loaded"
    assert drop.rows("select max(created_date) from files.leads") == [(date(2026, 1, 5),)]
    assert drop.rows("select count(*) from files._rejects") == [(0,)]


def test_one_bad_dataset_does_not_stop_the_others(drop: Drop) -> None:
    drop.catalogue(LEADS + LEADS.replace("leads:", "more:", 1).replace("leads/*", "more/*"))
    drop.write("leads/a.csv", "id,day,mail,origin\n1,2026-01-02,,\n")
    report = drop.load()
    assert report.status == "partial"
    assert "more: more/*.csv: the folder more does not exist; make it, or mend `location`" in report.message
    assert _ids(drop) == ["1"]


def test_a_dataset_older_than_it_may_be_makes_the_source_stale(drop: Drop) -> None:
    drop.catalogue(LEADS + "  stale_after_days: 7\n")
    drop.write("leads/a.csv", "id,day,mail,origin\n1,2026-01-02,,\n")
    report = drop.load(date(2026, 1, 9))
    assert (report.is_stale, report.data_through_date) == (False, date(2026, 1, 2))
    report = drop.load(date(2026, 1, 10))
    assert report.is_stale
    assert report.delivered == {"leads": date(2026, 1, 2)}
    assert "leads is stale: its newest day is 2026-01-02, 8 days before 2026-01-10" in report.message


def test_a_date_from_the_future_makes_nothing_look_fresh(drop: Drop) -> None:
    drop.catalogue(LEADS)
    drop.write("leads/a.csv", "id,day,mail,origin\n1,2026-01-02,,\n2,2077-01-02,,\n")
    assert drop.load(date(2026, 1, 9)).data_through_date == date(2026, 1, 2)
    assert _ids(drop) == ["1", "2"]


def test_files_in_an_s3_bucket_load_like_those_in_a_folder(drop: Drop, monkeypatch: pytest.MonkeyPatch) -> None:
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    try:
        host, port = server.get_host_and_port()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-north-1")
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket="drop", CreateBucketConfiguration={"LocationConstraint": "eu-north-1"})
        s3.put_object(Bucket="drop", Key="in/a.csv", Body=b"id,day,mail,origin\n1,2026-01-02,,\n")
        drop.catalogue(LEADS.replace("leads/*.csv", "s3://drop/in/*.csv"))
        assert drop.load().status == "loaded"
        assert drop.load().status == "unchanged"
        s3.put_object(Bucket="drop", Key="in/a.csv", Body=b"id,day,mail,origin\n7,2026-01-02,,\n8,2026-01-02,,\n")
        assert drop.load().status == "loaded"
        assert _ids(drop) == ["7", "8"]
        drop.catalogue(LEADS.replace("leads/*.csv", "s3://nowhere/*.csv"))
        assert "the bucket nowhere does not exist" in drop.load().message
    finally:
        server.stop()


def test_other_buckets_go_through_fsspec(drop: Drop) -> None:
    import fsspec

    with fsspec.open("memory://bucket/in/a.csv", "wb") as f:
        f.write(b"id,day,mail,origin\n1,2026-01-02,,\n")
    drop.catalogue(LEADS.replace("leads/*.csv", "memory://bucket/in/*.csv"))
    assert drop.load().status == "loaded"
    assert _ids(drop) == ["1"]


def test_nothing_of_a_load_stays_outside_raw(drop: Drop, tmp_path: Path) -> None:
    drop.catalogue(LEADS)
    drop.write("leads/a.csv", "id,day,mail,origin\n1,2026-01-02,kari.nordmann@example.no,\n")
    load_all(drop.settings, AS_OF, ["files"])
    kept = [p for p in (tmp_path / "data").rglob("*") if p.is_file() and b"kari.nordmann" in p.read_bytes()]
    assert kept == [drop.settings.raw_file("files")]
