"""Who may read what in the sandbox's BigQuery."""

from __future__ import annotations

from ingestion.sandbox.server.vendor import Tokens

TOKENS = Tokens("sandbox.apps.googleusercontent.com", "sandbox-bigquery-client-secret", "1//sandbox-bigquery-token")
PROJECT, LOCATION = "nordlyskontor-web", "EU"
CLOSED = "finance"  # a dataset that the user may see but not read
