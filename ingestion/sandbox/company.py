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

from ingestion.sandbox.sizes import Size

MAX_DAYS = 1_830
SITE = "https://www.nordlyskontor.example"
PLATFORMS = ("google_ads", "microsoft_ads", "meta_ads", "linkedin_ads", "tiktok_ads")
NETWORKS = (
    "search",
    "search_partners",
    "content",
    "youtube",
    "mixed",
    "partner",
    "facebook",
    "instagram",
    "linkedin",
    "tiktok",
)
DEVICES = ("mobile", "desktop", "tablet")
COUNTRIES = ("NO", "SE", "DK", "FI", "DE", "US")
COUNTRY_ZONES = (
    "Europe/Oslo",
    "Europe/Stockholm",
    "Europe/Copenhagen",
    "Europe/Helsinki",
    "Europe/Berlin",
    "America/New_York",
)
# What a campaign does to people; attribution never sees it. Order matters to nobody.
CHANNELS = ("brand_search", "generic_search", "shopping", "performance_max", "prospecting", "retargeting", "lead_gen")

_ID_DIGITS = {"google_ads": 11, "microsoft_ads": 9, "meta_ads": 17, "linkedin_ads": 9, "tiktok_ads": 19}
_ACCOUNT_DIGITS = {"google_ads": 10, "microsoft_ads": 9, "meta_ads": 15, "linkedin_ads": 9, "tiktok_ads": 19}
_UTM_SOURCE = {"microsoft_ads": "bing", "meta_ads": "facebook", "linkedin_ads": "linkedin", "tiktok_ads": "tiktok"}
_UTM_MEDIUM = {
    "microsoft_ads": "cpc",
    "meta_ads": "paid_social",
    "linkedin_ads": "paid_social",
    "tiktok_ads": "paid_social",
}
CLICK_PARAMETER = {
    "google_ads": "gclid", "microsoft_ads": "msclkid", "meta_ads": "fbclid", "linkedin_ads": "li_fat_id", "tiktok_ads": "ttclid",
}  # fmt: skip


def epoch(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - date(1970, 1, 1)).days


def from_epoch(days: int) -> date:
    return date(1970, 1, 1) + timedelta(days=int(days))


@dataclass(frozen=True)
class Account:
    platform: str
    key: str
    name: str
    currency: str
    zone: str
    nok: float  # about how many NOK a unit of its currency is worth, to value conversions
    account_id: str = ""
    manager_id: str | None = None


_ACCOUNTS = (
    Account("google_ads", "g_no", "Nordlys Kontor NO", "NOK", "Europe/Oslo", 1.0),
    Account("google_ads", "g_eu", "Nordlys Kontor EU", "EUR", "Europe/Helsinki", 11.6),
    Account("google_ads", "g_us", "Nordlys Contract US", "USD", "America/New_York", 10.1),
    Account("microsoft_ads", "b_no", "Nordlys Kontor", "NOK", "Europe/Oslo", 1.0),
    Account("microsoft_ads", "b_us", "Nordlys Contract", "USD", "America/New_York", 10.1),
    Account("meta_ads", "m_no", "Nordlys Kontor Norge", "NOK", "Europe/Oslo", 1.0),
    Account("meta_ads", "m_eu", "Nordlys Europe", "EUR", "Europe/Helsinki", 11.6),
    Account("linkedin_ads", "l_no", "Nordlys Bedrift", "USD", "UTC", 10.1),
    Account("linkedin_ads", "l_eu", "Nordlys Workspace", "EUR", "UTC", 11.6),
    Account("tiktok_ads", "t_no", "Nordlys TikTok", "NOK", "Europe/Oslo", 1.0),
)


@dataclass(frozen=True)
class Plan:
    """What is set up for a campaign. `clicks` is the expected number a day at volume 1; `price` a click, or 1000 views."""

    key: str
    account: str
    type: str
    channel: str
    stage: str
    theme: str
    countries: str
    clicks: float
    price: float
    window: tuple[float, float] | None = None  # shares of the size's days; None is always on
    budget_share: float = 1.5  # budget over expected cost


