"""What the company advertises, and with what: accounts, plans of campaigns, words, shares of networks and devices. Data only.

company.py makes campaigns, ads and keywords of it.
"""

from __future__ import annotations

from dataclasses import dataclass

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
ID_DIGITS = {"google_ads": 11, "microsoft_ads": 9, "meta_ads": 17, "linkedin_ads": 9, "tiktok_ads": 19}
ACCOUNT_DIGITS = {"google_ads": 10, "microsoft_ads": 9, "meta_ads": 15, "linkedin_ads": 9, "tiktok_ads": 19}
UTM_SOURCE = {"microsoft_ads": "bing", "meta_ads": "facebook", "linkedin_ads": "linkedin", "tiktok_ads": "tiktok"}
UTM_MEDIUM = {
    "microsoft_ads": "cpc",
    "meta_ads": "paid_social",
    "linkedin_ads": "paid_social",
    "tiktok_ads": "paid_social",
}
CLICK_PARAMETER = {
    "google_ads": "gclid", "microsoft_ads": "msclkid", "meta_ads": "fbclid", "linkedin_ads": "li_fat_id", "tiktok_ads": "ttclid",
}  # fmt: skip


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


ACCOUNTS = (
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
PLANS = (
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
BRAND_CTR = 0.22
KEYWORDS = {
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
TERM_FORMS = ("{}", "{} pris", "{} best i test", "billig {}", "brukt {}", "{} gratis levering i dag", "reparere {}")
TERM_SHARES = (0.46, 0.17, 0.13, 0.09, 0.08, 0.04, 0.03)  # the last two are rare: the vendor hides them
N_SHOWN_TERMS = 5
N_TERMS = len(TERM_FORMS)
USELESS_TERMS = (4, 6)  # who searches these does not buy: candidates for negative keywords
AD_FORMATS = {
    "search": ["responsive_search"], "shopping": ["product"], "display": ["image"], "video": ["video"],
    "demand_gen": ["image", "video", "carousel"], "lead_gen": ["single_image", "document"],
}  # fmt: skip
HEADLINES = (
    "Sitt bedre i dag", "Hev deg litt", "Norsk design, ti års garanti", "Fri frakt over 1000 kr", "Kontoret som virker",
    "Roligere dager", "Lys som våkner med deg", "Bestill møte i dag", "Prøv hjemme i 30 dager", "Plass til alt",
)  # fmt: skip
NETWORK_SHARES = {
    ("google_ads", "search"): {"search": 0.86, "search_partners": 0.14},
    ("google_ads", "shopping"): {"search": 1.0},
    ("google_ads", "performance_max"): {"mixed": 1.0},
    ("google_ads", "display"): {"content": 1.0},
    ("google_ads", "video"): {"youtube": 1.0},
    ("google_ads", "demand_gen"): {"youtube": 0.4, "content": 0.6},
    ("microsoft_ads", "search"): {"search": 0.82, "partner": 0.18},
}
PLATFORM_NETWORKS = {
    "microsoft_ads": {"search": 1.0}, "meta_ads": {"facebook": 0.55, "instagram": 0.45}, "linkedin_ads": {"linkedin": 1.0},
    "tiktok_ads": {"tiktok": 1.0},
}  # fmt: skip
DEVICE_SHARES = {
    "google_ads": (0.60, 0.35, 0.05), "microsoft_ads": (0.12, 0.88, 0.0), "meta_ads": (0.87, 0.13, 0.0),
    "linkedin_ads": (0.52, 0.48, 0.0), "tiktok_ads": (1.0, 0.0, 0.0),
}  # fmt: skip
ACTIONS = (
    ("Kjøp", "purchase", True, "many"), ("Skjema sendt", "lead", True, "one"), ("Telefonsamtale", "phone_call", True, "one"),
    ("Nyhetsbrev", "sign_up", False, "one"), ("Lagt i handlekurv", "add_to_cart", False, "many"),
)  # fmt: skip
ACTION_CATEGORIES = tuple(a[1] for a in ACTIONS)
WINDOWS = {
    "google_ads": (30, 1),
    "microsoft_ads": (30, 1),
    "meta_ads": (7, 1),
    "linkedin_ads": (30, 7),
    "tiktok_ads": (7, 1),
}
MATCH_TYPES = ("exact", "phrase", "broad")
# (campaign, group/slot) -> the wrong utm_source and utm_medium; empty keeps the right one, ("", "") leaves the tags out.
MIS_TAGGED = {
    ("fb_pro_home", "0/1"): ("facebook", "referral"),
    ("fb_re", "1/0"): ("Facebok", "paid_social"),
    ("ms_chairs", "0/1"): ("", ""),
    ("li_content", "0/0"): ("linkedin", "social"),
    ("tt_pro", "1/1"): ("", ""),
}
