"""Publishing: the audited marts become a generation, all or nothing."""

from collections.abc import Iterator, Sequence

import dagster as dg

from ingestion import ops
from orchestration import publish
from orchestration.assets.audit import AUDIT, audit_marts
from orchestration.progress import tell
from orchestration.resources import Night

PUBLICATION = dg.AssetKey(["night", "publication"])


def published_key(mart: dg.AssetKey) -> dg.AssetKey:
    return dg.AssetKey(["published", mart.path[-1]])


def build_publication(marts: Sequence[dg.AssetSpec]) -> dg.AssetsDefinition:
    published = [
        dg.AssetSpec(
            published_key(mart.key),
            deps=[mart.key, AUDIT],
            description=f"What BI reads. {mart.description or ''}".strip(),
            group_name="published",
            owners=mart.owners,
            kinds={"duckdb", "parquet"},
            skippable=True,  # a night that may not publish leaves yesterday's
        )
        for mart in marts
    ]
    outcome = dg.AssetSpec(
        PUBLICATION,
        deps=[AUDIT],
        description="Which generation readers see, or why tonight's was held back.",
        group_name="night",
    )

    @dg.multi_asset(name="publish", specs=[*published, outcome])
    def publish_marts(context: dg.AssetExecutionContext, night: Night) -> Iterator[dg.MaterializeResult[None]]:
        with night.step("publish") as record:
            as_of = night.built_as_of()
            if not record.audited:
                audit_marts(night, record)  # published alone, from the UI: nothing goes out that was not audited
            if record.blocked:
                current = publish.current_generation(night.settings)
                stays = f"readers still see {current.id}" if current else "nothing was ever published"
                context.log.error(f"held back: {'; '.join(record.blocked)}; {stays}")
                tell("publish", f"held back, {stays}")
                yield dg.MaterializeResult(
                    asset_key=PUBLICATION,
                    metadata={
                        "published": False,
                        "blocked by": record.blocked,
                        "readers see": current.id if current else "",
                    },
                )
                return
            generation = publish.publish(
                night.settings,
                as_of,
                checks={**record.checks, "not passed": record.not_passed},
                sources=list(ops.read_load_status(night.settings).values()),
                progress=context.log.debug,
            )
            manifest = generation.manifest()
            ops.record_volumes(night.settings, as_of, {m: v["rows"] for m, v in manifest["marts"].items()})
            record.published = {
                "generation": generation.id,
                "n_marts": len(manifest["marts"]),
                "n_rows": sum(v["rows"] for v in manifest["marts"].values()),
                "path": str(night.settings.published_dir / "marts.duckdb"),
            }
            tell(
                "publish",
                f"{generation.id}: {record.published['n_marts']} marts, {record.published['n_rows']:,} rows",
            )
        for spec in published:
            if mart := manifest["marts"].get(spec.key.path[-1]):
                yield dg.MaterializeResult(
                    asset_key=spec.key,
                    metadata={
                        "dagster/row_count": mart["rows"],
                        "fingerprint": mart["fingerprint"],
                        "generation": generation.id,
                        "parquet": dg.MetadataValue.path(generation.path / "parquet" / f"{spec.key.path[-1]}.parquet"),
                    },
                )
        yield dg.MaterializeResult(
            asset_key=PUBLICATION,
            metadata={
                "published": True,
                "generation": generation.id,
                "as_of": as_of.isoformat(),
                "DuckDB file": dg.MetadataValue.path(night.settings.published_dir / "marts.duckdb"),
                "manifest": dg.MetadataValue.path(generation.path / "manifest.json"),
            },
        )

    return publish_marts
