"""The vendor's refusal, and its words for time zones, networks, devices and states."""

from __future__ import annotations

from collections.abc import Mapping


class Refused(Exception):
    """The vendor says no; args are (numeric code, symbolic code, message)."""


def refuse_unknown(given: Mapping[str, object], *names: str) -> None:
    if unknown := sorted(set(given) - set(names)):
        raise Refused(
            201, "ApiInputValidationError", f"The request holds {unknown[0]!r}, which is not a member of its type."
        )


def case_of(column: str, words: Mapping[str, str]) -> str:
    """SQL that says a value of ours in the vendor's word; fails on one that has none."""
    return f"case {column} " + " ".join(f"when '{ours}' then '{theirs}'" for ours, theirs in words.items()) + " end"


STATUSES = {"active": "Active", "paused": "Paused", "removed": "Deleted"}
CAMPAIGN_TYPES = {
    "search": "Search", "shopping": "Shopping", "performance_max": "PerformanceMax", "display": "Audience",
    "video": "Audience", "prospecting": "Audience", "retargeting": "Audience",
}  # fmt: skip
NETWORKS = {"search": "Microsoft sites and select traffic", "partner": "Syndicated search partners"}
DEVICES = {"mobile": "Smartphone", "desktop": "Computer", "tablet": "Tablet"}
MATCH_TYPES = {"exact": "Exact", "phrase": "Phrase", "broad": "Broad"}
AD_TYPES = {"responsive_search": "ResponsiveSearch", "product": "Product"}
GOAL_CATEGORIES = {
    "purchase": "Purchase", "lead": "SubmitLeadForm", "phone_call": "Contact", "sign_up": "Signup",
    "add_to_cart": "AddToCart", "page_view": "PageView",
}  # fmt: skip
TIME_ZONES = {
    "Europe/Oslo": "AmsterdamBerlinBernRomeStockholmVienna",
    "Europe/Stockholm": "AmsterdamBerlinBernRomeStockholmVienna",
    "Europe/Berlin": "AmsterdamBerlinBernRomeStockholmVienna",
    "Europe/Copenhagen": "BrusselsCopenhagenMadridParis",
    "Europe/Helsinki": "HelsinkiKyivRigaSofiaTallinnVilnius",
    "America/New_York": "EasternTimeUSCanada",
    "UTC": "GreenwichMeanTimeDublinEdinburghLisbonLondon",
}
