"""When no system of one's own is configured, a night runs on the simulated company: made, served, read, and ended.

What was loaded from it stays in the data folder, which is marked: a company's own data is never mixed with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from ingestion import ops
from ingestion.registry import all_specs
from ingestion.settings import Settings, SettingsError, environment_of

if TYPE_CHECKING:
    from ingestion.sandbox.company import Company

SEED = 20
Say = Callable[[str, bool], None]  # (message, whether it only matters until the next)


def company_folder(settings: Settings) -> Path:
    return settings.data_dir / "sandbox" / settings.demo_size


def company_of_the_demo(settings: Settings, as_of: date) -> Company:
    """What is set up for the demo's company, or for the one that a demo on `as_of` would make."""
    from ingestion.sandbox.company import Company
    from ingestion.sandbox.sizes import SIZES
    from ingestion.sandbox.store import World

    try:
        world = World.open(company_folder(settings))
    except FileNotFoundError:
        size = SIZES[settings.demo_size]
        return Company(SEED, size, as_of - timedelta(days=size.days))
    return Company(world.seed, SIZES[world.size], world.start_date)


def _mark(settings: Settings) -> Path:
    return settings.data_dir / "sandbox" / "loaded_from_here"


def wants_demo(settings: Settings) -> bool:
    """Whether a load runs on the simulated company. Raises SettingsError when it would be mixed with one's own data."""
    own = [spec.name for spec in all_specs() if spec.configured(settings).ready]
    marked = _mark(settings).exists()
    if own and marked:
        raise SettingsError(
            f"{', '.join(own)} is configured, but {settings.data_dir} holds the simulated company: move it away first "
            f"(mv {settings.data_dir} {settings.data_dir}-demo), so that made-up customers do not mix with yours"
        )
    if own or not settings.demo:
        return False
    loaded_own = any(s["status"] != "not configured" for s in ops.read_load_status(settings).values())
    return marked or not loaded_own


@contextmanager
def demo_if_needed(settings: Settings, as_of: date, say: Say = lambda message, passing: None) -> Iterator[Settings]:
    """The settings to load with: the given ones, or, while this is open, those under which every source reads the sandbox."""
    if not wants_demo(settings):
        yield settings
        return
    from ingestion.sandbox.drop_folder import make_drop_folder
    from ingestion.sandbox.ga4 import extend_events
    from ingestion.sandbox.plan import write_example
    from ingestion.sandbox.server.app import environment
    from ingestion.sandbox.server.run import served
    from ingestion.sandbox.store import World

    say("no source is configured: running on a simulated company (docs/sandbox.md)", False)
    folder = company_folder(settings)

    def progress(first: date, day: date, last: date) -> None:
        say(f"simulating {day} of {first} to {last}", True)

    try:
        world = World.create_or_extend(folder, settings.demo_size, SEED, as_of - timedelta(days=1), progress=progress)
    except ValueError as e:  # of another size, seed or version: what was loaded from it would not fit either
        raise SettingsError(f"{e}; move {settings.data_dir} away to begin anew") from e
    say(f"{world.size} company of {world.start_date} to {world.through_date}, in {folder}", False)
    drop = folder / "drop"
    make_drop_folder(drop, as_of, world)
    extend_events(world, export_folder(folder), as_of)
    write_example(plan_file(folder), world, as_of)
    _mark(settings).touch()
    with served(folder, as_of) as url, environment_of(environment(url) | of_company(folder, world.start_date)):
        say(f"its vendors answer on {url}", True)
        yield settings.model_copy(update={"files_catalogue": drop / "catalogue.yml"})
    say("the simulated company's server has ended", True)


def export_folder(folder: Path) -> Path:
    """Where a company's GA4 export lies."""
    return folder.resolve() / "ga4"


def plan_file(folder: Path) -> Path:
    """Where a company's marketing plan lies."""
    return folder.resolve() / "plan.xlsx"


def of_company(folder: Path, first: date) -> dict[str, str]:
    """The settings that depend on the company in `folder`, beside those of the server's vendors."""
    files = {"SOURCES__GA4_EXPORT__FOLDER": export_folder(folder), "SOURCES__PLAN__FILE": plan_file(folder)}
    return start_dates(first) | {name: str(path) for name, path in files.items()}


def start_dates(first: date) -> dict[str, str]:
    """The setting that lets the first pull of every source with days begin where the company does."""
    kinds = ("ads", "analytics", "email", "search")
    return {f"SOURCES__{s.name.upper()}__START_DATE": first.isoformat() for s in all_specs() if s.kind in kinds}
