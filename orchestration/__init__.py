"""The night: assets, schedule, verdict and publishing. The only room that imports dagster."""
