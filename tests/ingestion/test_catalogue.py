"""The catalogue refuses what cannot be right, and says where."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import jsonschema
import pytest
import yaml

from ingestion.errors import SourceError
from ingestion.sandbox.drop_catalogue import CATALOGUE
from ingestion.sandbox.drop_folder import make_drop_folder
from ingestion.sources.files.catalogue import json_schema, load_catalogue
from tests.conftest import Drop

GOOD = """\
version: 1
datasets:
  leads:
    entity: leads
    location: leads.csv
    columns:
      lead_id: id
      created_date: day
"""


def _write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "catalogue.yml"
    path.write_text(text)
    return path


WRONG = [
    ("an unknown key", GOOD.replace("location:", "locatoin:"), "line 5, datasets.leads.locatoin: no such key"),
    (
        "a missing key",
        GOOD.replace("    location: leads.csv\n", ""),
        "line 3, datasets.leads.location: this key is missing",
    ),
    (
        "an unknown entity",
        GOOD.replace("entity: leads", "entity: people"),
        "line 4, datasets.leads.entity: Input should be 'leads'",
    ),
    (
        "an unknown column",
        GOOD.replace("lead_id: id", "lead_id: id\n      shoe_size: s"),
        "line 6, datasets.leads: columns: leads has no column 'shoe_size'",
    ),
    ("a required column that is not mapped", GOOD.replace("      lead_id: id\n", ""), "columns: leads needs 'lead_id'"),
    (
        "no day and no moment",
        GOOD.replace("      created_date: day\n", ""),
        "columns: leads needs one of created_at, created_date",
    ),
    (
        "a zone that does not exist",
        GOOD + "    time_zone: Europe/Olso\n",
        "line 9, datasets.leads.time_zone: no time zone 'Europe/Olso'",
    ),
    (
        "an encoding that does not exist",
        GOOD + "    encoding: utf8000\n",
        "line 9, datasets.leads.encoding: no encoding 'utf8000'",
    ),
    (
        "a share above 1",
        GOOD + "    max_reject_share: 5\n",
        "line 9, datasets.leads.max_reject_share: Input should be less than or equal to 1",
    ),
    (
        "a personal attribute",
        GOOD + "    personal: [name]\n    attributes: [name]\n",
        "line 10, datasets.leads: attributes: 'name' is personal",
    ),
    (
        "a personal column into one that is not",
        GOOD.replace("lead_id: id", "lead_id: id\n      segment: name") + "    personal: [name]\n",
        "segment would take 'name', which is personal, into a column that is not",
    ),
    ("a key that is not mapped", GOOD + "    key: [email]\n", "line 9, datasets.leads: key: 'email' is not mapped"),
    (
        "a bad regular expression",
        GOOD.replace("lead_id: id", "lead_id: {column: id, match: [{pattern: '(', value: x}]}"),
        "not a regular expression",
    ),
    ("a column and a value", GOOD.replace("lead_id: id", "lead_id: {column: id, value: x}"), "give either `column`"),
    ("a name that is no name", GOOD.replace("  leads:", "  My Leads:"), "line 3, datasets.My Leads"),
    ("a dataset that stands twice", GOOD + GOOD.split("datasets:\n")[1], "line 9: leads stands here twice"),
    ("no YAML", GOOD + "  : : :\n   x", "line 9: not YAML"),
    ("nothing", "", "line 1, version: this key is missing"),
]


@pytest.mark.parametrize(("what", "text", "message"), WRONG, ids=[w[0] for w in WRONG])
def test_what_is_wrong_is_told_with_line_and_key(tmp_path: Path, what: str, text: str, message: str) -> None:
    with pytest.raises(SourceError) as caught:
        load_catalogue(_write(tmp_path, text))
    assert "catalogue.yml, line " in str(caught.value)
    assert message in str(caught.value)


def test_a_missing_catalogue_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="set WAREHOUSE_FILES_CATALOGUE"):
        load_catalogue(tmp_path / "none.yml")


def test_a_bad_catalogue_fails_the_source_and_raw_keeps_its_data(drop: Drop) -> None:
    drop.catalogue("leads: {entity: leads, location: l.csv, columns: {lead_id: id, created_date: day}}\n")
    drop.write("l.csv", "id,day\n1,2026-01-02\n")
    assert drop.load().status == "loaded"
    drop.catalogue("leads: {entity: leads}\n")
    report = drop.load()
    assert (report.status, report.is_stale) == ("failed", True)
    assert "datasets.leads.location: this key is missing" in report.message
    assert drop.rows("select lead_id from files.leads") == [("1",)]


def test_the_schema_accepts_what_the_loader_accepts_and_knows_the_columns(tmp_path: Path) -> None:
    validator = jsonschema.Draft202012Validator(json_schema())
    assert list(validator.iter_errors(yaml.safe_load(GOOD))) == []
    assert list(validator.iter_errors(yaml.safe_load(CATALOGUE))) == []
    bad = yaml.safe_load(GOOD.replace("lead_id: id", "lead_id: id\n      shoe_size: s"))
    assert [e.json_path for e in validator.iter_errors(bad)] == ["$.datasets.leads.columns"]


def test_the_made_up_drop_folder_is_the_same_for_the_same_day_and_holds_its_own_schema(tmp_path: Path) -> None:
    n = make_drop_folder(tmp_path / "a", date(2026, 11, 20))
    make_drop_folder(tmp_path / "b", date(2026, 11, 20))
    files = {p.relative_to(tmp_path / "a"): p for p in (tmp_path / "a").rglob("*") if p.is_file()}
    assert n == len(files) - 2
    differing = [
        r for r, p in files.items() if p.suffix != ".xlsx" and p.read_bytes() != (tmp_path / "b" / r).read_bytes()
    ]
    assert differing == []
    assert json.loads((tmp_path / "a" / "catalogue.schema.json").read_text()) == json_schema()
    assert len(load_catalogue(tmp_path / "a" / "catalogue.yml").datasets) == 12
