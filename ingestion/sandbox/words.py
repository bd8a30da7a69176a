"""The words behind the codes of coded columns, by column, and what the shop sells."""

from __future__ import annotations

from ingestion.sandbox.agents import CODE
from ingestion.sandbox.population import ROLES, SEGMENTS

PRODUCTS = (  # name, price with VAT in øre, category, cost share
    ("Kontorstol Fjell", 499_000, 0, 0.46), ("Kontorstol Vidde", 799_000, 0, 0.43), ("Gamingstol Natt", 349_000, 0, 0.55),
    ("Hev/senk-bord 120", 549_000, 1, 0.48), ("Hev/senk-bord 160", 749_000, 1, 0.45), ("Skrivebord Bjørk", 299_000, 1, 0.5),
    ("Lampe Lys", 69_000, 2, 0.40), ("Arbeidslampe Klar", 119_000, 2, 0.42), ("Hylle Plass", 119_000, 3, 0.52),
    ("Arkivskap Orden", 229_000, 3, 0.5), ("Fotstøtte", 49_900, 0, 0.35), ("Kabelkurv", 24_900, 1, 0.3),
)  # fmt: skip
STAGES = ("Ny", "Møte", "Tilbud", "Forhandling", "Vunnet", "Tapt")
JOURNEY = ("none", "awareness", "consideration", "purchase", "onboarding", "loyalty")
OWNERS = ("Kari Østby", "Per Ås", "Nina Lund")
LOST = ("Pris", "Tid", "Konkurrent", "Ingen beslutning")
MAILS = ("newsletter", "welcome", "nurture_1", "nurture_2", "review_reminder")
MAIL_EVENTS = ("delivered", "bounced", "opened", "clicked", "unsubscribed")
PATHS = ("kontorstoler", "hevsenkebord", "belysning", "oppbevaring", "bedrift", "", "salg")
ORIGINS = ("paid search", "organic search", "social", "email", "direct traffic", "referral", "webinar")
TOPICS = ("Levering", "Reklamasjon", "Bytte", "Spørsmål om produkt", "Faktura")
# Words of coded columns that belong to no other module.
WORDS: dict[str, list[str]] = {
    "mail_kind": list(MAILS), "event": list(MAIL_EVENTS), "browser": ["Chrome", "Safari", "Edge", "Firefox"],
    "supplier": ["Nyhetsbrev AS", "Tekst & Foto Øst", "Byrået"], "purpose": ["analytics", "ads"],
    "reason": ["Angret", "Feil vare", "Skadet"], "visits.category": list(PATHS),
    "tickets.category": list(TOPICS), "segment": list(SEGMENTS), "owner": list(OWNERS), "origin": list(ORIGINS),
    "came_by": ["web_form", "phone", "linkedin_form", "meta_form"], "landing_path": [f"/{p}" for p in PATHS],
    "deal_stages.stage": list(STAGES), "stage_entries.stage": list(JOURNEY), "lost_reason": list(LOST),
    "buying_role": list(ROLES), "touches.channel": list(CODE), "other_costs.category": ["tools", "content", "advisers"],
    "kind": ["click", "view"],
}  # fmt: skip
