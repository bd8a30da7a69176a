"""The last step: red after publishing if anything was red, so that nobody waited for it."""

import dagster as dg

from orchestration import publish
from orchestration.assets.audit import AUDIT
from orchestration.assets.publication import PUBLICATION
from orchestration.night import judge
from orchestration.resources import Night

VERDICT = dg.AssetKey(["night", "verdict"])


def build_verdict() -> dg.AssetsDefinition:
    spec = dg.AssetSpec(
        VERDICT,
        deps=[PUBLICATION, AUDIT],
        group_name="night",
        description="Fails when a source, a contract or a critical check failed, a check crashed, or nothing "
        "was published. What is good is already out by then.",
    )

    @dg.multi_asset(name="verdict", specs=[spec])
    def verdict(context: dg.AssetExecutionContext, night: Night) -> dg.MaterializeResult[None]:
        with night.step("verdict") as record:
            current = publish.current_generation(night.settings)
            found = judge(record, still=f"; readers still see {current.id}" if current else "")
            if found.is_red:
                raise dg.Failure(found.text(), allow_retries=False)
        context.log.info(found.text())
        return dg.MaterializeResult(
            asset_key=VERDICT,
            metadata={"verdict": "green", "warnings": list(found.warnings), "published": found.published},
        )

    return verdict
