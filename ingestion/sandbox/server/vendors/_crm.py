"""The company's sales system as it stands at the clock, whichever vendor plays it: contacts, companies, deals, calls, meetings.

People, deals and stages are the world's (world.leads, deals, deal_stages, deal_contacts, calls, meetings, orders). What
a sales team does with its system and the world does not tell follows from a hash of ids: a bulk import of the shop's customers,
contacts typed in twice and merged, records put in the bin or erased, a stage skipped, deals that go back. `Thing.ref` is the world's
id, so that the truth can be found again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any
from weakref import WeakKeyDictionary

from ingestion.sandbox.rng import uniform
from ingestion.sandbox.server.vendor import Desk

KINDS = ("contact", "company", "deal", "call", "meeting")
STAGES = ("Ny", "Møte", "Tilbud", "Forhandling", "Vunnet", "Tapt")
LIFECYCLE = ("subscriber", "lead", "sales qualified", "opportunity", "customer")
IMPORT_AFTER = timedelta(days=10, hours=9)  # of the company's first day
MERGED_AFTER, BIN_AFTER, ERASED_AFTER = timedelta(days=2), timedelta(days=3), timedelta(days=5)
SHARES = {
    "typed in twice": 0.15,
    "binned": 0.25,
    "erased": 0.1,
    "stage skipped": 0.25,
    "goes back": 0.3,
    "deal binned": 0.4,
    "webinar": 0.2,
}
# How a record came to be; vendors have words of their own for it.
FORM, PHONE, ADS, SALES, IMPORT, MERGE = "form", "phone", "ads", "sales", "import", "merge"
_CAME_BY = {"web_form": FORM, "phone": PHONE, "linkedin_form": ADS, "meta_form": ADS}

Change = tuple[datetime, Any, str]  # (when, value, how)
_NEVER = datetime.min.replace(tzinfo=UTC)
EDITS: list[Callable[[Crm], None]] = []  # what a test does to the system before it is served


@dataclass
class Thing:
    """A record with the history of its fields, oldest first."""

    kind: str
    id: int
    ref: str
    created: datetime
    made_by: str
    history: dict[str, list[Change]] = field(default_factory=dict)
    archived_at: datetime | None = None
    merged: tuple[int, ...] = ()  # ids of the records it was made of
    links: dict[str, dict[int, list[str]]] = field(default_factory=dict)  # kind -> id -> labels
    touched: datetime = _NEVER  # by something else than a field

    def set(self, name: str, value: Any, at: datetime, how: str = SALES) -> None:
        self.history.setdefault(name, []).append((at, value, how))
        self.history[name].sort(key=lambda c: c[0])

    def get(self, name: str) -> Any:
        changes = self.history.get(name)
        return changes[-1][1] if changes else None

    @property
    def modified(self) -> datetime:
        moments = [self.created, self.touched, *(c[-1][0] for c in self.history.values() if c)]
        return max([*moments, self.archived_at] if self.archived_at else moments)


class Crm:
    """All records at the clock. `new_ids`: whether a merge makes a record with an id of its own, as HubSpot does."""

    def __init__(self, desk: Desk, new_ids: bool) -> None:
        self.at = datetime.combine(desk.clock, time(), UTC)
        self.first = datetime.combine(desk.world.start_date, time(), UTC)
        self.seed, self._new_ids, self._desk = desk.world.seed, new_ids, desk
        self.things: dict[str, dict[int, Thing]] = {kind: {} for kind in KINDS}
        self.merges: list[tuple[int, int, datetime]] = []  # contacts: (goes, stays, when)
        self._alias: dict[int, int] = {}
        self._addresses: set[str] = set()
        self.forms: list[dict[str, Any]] = []  # {id, at, contact, landing_path, email, first_name, ...}
        self.owners: list[dict[str, Any]] = [
            {"id": 101 + n, "name": name, "email": f"{name.split()[0].lower()}@nordlyskontor.example"}
            for n, name in enumerate(("Kari Østby", "Per Ås", "Nina Lund"))
        ]
        self._people()
        self._duplicates()
        self._sales()
        for kind in KINDS:
            for thing in list(self.things[kind].values()):
                if thing.archived_at and thing.archived_at >= self.at:
                    thing.archived_at = None
        for edit in EDITS:
            edit(self)

    # --- reading ---------------------------------------------------------------------------------------------------
    def live(self, kind: str) -> Iterator[Thing]:
        return (t for _, t in sorted(self.things[kind].items()) if not t.archived_at)

    def binned(self, kind: str) -> Iterator[Thing]:
        return (t for _, t in sorted(self.things[kind].items()) if t.archived_at)

    def chance(self, stream: str, number: int) -> float:
        return float(uniform(self.seed, f"crm/{stream}", number)[0])

    def happens(self, what: str, number: int) -> bool:
        return self.chance(what, number) < SHARES[what]

    def contact(self, ref: str) -> int:
        """The id under which a contact of the world is found now."""
        return self._alias.get(number_of(ref), number_of(ref))

    def owner(self, name: str | None) -> int | None:
        return next((int(o["id"]) for o in self.owners if o["name"] == name), None)

    def webinars(self) -> Iterator[tuple[int, datetime, list[tuple[Thing, datetime, bool | None]]]]:
        """(number, when, [(contact, registered, came: None before the day)]), one every two weeks."""
        number, day = 1, self.first + timedelta(days=5, hours=10)
        while day < self.at + timedelta(days=7):
            guests = [
                (c, max(c.created, day - timedelta(days=3)), self.chance("came", c.id + number) < 0.7)
                for c in self.live("contact")
                if c.created < day and self.happens("webinar", c.id * 100 + number)
            ]
            known = [(c, at, came if day < self.at else None) for c, at, came in guests if at < self.at]
            yield number, day, known
            number, day = number + 1, day + timedelta(days=14)

    # --- making ----------------------------------------------------------------------------------------------------
    def _rows(self, sql: str) -> list[dict[str, Any]]:
        return self._desk.rows(sql, {"now": self.at} if "$now" in sql else {})

    def _new(self, kind: str, number: int, ref: str, created: datetime, made_by: str, **fields: Any) -> Thing:
        thing = Thing(kind, number, ref, created, made_by)
        for name, value in fields.items():
            if value is not None:
                thing.set(name, value, created, made_by)
        self.things[kind][number] = thing
        return thing

    def _free(self, email: str | None) -> str | None:
        """The address if nobody has it yet: of a couple that shares one, only the first has it in the system."""
        if email is None or email in self._addresses:
            return None
        self._addresses.add(email)
        return email

    def _people(self) -> None:
        # the form hands on the cookie where the visitor lets the site measure, the click where ad platforms may know of it
        leads = self._rows(
            """select l.*, v.client_id, case when v.consent_ads then v.click_id end as click_id,
                   coalesce(contains(v.landing_url, 'gclid='), false) as is_google_click
               from world.leads as l left join world.visits as v using (lead_id)
               where l.created_at < $now order by l.created_at, l.lead_id"""
        )
        colleagues = self._rows(
            """select c.*, d.company, d.segment, d.owner from world.deal_contacts as c join world.deals as d using (deal_id)
               where c.added_at < $now order by c.added_at, c.contact_id"""
        )
        arrivals = [(r["created_at"], "lead", r) for r in leads] + [(r["added_at"], "colleague", r) for r in colleagues]
        importing = self.first + IMPORT_AFTER
        if importing < self.at:
            arrivals += [(importing, "import", r) for r in self._customers(importing)]
        for at, how, row in sorted(arrivals, key=lambda a: (a[0], a[1], a[2].get("contact_id", ""))):
            if how == "import":
                self._import(at, row)
                continue
            number = number_of(row["contact_id"])
            contact = self.things["contact"].get(number)
            made_by = _CAME_BY[row["came_by"]] if how == "lead" else SALES
            if contact is None:
                contact = self._new(
                    "contact", number, row["contact_id"], at, made_by,
                    email=self._free(row["email"]), phone=row.get("phone"), first_name=row["first_name"],
                    last_name=row["last_name"], job_title=row.get("job_title"), segment=row["segment"],
                    origin=row.get("origin"), came_by=row.get("came_by"), landing_path=row.get("landing_path"),
                    owner=self.owner(row["owner"]), buying_role=row.get("buying_role"),
                )  # fmt: skip
            elif how == "colleague":
                contact.set("buying_role", row["buying_role"], at)
            if row["company"]:
                self._company(row, at, contact)
            if how == "lead" and made_by == FORM:
                contact.set("legal_basis", "Freely given consent from contact", at, FORM)
                if row["click_id"] and row["is_google_click"]:
                    contact.set("google_click_id", row["click_id"], at, FORM)
            if how == "lead":
                self._reach(contact, "lead", at, made_by)
                if row["qualified_at"] and row["qualified_at"] < self.at:
                    self._reach(contact, "sales qualified", row["qualified_at"], SALES)
                if made_by == FORM:
                    self.forms.append({**row, "id": row["lead_id"], "at": at, "contact": number})

    def _customers(self, before: datetime) -> list[dict[str, Any]]:
        return self._desk.rows(
            """select customer_id, arg_min(email, ordered_at) as email, arg_min(phone, ordered_at) as phone
               from world.orders where customer_id is not null and ordered_at < $before group by customer_id
               order by customer_id""",
            {"before": before},
        )

    def _import(self, at: datetime, row: dict[str, Any]) -> None:
        """A customer of the shop, brought in by a file: created when the file was read, whenever they first bought."""
        number = number_of(row["customer_id"])
        if not (email := self._free(row["email"])):
            return
        if self.happens("erased", number) and at + ERASED_AFTER < self.at:
            return
        name = email.split("@")[0].split(".")[0].capitalize()
        contact = self._new(
            "contact", number, row["customer_id"], at, IMPORT, email=email, phone=row["phone"], first_name=name
        )
        self._reach(contact, "customer", at, IMPORT)
        if self.happens("erased", number) or self.happens("binned", number):
            contact.archived_at = at + BIN_AFTER

    def _company(self, row: dict[str, Any], at: datetime, contact: Thing) -> None:
        number = 70_000 + int(row["company"].split()[-2])
        if number not in self.things["company"]:
            domain = row["email"].split("@")[1]
            self._new(
                "company", number, row["company"], at, contact.made_by, name=row["company"], domain=domain,
                segment=row["segment"], owner=self.owner(row["owner"]),
            )  # fmt: skip
        company = self.things["company"][number]
        self._link(contact, company, "Primary", at)

    def _reach(self, contact: Thing, stage: str, at: datetime, how: str) -> None:
        if contact.get("lifecycle") is None or LIFECYCLE.index(stage) > LIFECYCLE.index(contact.get("lifecycle")):
            contact.set("lifecycle", stage, at, how)

    def _link(self, one: Thing, other: Thing, label: str, at: datetime) -> None:
        """Link both ways; the record in hand has changed with it."""
        for a, b in ((one, other), (other, one)):
            labels = a.links.setdefault(b.kind, {}).setdefault(b.id, [])
            if label and label not in labels:
                labels.append(label)
        one.touched = max(one.touched, at)

    def _duplicates(self) -> None:
        """A salesman types in who is there already, without an address; two days later both are merged."""
        for original in list(self.things["contact"].values()):
            at = original.created + timedelta(hours=1)
            if original.made_by == IMPORT or at >= self.at or not self.happens("typed in twice", original.id):
                continue
            twin = self._new(
                "contact", original.id + 10_000_000_000, original.ref, at, SALES,
                phone=original.get("phone"), first_name=original.get("first_name"), last_name=original.get("last_name"),
                owner=original.get("owner"),
            )  # fmt: skip
            self._reach(twin, "lead", at, SALES)
            merged_at = at + MERGED_AFTER
            if merged_at < self.at:
                self.merge(twin.id, original.id, merged_at)

    def merge(self, goes: int, stays: int, at: datetime) -> Thing:
        """Merge two contacts; gives the record that is there afterwards."""
        contacts = self.things["contact"]
        gone, kept = contacts.pop(goes), contacts[stays]
        if self._new_ids:
            del contacts[stays]
            number = stays + 20_000_000_000
            kept = Thing("contact", number, kept.ref, kept.created, MERGE, kept.history, None, kept.merged, kept.links)
            kept.merged = (*kept.merged, stays, goes, *gone.merged)
            contacts[number] = kept
        else:
            kept.merged = (*kept.merged, goes)
        kept.touched = at
        for kind, others in kept.links.items():
            for other in others:
                back = self.things[kind][other].links[kept.kind]
                if stays in back:
                    back[kept.id] = back.pop(stays)
        self.merges.append((goes, kept.id, at))
        if kept.id != stays:
            self.merges.append((stays, kept.id, at))
        self._alias |= {goes: kept.id, stays: kept.id}
        return kept

    def _sales(self) -> None:
        steps: dict[str, list[tuple[datetime, str]]] = {}
        for r in self._rows(
            """select s.* from world.deal_stages as s join world.deals as d using (deal_id)
               where d.created_at < $now order by s.deal_id, s.entered_at, s.stage"""
        ):
            steps.setdefault(r["deal_id"], []).append((r["entered_at"], r["stage"]))
        contacts = self.things["contact"]
        for r in self._rows("select * from world.deals where created_at < $now order by deal_id"):
            number, closed = number_of(r["deal_id"]), r["closed_at"]
            company = self.things["company"][70_000 + int(r["company"].split()[-2])]
            deal = self._new(
                "deal", 8_000 + number, r["deal_id"], r["created_at"], SALES, name=f"{r['company']} - {r['segment']}",
                amount_ore=None if r["lead_id"].endswith("7") else r["amount_ore"], owner=self.owner(r["owner"]),
                closes_at=r["created_at"] + timedelta(days=30),
            )  # fmt: skip
            for at, stage in self._visits(number, steps[r["deal_id"]]):
                if at < self.at:
                    deal.set("stage", stage, at)
            if closed < self.at:
                deal.set("closes_at", closed, closed)
                if r["lost_reason"]:
                    deal.set("lost_reason", r["lost_reason"], closed)
                if not r["is_won"] and self.happens("deal binned", number):
                    deal.archived_at = closed + BIN_AFTER
            self._link(deal, company, "Primary", r["created_at"])
            if (main := contacts.get(self.contact(r["contact_id"]))) is not None:
                self._link(deal, main, "", r["created_at"])
                self._reach(main, "opportunity", r["created_at"], SALES)
                if r["is_won"] and closed < self.at:
                    self._reach(main, "customer", closed, SALES)
        for r in self._rows("select * from world.deal_contacts where added_at < $now order by deal_id, contact_id"):
            deal = self.things["deal"][8_000 + number_of(r["deal_id"])]
            if (guest := contacts.get(self.contact(r["contact_id"]))) is not None:
                self._link(deal, guest, r["buying_role"], r["added_at"])
        for r in self._rows("select * from world.calls where called_at < $now order by call_id"):
            call = self._new(
                "call", 30_000_000 + number_of(r["call_id"]), r["call_id"], r["called_at"], SALES, started_at=r["called_at"],
                is_inbound=r["is_inbound"], seconds=r["seconds"], phone=r["phone"],
                body=f"Snakket med {r['phone']} om behov og budsjett.",
            )  # fmt: skip
            if (who := contacts.get(self.contact(r["contact_id"]))) is not None:
                self._link(call, who, "", r["called_at"])
        for r in self._rows("select * from world.meetings where held_at < $now order by meeting_id"):
            deal = self.things["deal"][8_000 + number_of(r["deal_id"])]
            meeting = self._new(
                "meeting", 40_000_000 + number_of(r["meeting_id"]), r["meeting_id"], r["held_at"], SALES,
                started_at=r["held_at"], is_online=r["is_online"], name="Demo av løsningen", body="Gikk gjennom tilbudet.",
            )  # fmt: skip
            self._link(meeting, deal, "", r["held_at"])
            if (who := contacts.get(self.contact(r["contact_id"]))) is not None:
                self._link(meeting, who, "", r["held_at"])

    def _visits(self, number: int, steps: list[tuple[datetime, str]]) -> list[tuple[datetime, str]]:
        """The stages as the system was told them: now and then one is skipped, or a negotiation goes back to the offer."""
        if len(steps) > 3 and self.happens("stage skipped", number):
            steps = [s for s in steps if s[1] != "Møte"]
        found: list[tuple[datetime, str]] = []
        for (at, stage), following in zip(steps, [*steps[1:], None], strict=True):
            found.append((at, stage))
            if stage == "Tilbud" and following and self.happens("goes back", number):
                third = (following[0] - at) / 3
                found += [(at + third, "Møte"), (at + 2 * third, "Tilbud")]
        return found


def number_of(ref: str) -> int:
    """The number in an id of the world: K00012 -> 12. Customers (C) and contacts (K) of one person have different ones."""
    return int(ref[1:]) + (5_000_000_000 if ref[0] == "C" else 0)


_made: WeakKeyDictionary[Desk, dict[bool, tuple[Any, Crm]]] = WeakKeyDictionary()
_guard = threading.Lock()


def crm_of(desk: Desk, new_ids: bool) -> Crm:
    """The system at the desk's clock; made once a clock."""
    with _guard:
        want = (desk.clock, tuple(map(id, EDITS)))
        kept = _made.setdefault(desk, {})
        if new_ids not in kept or kept[new_ids][0] != want:
            kept[new_ids] = (want, Crm(desk, new_ids))
        return kept[new_ids][1]