_EU = "SE DK FI DE"
_PLANS = (
    Plan("brand", "g_no", "search", "brand_search", "purchase", "merke", "NO", 9, 3.2),
    Plan("brand_product", "g_no", "search", "brand_search", "purchase", "merkeprodukt", "NO", 3, 4.1),
    Plan("chairs", "g_no", "search", "generic_search", "consideration", "kontorstoler", "NO", 8, 11.5),
    Plan("desks", "g_no", "search", "generic_search", "consideration", "hevsenkebord", "NO", 7, 13.0),
    Plan("lamps", "g_no", "search", "generic_search", "consideration", "belysning", "NO", 3.5, 7.5),
    Plan("storage", "g_no", "search", "generic_search", "consideration", "oppbevaring", "NO", 2.5, 6.8),
    Plan("b2b", "g_no", "search", "generic_search", "consideration", "bedrift", "NO", 3, 24.0),
    Plan("shopping_all", "g_no", "shopping", "shopping", "purchase", "alle", "NO", 10, 5.5),
    Plan("shopping_best", "g_no", "shopping", "shopping", "purchase", "bestselgere", "NO", 5, 6.2, (0.2, 9.0)),
    Plan("pmax_shop", "g_no", "performance_max", "performance_max", "purchase", "butikk", "NO", 9, 6.0),
    Plan("pmax_b2b", "g_no", "performance_max", "performance_max", "consideration", "bedrift", "NO", 3, 15.0, (0.15, 9.0)),
    Plan("gdn_re", "g_no", "display", "retargeting", "purchase", "besokende", "NO", 4, 3.0),
    Plan("gdn_pro", "g_no", "display", "prospecting", "awareness", "interiør", "NO", 3, 2.4),
    Plan("youtube", "g_no", "video", "prospecting", "awareness", "merkevare", "NO", 2, 4.5),
    Plan("demand", "g_no", "demand_gen", "prospecting", "awareness", "hjemmekontor", "NO", 3, 4.0),
    Plan("sale", "g_no", "search", "generic_search", "purchase", "salg", "NO", 5, 8.0, (0.3, 0.5)),
    Plan("garden", "g_no", "search", "generic_search", "consideration", "hagemobler", "NO", 3, 9.0, (0.0, 0.4)),
    Plan("eu_brand", "g_eu", "search", "brand_search", "purchase", "brand", _EU, 3, 0.35),
    Plan("eu_chairs", "g_eu", "search", "generic_search", "consideration", "office-chairs", _EU, 4, 1.10),
    Plan("eu_desks", "g_eu", "search", "generic_search", "consideration", "standing-desks", _EU, 3, 1.25),
    Plan("eu_shopping", "g_eu", "shopping", "shopping", "purchase", "all", _EU, 5, 0.52),
    Plan("eu_pmax", "g_eu", "performance_max", "performance_max", "purchase", "shop", _EU, 4, 0.60),
    Plan("eu_re", "g_eu", "display", "retargeting", "purchase", "visitors", _EU, 1.5, 0.30),
    Plan("us_brand", "g_us", "search", "brand_search", "purchase", "brand", "US", 1, 0.80),
    Plan("us_b2b", "g_us", "search", "generic_search", "consideration", "scandinavian-office", "US", 2, 3.40),
    Plan("ms_brand", "b_no", "search", "brand_search", "purchase", "merke", "NO", 2, 2.4),
    Plan("ms_chairs", "b_no", "search", "generic_search", "consideration", "kontorstoler", "NO", 2.2, 8.2),
    Plan("ms_b2b", "b_no", "search", "generic_search", "consideration", "bedrift", "NO", 1.6, 16.0),
    Plan("ms_shopping", "b_no", "shopping", "shopping", "purchase", "alle", "NO", 2, 4.2),
    Plan("ms_pmax", "b_no", "performance_max", "performance_max", "purchase", "butikk", "NO", 1.2, 4.4, (0.35, 9.0)),
    Plan("ms_us_brand", "b_us", "search", "brand_search", "purchase", "brand", "US", 0.6, 0.60),
    Plan("ms_us_b2b", "b_us", "search", "generic_search", "consideration", "scandinavian-office", "US", 1.2, 2.60),
    Plan("fb_pro_home", "m_no", "prospecting", "prospecting", "awareness", "hjemmekontor", "NO", 8, 62.0),
    Plan("fb_pro_style", "m_no", "prospecting", "prospecting", "awareness", "interiør", "NO", 6, 55.0),
    Plan("fb_video", "m_no", "video", "prospecting", "awareness", "merkevare", "NO", 3, 48.0, (0.1, 0.6)),
    Plan("fb_lookalike", "m_no", "prospecting", "prospecting", "consideration", "lignende", "NO", 5, 70.0),
    Plan("fb_re", "m_no", "retargeting", "retargeting", "purchase", "besokende", "NO", 6, 95.0),
    Plan("fb_cart", "m_no", "retargeting", "retargeting", "purchase", "handlekurv", "NO", 3, 120.0),
    Plan("fb_lead", "m_no", "lead_gen", "lead_gen", "consideration", "befaring", "NO", 1.5, 105.0),
    Plan("fb_sale", "m_no", "prospecting", "prospecting", "purchase", "salg", "NO", 6, 85.0, (0.32, 0.5)),
    Plan("fb_eu_pro", "m_eu", "prospecting", "prospecting", "awareness", "home-office", _EU, 5, 5.6),
    Plan("fb_eu_re", "m_eu", "retargeting", "retargeting", "purchase", "visitors", _EU, 2.5, 8.5),
    Plan("li_content", "l_no", "prospecting", "prospecting", "awareness", "arbeidsmiljo", "NO", 1.5, 38.0),
    Plan("li_video", "l_no", "video", "prospecting", "awareness", "kundehistorier", "NO", 0.8, 34.0, (0.25, 9.0)),
    Plan("li_lead", "l_no", "lead_gen", "lead_gen", "consideration", "guide", "NO", 1.5, 46.0),
    Plan("li_demo", "l_no", "lead_gen", "lead_gen", "consideration", "mote", "NO", 0.8, 52.0, (0.0, 0.65)),
    Plan("li_re", "l_no", "retargeting", "retargeting", "purchase", "besokende", "NO", 0.8, 44.0),
    Plan("li_eu", "l_eu", "prospecting", "prospecting", "awareness", "workspace", _EU, 1, 33.0),
    Plan("tt_pro", "t_no", "prospecting", "prospecting", "awareness", "studentrom", "NO", 6, 38.0),
    Plan("tt_video", "t_no", "video", "prospecting", "awareness", "for-etter", "NO", 4, 32.0, (0.1, 9.0)),
    Plan("tt_re", "t_no", "retargeting", "retargeting", "purchase", "besokende", "NO", 2, 60.0),
)  # fmt: skip

