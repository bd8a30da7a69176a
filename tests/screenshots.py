"""`make screenshots`: pictures of what people look at, in headless Chromium: lineage, a green run, a red check, a stale source.

Two nights run first: a green one on the made-up drop folder, then one with a planted fault and a dataset that grew old.
Each page must say what it should, or this ends with an error.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

from ingestion.sandbox.drop_folder import make_drop_folder
from ingestion.settings import PROJECT_DIR, Settings

AS_OF = date(2026, 11, 20)
PICTURES = PROJECT_DIR / "docs" / "pictures"
IN_DOCS = (
    "lineage",
    "run_green",
    "source_stale",
    "data_docs",
)  # the others show paths of the machine they are taken on
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def chromium() -> str:
    """The browser's program; installed from Debian's packages where that can be done."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        raise SystemExit("no Chromium here; install it (Debian: apt-get install chromium) and run this again")
    print("installing chromium ...", flush=True)  # noqa: T201
    for command in (
        ["apt-get", "update", "-qq"],
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"],
    ):
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return "/usr/bin/chromium"


def environment(folder: Path) -> dict[str, str]:
    return {
        **os.environ,
        "WAREHOUSE_DATA_DIR": str(folder / "data"),
        "WAREHOUSE_FILES_CATALOGUE": str(folder / "drop" / "catalogue.yml"),
        "WAREHOUSE_HASH_KEY": "a key for pictures only",
        "DAGSTER_HOME": str(folder / "data" / "dagster"),
        "PYTHONPATH": str(PROJECT_DIR),
    }


def night(folder: Path, as_of: date) -> tuple[int, str]:
    """(exit code, console) of one night."""
    command = [sys.executable, "-m", "orchestration", "nightly", "--as-of", str(as_of)]
    done = subprocess.run(
        command, env=environment(folder), cwd=PROJECT_DIR, capture_output=True, text=True, timeout=300
    )
    return done.returncode, done.stdout + done.stderr


def two_nights(folder: Path) -> tuple[str, str]:
    """A green night and a red one; returns their consoles."""
    make_drop_folder(folder / "drop", AS_OF)
    code, green = night(folder, AS_OF)
    assert code == 0, green
    catalogue = folder / "drop" / "catalogue.yml"
    consent = "entity: consent_counts"
    catalogue.write_text(catalogue.read_text().replace(consent, f"{consent}\n    stale_after_days: 3"))
    header = "Lead-ID;Opprettet;Kvalifisert;Kontakt-ID;E-post;Telefon;Firma;Kilde;Landingsside;Segment;Ansvarlig\r\n"
    crm = folder / "drop" / "crm"
    (crm / "leads_2027-01.csv").write_text(header + "L99999;01.01.2077;;K9;;;;email;/;Bygg;\r\n")  # from the future
    (crm / "leads_2027-02.csv").write_text(header + "L99998;soon;;K8;;;;email;/;Bygg;\r\n")  # no date at all
    code, red = night(folder, AS_OF + timedelta(days=7))
    assert code == 1, red
    return green, red


@contextmanager
def webserver(folder: Path) -> Iterator[str]:
    """Dagster's UI on loopback, ended with all it started."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    program = str(Path(sys.executable).with_name("dagster-webserver"))
    command = [program, "-w", str(PROJECT_DIR / "workspace.yaml"), "-h", "127.0.0.1", "-p", str(port), "--read-only"]
    log = (folder / "webserver.log").open("wb")
    process = subprocess.Popen(
        command, env=environment(folder), cwd=PROJECT_DIR, stdout=log, stderr=log, start_new_session=True
    )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            if process.poll() is not None:
                raise SystemExit((folder / "webserver.log").read_text()[-3000:])
            try:
                urllib.request.urlopen(f"{url}/server_info", timeout=2).close()
                break
            except OSError:
                time.sleep(0.1)
        yield url
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
        log.close()


def run_ids(folder: Path) -> list[str]:
    """Ids of the nights' runs, oldest first."""
    code = (
        "from dagster import DagsterInstance\n"
        "with DagsterInstance.get() as i: print(*[r.run_id for r in reversed(i.get_runs())])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(folder), capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def take(folder: Path, out: Path, browser_path: str) -> None:
    from playwright.sync_api import Page, sync_playwright

    settings = Settings(_env_file=None, data_dir=folder / "data")  # type: ignore[call-arg]
    green, red = run_ids(folder)
    with webserver(folder) as url, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=browser_path, args=CHROMIUM_FLAGS)

        def shoot(name: str, address: str, *expected: str, height: int = 1000, width: int = 1700) -> Page:
            page = browser.new_page(viewport={"width": width, "height": height})
            page.goto(address)
            for text in expected:
                page.get_by_text(re.compile(text)).first.wait_for(timeout=60_000, state="attached")
            page.wait_for_load_state("networkidle")
            page.wait_for_timeout(1500)  # the graph fades in
            page.screenshot(path=str(out / f"{name}.png"))
            print(f"{name}.png  {address.replace(url, '')}", flush=True)  # noqa: T201
            return page

        shoot("graph", f"{url}/asset-groups", "published", height=1150, width=1900).close()
        shoot("run_green", f"{url}/runs/{green}", "Success").close()
        shoot("run_red", f"{url}/runs/{red}", "Failure|Failed").close()
        shoot("check_red", f"{url}/assets/files/leads?view=checks&checkDetail=contract", "created_in_range").close()
        shoot("source_stale", f"{url}/assets/files/leads?view=checks&checkDetail=fresh", "consent is stale").close()
        upstream = "view=lineage&lineageScope=upstream&lineageDepth=12"
        shoot("lineage", f"{url}/assets/marts/fct_lead?{upstream}", "stg_files__leads", height=1100, width=1700).close()
        shoot("data_docs", (settings.data_docs_dir / "index.html").as_uri(), "rpt_kpi").close()
        browser.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="throw the pictures away: only see that they can be taken")
    parser.add_argument("--keep", type=Path, help="work in this folder and keep it")
    options = parser.parse_args()
    browser_path = chromium()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        out = folder / "pictures"
        out.mkdir(parents=True, exist_ok=True)
        if not (folder / "data").exists():
            for console in two_nights(folder):
                print(console, flush=True)  # noqa: T201
        take(folder, out, browser_path)
        if not options.check:
            PICTURES.mkdir(parents=True, exist_ok=True)
            for name in IN_DOCS:
                shutil.copy(out / f"{name}.png", PICTURES)
    print("all pictures were taken and say what they should", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
