"""One module a step of the night: raw, dbt, audit, publication, verdict."""
