"""The company as it is set up: ad accounts, campaigns, ads, keywords, and what was made wrong on purpose.

Fixed by seed, start and size; nothing here depends on how far the company has been simulated, except that `entities`
leaves out what lies ahead. The plan reaches MAX_DAYS from the start: numbers of lines and campaigns never change.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import date, timedelta
from functools import cached_property
from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt

from ingestion.sandbox.ad_setup import (
    ACCOUNT_DIGITS,
    ACCOUNTS,
    ACTIONS,
    AD_FORMATS,
    BRAND_CTR,
    COUNTRIES,
    CTR,
    DEVICE_SHARES,
    HEADLINES,
    ID_DIGITS,
    KEYWORDS,
    MATCH_TYPES,
    MIS_TAGGED,
    NETWORK_SHARES,
    NETWORKS,
    PLANS,
    PLATFORM_NETWORKS,
    SITE,
    TERM_FORMS,
    UTM_MEDIUM,
    UTM_SOURCE,
    WINDOWS,
    Account,
    Plan,
)
from ingestion.sandbox.sizes import Size

MAX_DAYS = 1_830


def epoch(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - date(1970, 1, 1)).days


def from_epoch(days: int) -> date:
    return date(1970, 1, 1) + timedelta(days=int(days))


@dataclass(frozen=True)
class Campaign:
    """A campaign as planned; `first`..`last` are epoch days (last exclusive) in which it is shown."""

    plan: Plan
    index: int
    account: int
    platform: str
    campaign_id: str
    name: str
    first: int
    last: int
    mask: int  # bit i: shown in COUNTRIES[i]
    budget_micros: int

    @property
    def sells_clicks(self) -> bool:
        return self.platform in ("google_ads", "microsoft_ads")

    @property
    def has_keywords(self) -> bool:
        return self.plan.type == "search"


@dataclass(frozen=True)
class Lines:
    """The cells of delivery: one element a (campaign, ad group, ad, keyword, network, device); -1 where there is none."""

    key: npt.NDArray[np.uint64]
    campaign: npt.NDArray[np.int64]
    account: npt.NDArray[np.int64]
    group: npt.NDArray[np.int64]
    ad: npt.NDArray[np.int64]
    keyword: npt.NDArray[np.int64]
    network: npt.NDArray[np.int64]
    device: npt.NDArray[np.int64]
    weight: npt.NDArray[np.float64]  # share of the campaign, of its device and all
    first: npt.NDArray[np.int64]
    last: npt.NDArray[np.int64]
    ctr: npt.NDArray[np.float64]
    wears: npt.NDArray[np.float64]  # days of half-life of the click rate after three weeks; inf for search

    def __len__(self) -> int:
        return len(self.key)


@dataclass
class Company:
    """Everything set up for (seed, size, start). Entities are lists of rows; `lines` the cells they deliver in."""

    seed: int
    size: Size
    start: date
    accounts: tuple[Account, ...] = ()
    campaigns: list[Campaign] = field(default_factory=list)
    group_ids: list[str] = field(default_factory=list)
    ad_ids: list[str] = field(default_factory=list)
    ad_urls: list[str] = field(default_factory=list)
    keyword_ids: list[str] = field(default_factory=list)
    keyword_texts: list[str] = field(default_factory=list)
    keyword_match: list[int] = field(default_factory=list)
    planted: list[dict[str, Any]] = field(default_factory=list)
    _rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    _lines: list[tuple[Any, ...]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.accounts = tuple(
            Account(
                **{
                    **a.__dict__,
                    "account_id": self.make_id(f"account/{a.key}", ACCOUNT_DIGITS[a.platform]),
                    "manager_id": {
                        "google_ads": self.make_id("manager/google", 10),
                        "microsoft_ads": self.make_id("manager/ms", 8),
                    }.get(a.platform),
                }
            )
            for a in ACCOUNTS
        )
        tables = (
            "ad_accounts",
            "ad_campaigns",
            "ad_groups",
            "ads",
            "ad_keywords",
            "ad_conversion_actions",
            "lead_forms",
        )
        self._rows = {name: [] for name in tables}
        self._accounts()
        for plan in PLANS:
            self._campaign(plan)
        self._people_and_outage()

    # --- helpers -------------------------------------------------------------------------------------------------
    def make_id(self, key: str, digits: int) -> str:
        """A fixed decimal id of so many digits, the first never 0."""
        number = int.from_bytes(blake2b(f"{self.seed}/{key}".encode(), digest_size=16).digest(), "little")
        return str(10 ** (digits - 1) + number % (9 * 10 ** (digits - 1)))

    def day(self, share: float) -> int:
        """Epoch day at a share of the size's days, counted from the start."""
        return epoch(self.start) + round(share * self.size.days)

    def _number(self, key: str) -> float:
        return int.from_bytes(blake2b(f"{self.seed}/{key}".encode(), digest_size=7).digest(), "little") / 2**56

    def _plant(self, kind: str, text: str, campaign: Campaign | None, entity: str, first: int, last: int) -> None:
        account = self.accounts[campaign.account] if campaign else None
        self.planted.append(
            {
                "kind": kind, "description": text, "platform": campaign.platform if campaign else None,
                "account_id": account.account_id if account else None, "entity_id": entity,
                "valid_from": from_epoch(first), "from_date": from_epoch(first), "to_date": from_epoch(last),
            }
        )  # fmt: skip

    # --- setting up ----------------------------------------------------------------------------------------------
    def _accounts(self) -> None:
        made = self.start - timedelta(days=700)
        for account in self.accounts:
            self._rows["ad_accounts"].append(
                {
                    "platform": account.platform, "account_id": account.account_id, "account_name": account.name,
                    "currency": account.currency, "time_zone": account.zone, "manager_id": account.manager_id,
                    "created_date": made,
                }
            )  # fmt: skip
            click, view = WINDOWS[account.platform]
            for name, category, primary, counting in ACTIONS:
                self._rows["ad_conversion_actions"].append(
                    {
                        "platform": account.platform, "account_id": account.account_id,
                        "action_id": self.make_id(f"action/{account.key}/{category}", 9), "name": name,
                        "category": category, "is_primary": primary, "click_window_days": click,
                        "view_window_days": view, "counting": counting,
                    }
                )  # fmt: skip

    def _campaign(self, plan: Plan) -> None:
        account_index = next(i for i, a in enumerate(self.accounts) if a.key == plan.account)
        account = self.accounts[account_index]
        start = epoch(self.start)
        always = plan.window is None
        age = 30 + int(self._number(f"age/{plan.key}") * 400)
        first = start - age if plan.window is None or plan.window[0] == 0 else self.day(plan.window[0])
        last = start + MAX_DAYS if plan.window is None or plan.window[1] > 1 else self.day(plan.window[1])
        countries = plan.countries.split()
        kind = "brandsearch" if plan.channel == "brand_search" else plan.type.replace("_", "-")
        label = "EU" if len(countries) > 1 else countries[0]
        name = f"{label}_{plan.stage}_{kind}_{plan.theme}_{from_epoch(first):%Y%m}"
        if plan.key == "tt_re":
            name = "Test ny kampanje (Kari)"
        cpc_cost = plan.clicks * plan.price
        daily = cpc_cost if account.platform in ("google_ads", "microsoft_ads") else cpc_cost / 1000 / CTR[plan.type]
        budget = max(int(daily * self.size.volume * plan.budget_share * 1.6 / 5 + 1), 1) * 5_000_000
        campaign = Campaign(
            plan, len(self.campaigns), account_index, account.platform,
            self.make_id(f"campaign/{plan.key}", ID_DIGITS[account.platform]), name, first, last,
            sum(1 << COUNTRIES.index(c) for c in countries), budget,
        )  # fmt: skip
        self.campaigns.append(campaign)
        self._campaign_versions(campaign, always)
        devices = DEVICE_SHARES[account.platform]
        networks = NETWORK_SHARES.get((account.platform, plan.type)) or PLATFORM_NETWORKS[account.platform]
        if plan.type == "performance_max":
            for network, share in networks.items():
                self._add_lines(
                    campaign, (-1, -1, -1, 1.0, campaign.first, campaign.last, np.inf), network, share, devices
                )
            return
        n_groups = 2 if plan.clicks >= 3 else 1
        for g in range(n_groups):
            self._group(campaign, g, n_groups, networks, devices)

    def _campaign_versions(self, campaign: Campaign, always: bool) -> None:
        plan, account = campaign.plan, self.accounts[campaign.account]
        base = {
            "platform": campaign.platform, "account_id": account.account_id, "campaign_id": campaign.campaign_id,
            "valid_from": from_epoch(campaign.first), "name": campaign.name, "status": "active",
            "campaign_type": plan.type,
            "objective": {"awareness": "awareness", "consideration": "traffic", "purchase": "sales"}[plan.stage]
            if plan.type != "lead_gen"
            else "leads",
            "daily_budget_micros": campaign.budget_micros, "budget_id": self.make_id(f"budget/{plan.key}", 10),
            "bid_strategy": _bid_strategy(campaign), "start_date": from_epoch(campaign.first),
            "end_date": None if always or (plan.window and plan.window[1] > 1) else from_epoch(campaign.last - 1),
            "is_retargeting": plan.channel == "retargeting",
        }  # fmt: skip
        versions = self._rows["ad_campaigns"]
        versions.append(base)
        if plan.key == "garden":
            versions.append({**base, "valid_from": from_epoch(campaign.last), "status": "removed"})
            text = "deleted with spend behind it: the vendor's entity lists no longer name it, the account's totals hold it"
            self._plant("deleted_campaign", text, campaign, campaign.campaign_id, campaign.last, campaign.last)
        elif base["end_date"] is not None:
            versions.append({**base, "valid_from": from_epoch(campaign.last), "status": "paused"})
        if plan.key == "shopping_all":
            day = self.day(0.5)
            versions.append(
                {**base, "valid_from": from_epoch(day), "name": campaign.name.replace("_alle_", "_sortiment_")}
            )
            self._plant("renamed_campaign", "its name changes, its id stays", campaign, campaign.campaign_id, day, day)
        if plan.key == "desks":
            new = {**base, "daily_budget_micros": campaign.budget_micros * 13 // 10}
            versions.append({**new, "valid_from": from_epoch(self.day(0.45))})
        if plan.key == "tt_re":
            text = "the name breaks the naming convention"
            self._plant(
                "naming_broken", text, campaign, campaign.campaign_id, epoch(self.start), epoch(self.start) + MAX_DAYS
            )
        if plan.key == "chairs":
            day = self.breach_day
            text = "cost above twice the daily budget, the most Google may spend on a day"
            self._plant("budget_cap_breach", text, campaign, campaign.campaign_id, day, day)
        if plan.type == "lead_gen" and campaign.platform == "linkedin_ads":
            self._rows["lead_forms"].append(
                {
                    "platform": campaign.platform, "account_id": account.account_id,
                    "form_id": self.make_id(f"form/{plan.key}", 8),
                    "name": f"Skjema {plan.theme}", "created_date": from_epoch(campaign.first),
                }
            )  # fmt: skip

    @property
    def breach_day(self) -> int:
        """The epoch day on which a Google campaign spends above its cap."""
        return self.day(0.6)

    @property
    def outage_days(self) -> range:
        """Epoch days on which the site's tags are broken."""
        return range(self.day(0.7), self.day(0.7) + max(self.size.days // 60, 1) + 1)

    @cached_property
    def planted_visits(self) -> list[tuple[int, int, int, bool]]:
        """(epoch day, person, device, buys) of visits that happen whatever else."""
        couple = [(self.day(0.3), 0, 0, True), (self.day(0.35), 1, 0, True)]
        return couple + [(self.day(0.2 + 0.05 * k), 2, k, k == 2) for k in range(3)]

    def _people_and_outage(self) -> None:
        first, last = self.outage_days[0], self.outage_days[-1]
        text = "the site's tags are broken: most visits and all conversions on the site go unseen"
        self._plant("tracking_breakdown", text, None, "site", first, last)
        days = [d for d, _, _, _ in self.planted_visits]
        text = "two people buy with one e-mail address: persons 0 and 1"
        self._plant("shared_address", text, None, "0", days[0], days[1])
        text = "one person logged in on three devices: person 2"
        self._plant("three_devices", text, None, "2", days[2], days[4])

    def _group(
        self, campaign: Campaign, g: int, n_groups: int, networks: dict[str, float], devices: tuple[float, ...]
    ) -> None:
        plan, account = campaign.plan, self.accounts[campaign.account]
        group_index = len(self.group_ids)
        group_id = self.make_id(f"group/{plan.key}/{g}", ID_DIGITS[campaign.platform])
        self.group_ids.append(group_id)
        ids = {"platform": campaign.platform, "account_id": account.account_id, "campaign_id": campaign.campaign_id}
        bid = round(plan.price * 100) * 10_000
        row = {
            **ids, "ad_group_id": group_id, "valid_from": from_epoch(campaign.first), "name": f"{plan.theme}_{'ab'[g]}",
            "status": "active", "bid_micros": bid,
        }  # fmt: skip
        self._rows["ad_groups"].append(row)
        if plan.key == "lamps" and g == 1:
            self._rows["ad_groups"].append(
                {**row, "valid_from": from_epoch(self.day(0.55)), "bid_micros": bid // 100_000 * 80_000}
            )
        keywords: list[tuple[int, float]] = [(-1, 1.0)]
        if campaign.has_keywords:
            words = KEYWORDS[plan.theme][g::n_groups] or KEYWORDS[plan.theme]
            keywords = [(self._keyword(campaign, group_id, k, w), 1 / (1.5 + k)) for k, w in enumerate(words)]
        n_slots = {"search": 2, "shopping": 1, "lead_gen": 2}.get(plan.type, 3 if n_groups == 2 else 2)
        share = (0.6, 0.4)[g] if n_groups == 2 else 1.0
        for slot in range(n_slots):
            for ad, first, last, wears in self._ads(campaign, group_id, g, slot):
                for keyword, keyword_share in keywords:
                    weight = (
                        share * keyword_share / sum(k for _, k in keywords) * (1 + 0.5 * (slot == 0)) / (n_slots + 0.5)
                    )
                    for network, network_share in networks.items():
                        what = (group_index, ad, keyword, weight, first, last, wears)
                        self._add_lines(campaign, what, network, network_share, devices)

    def _keyword(self, campaign: Campaign, group_id: str, k: int, text: str) -> int:
        match = k % 3
        keyword_id = self.make_id(f"keyword/{campaign.plan.key}/{group_id}/{text}", 12)
        self.keyword_ids.append(keyword_id)
        self.keyword_texts.append(text)
        self.keyword_match.append(match)
        self._rows["ad_keywords"].append(
            {
                "platform": campaign.platform, "account_id": self.accounts[campaign.account].account_id,
                "campaign_id": campaign.campaign_id, "ad_group_id": group_id, "keyword_id": keyword_id,
                "valid_from": from_epoch(campaign.first), "text": text, "match_type": MATCH_TYPES[match],
                "status": "active",
            }
        )  # fmt: skip
        return len(self.keyword_ids) - 1

    def _ads(self, campaign: Campaign, group_id: str, g: int, slot: int) -> list[tuple[int, int, int, float]]:
        """The generations of a slot: (ad index, first day, last day, half-life of its click rate in days)."""
        plan = campaign.plan
        rotates = plan.type not in ("search", "shopping")
        life = (70 + 15 * slot) if rotates else 150 + 40 * slot
        worn_out = plan.key == "fb_pro_style" and g == 0 and slot == 0  # nobody ever replaces this one
        start = epoch(self.start)
        begin = max(campaign.first, start - int(self._number(f"phase/{plan.key}/{g}/{slot}") * life))
        made: list[tuple[int, int, int, float]] = []
        generation = 0
        while begin < campaign.last and (not worn_out or generation == 0):
            end = campaign.last if worn_out else min(begin + life, campaign.last)
            wears = 40.0 if worn_out else 75.0 if rotates else np.inf
            made.append((self._ad(campaign, group_id, f"{g}/{slot}/{generation}", begin, end), begin, end, wears))
            if worn_out:
                text = "a creative that is never replaced: its click rate falls week by week"
                self._plant("worn_out_creative", text, campaign, self.ad_ids[-1], begin, end)
            begin, generation = end, generation + 1
        return made

    def _ad(self, campaign: Campaign, group_id: str, slot: str, first: int, last: int) -> int:
        plan, account = campaign.plan, self.accounts[campaign.account]
        ad_id = self.make_id(f"ad/{plan.key}/{slot}", ID_DIGITS[campaign.platform])
        number = int(self._number(f"look/{plan.key}/{slot}") * 1000)
        formats = AD_FORMATS.get(plan.type, ["image", "video", "carousel"])
        look = formats[number % len(formats)]
        name = f"{plan.theme}_{look}_v{slot.replace('/', '')}"
        path = f"{SITE}/{plan.theme}"
        source, medium = UTM_SOURCE.get(campaign.platform), UTM_MEDIUM.get(campaign.platform)
        wrong = MIS_TAGGED.get((plan.key, slot.rsplit("/", 1)[0]))
        url = path
        if source:
            source, medium = (wrong[0] or source, wrong[1] or medium) if wrong else (source, medium)
            url = f"{path}?utm_source={source}&utm_medium={medium}&utm_campaign={campaign.name.lower()}&utm_content={name}"
            url = path if wrong == ("", "") else url.replace(" ", "%20").replace("ø", "%C3%B8")
        if wrong:
            self._plant("mis_tagged_link", wrong_text(wrong), campaign, ad_id, first, last - 1)
        row = {
            "platform": campaign.platform, "account_id": account.account_id, "campaign_id": campaign.campaign_id,
            "ad_group_id": group_id, "ad_id": ad_id, "valid_from": from_epoch(first), "name": name,
            "status": "active", "format": look, "headline": HEADLINES[number % len(HEADLINES)], "final_url": url,
            "creative_id": self.make_id(f"creative/{plan.key}/{slot}", ID_DIGITS[campaign.platform]),
            "created_date": from_epoch(first),
            "audience_size": int((4_000 + 30 * number) * self.size.volume * (0.2 if plan.channel == "retargeting" else 1.0)),
        }  # fmt: skip
        self._rows["ads"] += [row, {**row, "valid_from": from_epoch(last), "status": "paused"}]
        self.ad_ids.append(ad_id)
        self.ad_urls.append(url)
        return len(self.ad_ids) - 1

    def _add_lines(
        self, campaign: Campaign, what: tuple[Any, ...], network: str, share: float, devices: tuple[float, ...]
    ) -> None:
        group, ad, keyword, weight, first, last, wears = what
        ctr = BRAND_CTR if campaign.plan.channel == "brand_search" else CTR[campaign.plan.type]
        for device, device_share in enumerate(devices):
            if device_share:
                self._lines.append(
                    (campaign.index, campaign.account, group, ad, keyword, NETWORKS.index(network), device,
                     weight * share * device_share, first, last, ctr, wears)
                )  # fmt: skip

    # --- what others read ----------------------------------------------------------------------------------------
    @cached_property
    def lines(self) -> Lines:
        names = [f.name for f in fields(Lines)]
        types: dict[str, Any] = {"key": np.uint64, "weight": np.float64, "ctr": np.float64, "wears": np.float64}
        columns: list[Any] = [range(len(self._lines)), *zip(*self._lines, strict=True)]
        arrays: dict[str, Any] = {n: np.array(c, types.get(n, np.int64)) for n, c in zip(names, columns, strict=True)}
        return Lines(**arrays)

    @cached_property
    def search_terms(self) -> list[str]:
        """The searches that can show a keyword: element keyword * N_TERMS + form."""
        return [form.format(text) for text in self.keyword_texts for form in TERM_FORMS]

    def action_id(self, account: int, category: str) -> str:
        return self.make_id(f"action/{self.accounts[account].key}/{category}", 9)

    def entities(self, through: date) -> dict[str, list[dict[str, Any]]]:
        """Rows of every entity table known at the end of `through`, in an order in which later rows only follow."""
        out = {}
        for name, rows in {**self._rows, "planted_errors": self.planted}.items():
            when = "valid_from" if name not in ("ad_accounts", "lead_forms") else "created_date"
            known = [r for r in rows if r.get(when, self.start) <= through]
            out[name] = sorted(known, key=lambda r: r.get(when, self.start))
        return out


def wrong_text(wrong: tuple[str, str]) -> str:
    if wrong == ("", ""):
        return "the link carries no UTM tags"
    return f"the link says utm_source={wrong[0]}, utm_medium={wrong[1]}"


def _bid_strategy(campaign: Campaign) -> str:
    if not campaign.sells_clicks:
        return "lowest_cost" if campaign.plan.channel != "prospecting" else "target_cpm"
    return {"purchase": "target_roas", "consideration": "maximize_conversions", "awareness": "maximize_clicks"}[
        campaign.plan.stage
    ]
