"""A sixth ad platform joins by docs/adding_a_source.md alone: its own rooms and one var. Tried in a copy of the project."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import duckdb
import pytest

from ingestion.settings import PROJECT_DIR

EXAMPLE = PROJECT_DIR / "docs" / "examples" / "acme_ads"
DAYS = ["2026-11-17", "2026-11-18"]
ADS = {"x": 3, "y": 5}  # ad -> clicks a day; the campaign has one click a day more than its ads


class _Acme(BaseHTTPRequestHandler):
    """Two pages of everything."""

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        what, asked = url.path.rsplit("/", 1)[1], parse_qs(url.query)
        ids = {"campaign_id": "c", "ad_group_id": "g"}
        pages: dict[str, list[dict[str, Any]]] = {
            "ad_accounts": [{"name": "Acme Norge", "currency": "NOK", "time_zone": "Europe/Oslo"}],
            "campaigns": [{"campaign_id": "c", "name": "brand 2026", "status": "on", "goal": "remind"}],
            "ad_groups": [{**ids, "name": "group", "status": "on"}],
            "ads": [{**ids, "ad_id": a, "name": a, "status": "on", "url": "https://shop.example/"} for a in ADS],
        }
        rows = pages.get(what, [])
        if what == "report":
            parts = {"account": {"": 9}, "campaign": {"c": 9}, "ad": ADS}[asked["level"][0]]
            for day in (d for d in DAYS if asked["from"][0] <= d <= asked["to"][0]):
                for part, clicks in parts.items():
                    own = {**ids, "ad_id": part} if asked["level"] == ["ad"] else {"campaign_id": part}
                    row = {"day": day, "impressions": 100, "clicks": clicks, "cost": f"{clicks}.10", "conversions": 1.0}
                    rows.append(own | row)
        second = "page" in asked
        more = f"http://{self.headers['Host']}{self.path}{'&' if url.query else '?'}page=2"
        half = (len(rows) + 1) // 2
        body = json.dumps({"data": rows[half:] if second else rows[:half], "next": None if second else more}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None: ...


@pytest.fixture
def acme() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Acme)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v3"
    server.shutdown()
    server.server_close()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The project as it is, a repository of its own, with the example's files and its name in the union vars."""
    target = tmp_path / "project"
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.check_output(listed, cwd=PROJECT_DIR, text=True).split("\0"):
        if (PROJECT_DIR / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(PROJECT_DIR / name, target / name)
    subprocess.run(["git", "init", "-q", str(target)], check=True)  # the structure tests ask git for its files
    shutil.copytree(EXAMPLE, target, dirs_exist_ok=True)
    project = target / "dbt_project" / "dbt_project.yml"
    text = project.read_text()
    for var in ("ad_platforms", "ad_performance"):
        text, n = re.subn(rf"(\n    {var}: \[)", r"\1acme_ads, ", text)
        assert n == 1
    project.write_text(text)
    return target


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_example_platforms_rows_reach_the_union_without_a_touch_on_another_room(
    acme: str, copy: Path, tmp_path: Path
) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("WAREHOUSE_", "SOURCES__"))} | {
        "WAREHOUSE_DATA_DIR": str(tmp_path / "data"),
        "WAREHOUSE_HASH_KEY": "a key for tests only",
        "SOURCES__ACME_ADS__BASE_URL": acme,
        "SOURCES__ACME_ADS__ACCESS_TOKEN": "t",
        "SOURCES__ACME_ADS__ACCOUNTS": "1",
        "SOURCES__ACME_ADS__START_DATE": "2026-11-10",
        "PYTHONPATH": str(copy),
    }

    def run(*command: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", *command], cwd=copy, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert "acme_ads: loaded" in run("ingestion", "load", "acme_ads", "--as-of", "2026-11-19")
    run("orchestration", "dbt", "--", "build", "--select", "+int_ads__daily", "stg_acme_ads__load_counts")
    with duckdb.connect(str(tmp_path / "data" / "warehouse.duckdb"), read_only=True) as con:
        found = con.execute(
            "select ad_id, sum(clicks)::int, sum(cost)::varchar from intermediate.int_ads__daily "
            "where platform = 'acme_ads' group by ad_id order by ad_id nulls last"
        ).fetchall()
        raw = tmp_path / "data" / "raw" / "raw_acme_ads.duckdb"
        con.execute(f"attach '{raw}' as raw_acme_ads (read_only)")  # staging is views on it
        total = con.execute("select in_raw::varchar from staging.stg_acme_ads__load_counts").fetchall()
    # what the campaign has and no ad explains stays, unallocated: 9 clicks less 3 and 5; 9.10 less 3.10 and 5.10
    assert found == [("x", 6, "6.200000"), ("y", 10, "10.200000"), (None, 2, "1.800000")]
    assert total == [("18.200000",)]
    run("pytest", "-q", "-p", "no:cacheprovider", "tests/test_structure.py")
