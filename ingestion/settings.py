"""The one place for configuration. Values come from the environment or .env; nothing is read at import."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from dotenv import load_dotenv
from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PROJECT_DIR = Path(__file__).resolve().parent.parent


class SettingsError(RuntimeError):
    """A setting is missing or cannot be; the message names it and says what to do."""


class Settings(BaseSettings):
    """All settings of the house; `.env.example` documents each. Names carry the prefix WAREHOUSE_."""

    model_config = SettingsConfigDict(env_prefix="WAREHOUSE_", env_file=".env", extra="ignore", frozen=True)

    data_dir: Path = Path("data")
    files_catalogue: Path = Path("drop/catalogue.yml")
    as_of: date | None = None  # replaces the clock; None means today in the reporting zone
    reporting_time_zone: str = "Europe/Oslo"
    load_workers: int = Field(default=2, ge=1, le=32)
    memory_limit: str = Field(
        default="4GB", pattern=r"^[1-9][0-9]*(MB|GB|MiB|GiB)$"
    )  # of one DuckDB; the rest goes to disk
    demo: bool = True  # run on the simulated company while no source is configured
    demo_size: Literal["tiny", "small", "medium", "large"] = "small"
    keep_generations: int = Field(default=7, ge=1)
    hash_key: SecretStr | None = None  # keys the hashes of personal identifiers; `python -m ingestion init` makes one
    alert_webhook_url: SecretStr | None = None
    alert_email_to: str | None = None
    alert_email_from: str = "marketing-warehouse@localhost"
    smtp_host: str = "127.0.0.1"
    smtp_port: int = 25
    smtp_user: str | None = None
    smtp_password: SecretStr | None = None
    smtp_starttls: bool = False

    @field_validator("data_dir", "files_catalogue")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value if value.is_absolute() else PROJECT_DIR / value

    @field_validator("reporting_time_zone")
    @classmethod
    def _zone(cls, value: str) -> str:
        ZoneInfo(value)
        return value

    def today(self) -> date:
        """The as-of date of a run that was given none."""
        return self.as_of or datetime.now(ZoneInfo(self.reporting_time_zone)).date()

    def require_hash_key(self) -> bytes:
        """The key of the personal hashes, at least 16 bytes. Raises SettingsError."""
        key = self.hash_key.get_secret_value() if self.hash_key else ""
        if len(key) < 16:
            raise SettingsError(
                "WAREHOUSE_HASH_KEY is missing or shorter than 16 characters; "
                "`python -m ingestion init` writes one to .env (keep it: with another key all person keys change)"
            )
        return key.encode()

    # The data folder, room by room.
    @property
    def raw_dir(self) -> Path:
        return self.data_dir / "raw"

    def raw_file(self, source: str) -> Path:
        return self.raw_dir / f"raw_{source}.duckdb"

    @property
    def ops_file(self) -> Path:
        return self.raw_dir / "raw_ops.duckdb"

    @property
    def warehouse_file(self) -> Path:
        return self.data_dir / "warehouse.duckdb"

    @property
    def published_dir(self) -> Path:
        return self.data_dir / "published"

    @property
    def pipelines_dir(self) -> Path:
        return self.data_dir / "pipelines"

    @property
    def quarantine_dir(self) -> Path:
        return self.data_dir / "quarantine"

    @property
    def scratch_dir(self) -> Path:
        return self.data_dir / "scratch"

    @property
    def data_docs_dir(self) -> Path:
        return self.data_dir / "data_docs"

    @property
    def dbt_dir(self) -> Path:
        return self.data_dir / "dbt"

    @property
    def dagster_home(self) -> Path:
        return self.data_dir / "dagster"


@cache
def get_settings() -> Settings:
    """The settings of this process. Tests build their own `Settings(...)` instead.

    The rest of .env goes into the environment, unless set there: the clouds' clients look for their keys in it.
    """
    load_dotenv(PROJECT_DIR / ".env", override=False)
    return Settings(_env_file=PROJECT_DIR / ".env")  # type: ignore[call-arg]


@contextmanager
def environment_of(values: Mapping[str, str]) -> Iterator[None]:
    """Variables that hold inside the block, for libraries that look for their settings in the environment."""
    before = {key: os.environ.get(key) for key in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for key, value in before.items():
            if value is None:
                os.environ.pop(key, None)
            else:
                os.environ[key] = value