# Click-through rate a thousand views, by campaign type; social platforms sell the views, the others the clicks.
CTR = {
    "search": 0.055, "shopping": 0.011, "performance_max": 0.012, "display": 0.005, "video": 0.006, "demand_gen": 0.008,
    "prospecting": 0.010, "retargeting": 0.013, "lead_gen": 0.006,
}  # fmt: skip
_BRAND_CTR = 0.22
_KEYWORDS = {
    "merke": ["nordlys kontor", "nordlyskontor", "nordlys møbler"],
    "merkeprodukt": ["nordlys kontorstol", "nordlys hev senk bord"],
    "kontorstoler": ["kontorstol", "ergonomisk kontorstol", "kontorstol tilbud", "gamingstol"],
    "hevsenkebord": ["hev senk skrivebord", "hevsenkbord", "elektrisk skrivebord", "skrivebord"],
    "belysning": ["skrivebordslampe", "kontorlampe", "arbeidslampe"],
    "oppbevaring": ["kontorhylle", "arkivskap"],
    "bedrift": ["kontormøbler bedrift", "innrede kontor", "kontormøbler bergen", "akustikkpaneler"],
    "salg": ["kontorstol salg", "skrivebord salg", "møbelsalg"],
    "hagemobler": ["hagemøbler", "utemøbler", "hagestol"],
    "brand": ["nordlys kontor", "nordlys office"],
    "office-chairs": ["ergonomic office chair", "kontorsstol", "bürostuhl ergonomisch"],
    "standing-desks": ["standing desk", "höj och sänkbart skrivbord", "höhenverstellbarer schreibtisch"],
    "scandinavian-office": ["scandinavian office furniture", "nordic desk", "scandinavian office design"],
}
_TERM_FORMS = ("{}", "{} pris", "{} best i test", "billig {}", "brukt {}", "{} gratis levering i dag", "reparere {}")
TERM_SHARES = (0.46, 0.17, 0.13, 0.09, 0.08, 0.04, 0.03)  # the last two are rare: the vendor hides them
N_SHOWN_TERMS = 5
N_TERMS = len(_TERM_FORMS)
USELESS_TERMS = (4, 6)  # who searches these does not buy: candidates for negative keywords
_AD_FORMATS = {
    "search": ["responsive_search"], "shopping": ["product"], "display": ["image"], "video": ["video"],
    "demand_gen": ["image", "video", "carousel"], "lead_gen": ["single_image", "document"],
}  # fmt: skip
_HEADLINES = (
    "Sitt bedre i dag", "Hev deg litt", "Norsk design, ti års garanti", "Fri frakt over 1000 kr", "Kontoret som virker",
    "Roligere dager", "Lys som våkner med deg", "Bestill møte i dag", "Prøv hjemme i 30 dager", "Plass til alt",
)  # fmt: skip
_NETWORK_SHARES = {
    ("google_ads", "search"): {"search": 0.86, "search_partners": 0.14},
    ("google_ads", "shopping"): {"search": 1.0},
    ("google_ads", "performance_max"): {"mixed": 1.0},
    ("google_ads", "display"): {"content": 1.0},
    ("google_ads", "video"): {"youtube": 1.0},
    ("google_ads", "demand_gen"): {"youtube": 0.4, "content": 0.6},
    ("microsoft_ads", "search"): {"search": 0.82, "partner": 0.18},
}
_PLATFORM_NETWORKS = {
    "microsoft_ads": {"search": 1.0}, "meta_ads": {"facebook": 0.55, "instagram": 0.45}, "linkedin_ads": {"linkedin": 1.0},
    "tiktok_ads": {"tiktok": 1.0},
}  # fmt: skip
_DEVICE_SHARES = {
    "google_ads": (0.60, 0.35, 0.05), "microsoft_ads": (0.12, 0.88, 0.0), "meta_ads": (0.87, 0.13, 0.0),
    "linkedin_ads": (0.52, 0.48, 0.0), "tiktok_ads": (1.0, 0.0, 0.0),
}  # fmt: skip
_ACTIONS = (
    ("Kjøp", "purchase", True, "many"), ("Skjema sendt", "lead", True, "one"), ("Telefonsamtale", "phone_call", True, "one"),
    ("Nyhetsbrev", "sign_up", False, "one"), ("Lagt i handlekurv", "add_to_cart", False, "many"),
)  # fmt: skip
ACTION_CATEGORIES = tuple(a[1] for a in _ACTIONS)
WINDOWS = {
    "google_ads": (30, 1),
    "microsoft_ads": (30, 1),
    "meta_ads": (7, 1),
    "linkedin_ads": (30, 7),
    "tiktok_ads": (7, 1),
}


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
                    "account_id": self.make_id(f"account/{a.key}", _ACCOUNT_DIGITS[a.platform]),
                    "manager_id": {
                        "google_ads": self.make_id("manager/google", 10),
                        "microsoft_ads": self.make_id("manager/ms", 8),
                    }.get(a.platform),
                }
            )
            for a in _ACCOUNTS
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
        for plan in _PLANS:
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
            for name, category, primary, counting in _ACTIONS:
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
            self.make_id(f"campaign/{plan.key}", _ID_DIGITS[account.platform]), name, first, last,
            sum(1 << COUNTRIES.index(c) for c in countries), budget,
        )  # fmt: skip
        self.campaigns.append(campaign)
        self._campaign_versions(campaign, always)
        devices = _DEVICE_SHARES[account.platform]
        networks = _NETWORK_SHARES.get((account.platform, plan.type)) or _PLATFORM_NETWORKS[account.platform]
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
        group_id = self.make_id(f"group/{plan.key}/{g}", _ID_DIGITS[campaign.platform])
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
            words = _KEYWORDS[plan.theme][g::n_groups] or _KEYWORDS[plan.theme]
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
        ad_id = self.make_id(f"ad/{plan.key}/{slot}", _ID_DIGITS[campaign.platform])
        number = int(self._number(f"look/{plan.key}/{slot}") * 1000)
        formats = _AD_FORMATS.get(plan.type, ["image", "video", "carousel"])
        look = formats[number % len(formats)]
        name = f"{plan.theme}_{look}_v{slot.replace('/', '')}"
        path = f"{SITE}/{plan.theme}"
        source, medium = _UTM_SOURCE.get(campaign.platform), _UTM_MEDIUM.get(campaign.platform)
        wrong = _MIS_TAGGED.get((plan.key, slot.rsplit("/", 1)[0]))
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
            "status": "active", "format": look, "headline": _HEADLINES[number % len(_HEADLINES)], "final_url": url,
            "creative_id": self.make_id(f"creative/{plan.key}/{slot}", _ID_DIGITS[campaign.platform]),
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
        ctr = _BRAND_CTR if campaign.plan.channel == "brand_search" else CTR[campaign.plan.type]
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
        return [form.format(text) for text in self.keyword_texts for form in _TERM_FORMS]

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


MATCH_TYPES = ("exact", "phrase", "broad")
# (campaign, group/slot) -> the wrong utm_source and utm_medium; empty keeps the right one, ("", "") leaves the tags out.
_MIS_TAGGED = {
    ("fb_pro_home", "0/1"): ("facebook", "referral"),
    ("fb_re", "1/0"): ("Facebok", "paid_social"),
    ("ms_chairs", "0/1"): ("", ""),
    ("li_content", "0/0"): ("linkedin", "social"),
    ("tt_pro", "1/1"): ("", ""),
}


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
