"""What a plan holds: its sheets, columns, headers in Norwegian and English, references and rules, as data.

Template, reading, checking, raw tables and the table in docs/plan.md follow from SHEETS. What a sheet is made of: fields.py.
How a cell is read: cells.py; what is wrong with a row: checking.py.
"""

# ruff: noqa: E501 - a column is one line
from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from functools import cache

from ingestion.sources.plan.fields import (
    CATEGORIES,
    CLASSES,
    GRAINS,
    INTENTS,
    LEVELS,
    METHODS,
    OPERATORS,
    STAGES,
    STATUSES,
    SUBJECTS,
    SWOT,
    SYSTEMS,
    VAT,
    Field,
    FieldType,
    Sheet,
    channels,
    datasets,
    kpis,
)
from ingestion.spec import Column, Table

SOURCE = "plan"


def _f(name: str, type_: FieldType, no: str, en: str, help_no: str, help_en: str, **more: object) -> Field:
    return Field(name, type_, no, en, help_no, help_en, **more)  # type: ignore[arg-type]


def _owner(*, required: bool = True) -> Field:
    return _f(
        "owner", "text", "Ansvarlig", "Owner",
        "Rolle eller navn på den som svarer for raden. Vises i rapportene.",
        "Role or name of who answers for the row. Shown in reports.", required=required,
    )  # fmt: skip


def _channel(no: str, en: str, *, required: bool = False) -> Field:
    return _f("channel", "choice", "Kanal", "Channel", no, en, ref="channel", required=required)


def _stage(*, required: bool = False) -> Field:
    return _f("stage", "choice", "Fase", "Stage", "Fase i kundereisen.", "Stage of the journey.", choices=STAGES, required=required)  # fmt: skip


def _activity(*, required: bool = False, no: str = "Aktivitetens id.", en: str = "Id of the activity.") -> Field:
    return _f("activity_id", "text", "Aktivitet", "Activity", no, en, ref="activities", required=required)


def _status() -> Field:
    return _f("status", "choice", "Status", "Status", "Hvor det står.", "Where it stands.", choices=STATUSES, required=True)  # fmt: skip


def _note() -> Field:
    return _f("note", "text", "Merknad", "Note", "Fri tekst.", "Free text.")


_REASON = _f(
    "change_reason", "text", "Grunn til endring", "Reason for change",
    "Hvorfor raden ble endret sist; lagres sammen med endringen.",
    "Why the row was changed last; kept with the change.",
)  # fmt: skip
_CURRENCY = _f("currency", "text", "Valuta", "Currency", "Tre bokstaver, for eksempel NOK; den samme i hele arket.", "Three letters, such as NOK; the same in the whole sheet.", required=True)  # fmt: skip

_SHEETS = (
    Sheet(
        "goals", "Mål", "Goals",
        "Hva vi skal oppnå, på tre nivåer; hvert mål peker på målet det tjener.",
        "What we want to reach, on three levels; each goal points to the goal it serves.",
        (
            _f("goal_id", "text", "Mål-id", "Goal id", "Kort og fast, for eksempel M1.", "Short and lasting, such as G1.", required=True),
            _f("level", "choice", "Nivå", "Level", "Forretning, kanal eller aktivitet.", "Business, channel or activity.", choices=LEVELS, required=True),
            _f("parent_goal_id", "text", "Overordnet mål", "Parent goal", "Målet dette tjener; må ha høyere nivå. Bare forretningsmål har ingen.", "The goal this serves, of a higher level. Only business goals have none.", ref="goals"),
            _f("goal", "text", "Målsetting", "Goal", "Målet i én setning.", "The goal in one sentence.", required=True),
            _f("kpi", "choice", "KPI", "KPI", "Fra KPI-katalogen.", "From the KPI catalogue.", ref="kpi", required=True),
            _f("channels", "list", "Kanaler", "Channels", "Kanalene målet gjelder, med komma imellom; tomt er alle.", "Channels the goal speaks of, with commas between; empty: all.", ref="channel"),
            _activity(no="For mål på aktivitetsnivå: aktivitetens id.", en="For goals of an activity: its id."),
            _f("scope", "text", "Avgrensning", "Scope", "Hva målet ellers gjelder, i ord.", "What else the goal is limited to, in words."),
            _f("baseline_start_date", "date", "Sammenlignes fra", "Baseline from", "Første dag i perioden det måles mot.", "First day of the period it is compared with."),
            _f("baseline_end_date", "date", "Sammenlignes til", "Baseline to", "Siste dag i perioden det måles mot.", "Last day of the period it is compared with."),
            _f("baseline", "number", "Utgangspunkt", "Baseline", "Verdien i den perioden; tomt regnes ut av dataene.", "The KPI's value in that period; empty: worked out from the data."),
            _f("target", "number", "Måltall", "Target", "Verdien som skal nås. Dette eller endringen i prosent.", "The value to reach. This or the change in per cent."),
            _f("target_change_pct", "percent", "Måltall, endring %", "Target, change %", "Endring mot utgangspunktet i prosent: 20 er 20 % mer.", "Change against the baseline in per cent: 20 is 20 % more."),
            _f("condition_kpi", "choice", "Vilkår: KPI", "Condition: KPI", "KPI som samtidig må holde en grense.", "KPI that must keep a limit at the same time.", ref="kpi"),
            _f("condition_operator", "choice", "Vilkår: grense", "Condition: limit", "under, høyst, minst eller over.", "below, at most, at least or above.", choices=OPERATORS),
            _f("condition_value", "number", "Vilkår: verdi", "Condition: value", "Grensen som tall.", "The limit as a number."),
            _f("condition_change_pct", "percent", "Vilkår: endring %", "Condition: change %", "Grensen mot samme periode som utgangspunktet: 0 er samme verdi som da.", "The limit against the baseline's period: 0 is the value it had then."),
            _f("condition_baseline", "number", "Vilkår: utgangspunkt", "Condition: baseline", "Verdien i perioden det måles mot; tomt regnes ut av dataene.", "The condition's KPI in the baseline's period; empty: worked out from the data."),
            _f("measured_in", "choice", "Måles i", "Measured in", "Systemet som har fasiten.", "The system whose figure counts.", choices=SYSTEMS, required=True),
            _f("start_date", "date", "Fra", "Start", "Første dag som teller.", "First day that counts.", required=True),
            _f("due_date", "date", "Frist", "Due", "Siste dag som teller.", "Last day that counts.", required=True),
            _owner(), _note(),
        ),
        ("goal_id",),
        exactly_one=(("target", "target_change_pct"),),
        together=(("baseline_start_date", "baseline_end_date"), ("condition_kpi", "condition_operator")),
        ordered=(("baseline_start_date", "baseline_end_date"), ("start_date", "due_date")),
    ),
    Sheet(
        "kpi_targets", "KPI-mål", "KPI targets",
        "Måltall for en KPI i en periode, i alt eller for en kanal.",
        "Target of a KPI in a period, in all or of a channel.",
        (
            _f("kpi", "choice", "KPI", "KPI", "Fra KPI-katalogen.", "From the KPI catalogue.", ref="kpi", required=True),
            _channel("Tomt er alle kanaler.", "Empty: all channels."),
            _f("grain", "choice", "Periode", "Period", "Måned, kvartal eller år.", "Month, quarter or year.", choices=GRAINS, required=True),
            _f("period_start", "month", "Fra og med", "Starting", "Første måned i perioden.", "First month of the period.", required=True),
            _f("target", "number", "Måltall", "Target", "Verdien som skal nås i perioden.", "The value to reach in the period.", required=True),
            _f("goal_id", "text", "Mål", "Goal", "Målet det hører til.", "The goal it belongs to.", ref="goals"),
            _owner(), _note(),
        ),
        ("kpi", "channel", "grain", "period_start"),
    ),
    Sheet(
        "budget_lines", "Budsjett", "Budget",
        "Planlagte kostnader uten mva, per aktivitet, måned, kanal, fase og kostnadstype.",
        "Planned costs without VAT, by activity, month, channel, stage and kind of cost.",
        (
            _activity(no="Aktivitetens id; tomt er felles for alle.", en="Id of the activity; empty: shared by all."),
            _f("month", "month", "Måned", "Month", "Måneden pengene brukes.", "The month the money is spent in.", required=True),
            _channel("Tomt er aktivitetens kanal.", "Empty: the activity's channel."),
            _stage(),
            _f("category", "choice", "Kostnadstype", "Category", "Medier, verktøy, innhold, rådgivere eller annet.", "Media, tools, content, advisers or other.", choices=CATEGORIES, required=True),
            _f("amount", "number", "Beløp", "Amount", "Uten mva.", "Without VAT.", low=0, required=True),
            _CURRENCY,
            _f("cap", "number", "Tak", "Cap", "Mer enn dette må ikke brukes i måneden.", "No more than this may be spent in the month.", low=0),
            _f("owner", "text", "Ansvarlig", "Owner", "Tomt er aktivitetens ansvarlige.", "Empty: the activity's owner."),
            _note(),
        ),
        ("activity_id", "month", "channel", "stage", "category"),
        at_least_one=(("activity_id", "owner"),),
        uniform=("currency",),
    ),
    Sheet(
        "other_costs", "Faktiske kostnader", "Actual costs",
        "Fakturaer som ikke kommer fra annonseplattformer eller andre kilder.",
        "Invoices that come neither from ad platforms nor from another source.",
        (
            _f("cost_id", "text", "Bilag", "Voucher", "Bilags- eller fakturanummer.", "Voucher or invoice number.", required=True),
            _f("date_day", "date", "Dato", "Date", "Dagen kostnaden gjelder.", "The day the cost belongs to.", required=True),
            _f("category", "choice", "Kostnadstype", "Category", "Medier, verktøy, innhold, rådgivere eller annet.", "Media, tools, content, advisers or other.", choices=CATEGORIES, required=True),
            _f("supplier", "text", "Leverandør", "Supplier", "Hvem som fakturerte.", "Who sent the invoice.", required=True),
            _activity(), _channel("Tomt er ikke fordelt.", "Empty: spread on none."), _stage(),
            _f("amount", "number", "Beløp", "Amount", "Negativt er en kreditnota.", "Negative: a credit note.", required=True),
            _f("currency", "text", "Valuta", "Currency", "Tre bokstaver, for eksempel NOK.", "Three letters, such as NOK.", required=True),
            _f("vat_basis", "choice", "Mva", "VAT", "Om beløpet er med eller uten mva.", "Whether the amount holds VAT.", choices=VAT, required=True),
            _f("vat_rate_pct", "percent", "Mva-sats %", "VAT rate %", "Når beløpet er med mva.", "When the amount holds VAT.", low=0, high=100),
            _note(),
        ),
        ("cost_id",),
    ),
    Sheet(
        "activities", "Aktiviteter", "Activities",
        "Hva vi gjør, når, hvem som svarer for det, og hva vi venter oss.",
        "What we do, when, who answers for it, and what we expect of it.",
        (
            _f("activity_id", "text", "Aktivitets-id", "Activity id", "Kort og fast, for eksempel A1.", "Short and lasting, such as A1.", required=True),
            _f("activity", "text", "Aktivitet", "Activity", "Navnet.", "Its name.", required=True),
            _owner(),
            _f("start_date", "date", "Start", "Start", "Første dag.", "First day.", required=True),
            _f("end_date", "date", "Slutt", "End", "Siste dag; tomt er løpende.", "Last day; empty: it goes on."),
            _status(),
            _channel("Kanalen den virker i.", "The channel it works in.", required=True),
            _stage(required=True),
            _f("goal_id", "text", "Mål", "Goal", "Målet den tjener.", "The goal it serves.", ref="goals"),
            _f("audience", "text", "Målgruppe", "Audience", "Hvem den skal nå, i ord.", "Whom it is to reach, in words."),
            _f("persona_id", "text", "Persona", "Persona", "Personaens id.", "Id of the persona.", ref="personas"),
            _f("utm_campaigns", "list", "UTM-kampanjer", "UTM campaigns", "utm_campaign slik den står i lenkene, med komma imellom; hver hører til én aktivitet.", "utm_campaign as in the links, with commas between; each belongs to one activity."),
            _f("expected_kpi", "choice", "Forventet KPI", "Expected KPI", "KPI-en den skal flytte.", "The KPI it is to move.", ref="kpi"),
            _f("expected_value", "number", "Forventet verdi", "Expected value", "Hva den skal gi i alt.", "What it is to give in all."),
            _f("expected_outcome", "text", "Forventet resultat", "Expected outcome", "I ord.", "In words."),
            _f("outcome", "text", "Resultat", "Outcome", "Hva den ga, i ord.", "What it gave, in words."),
            _f("impact", "integer", "Effekt", "Impact", "ICE: 1 til 10.", "ICE: 1 to 10.", low=1, high=10),
            _f("confidence", "integer", "Sikkerhet", "Confidence", "ICE: 1 til 10.", "ICE: 1 to 10.", low=1, high=10),
            _f("effort", "integer", "Innsats", "Effort", "ICE: 1 er lite, 10 er mye.", "ICE: 1 is little, 10 is much.", low=1, high=10),
            _f("investment_class", "choice", "70/20/10", "70/20/10", "Kjent, utvikling eller eksperiment.", "Proven, emerging or experimental.", choices=CLASSES),
            _note(),
        ),
        ("activity_id",),
        together=(("expected_kpi", "expected_value"), ("impact", "confidence", "effort")),
        ordered=(("start_date", "end_date"),),
        unique=("utm_campaigns",),
    ),
    Sheet(
        "milestones", "Milepæler", "Milestones",
        "Delmål på veien i en aktivitet.", "Steps on the way of an activity.",
        (
            _activity(required=True),
            _f("milestone", "text", "Milepæl", "Milestone", "Hva som skal være gjort.", "What is to be done.", required=True),
            _f("due_date", "date", "Frist", "Due", "Når.", "By when.", required=True),
            _f("done_date", "date", "Ferdig", "Done", "Dagen den ble nådd; tomt er ikke nådd.", "The day it was reached; empty: it is not."),
            _owner(required=False), _note(),
        ),
        ("activity_id", "milestone"),
    ),
    Sheet(
        "experiments", "Eksperimenter", "Experiments",
        "Hva vi prøver for å lære, og hva som ville endre mening.", "What we try in order to learn, and what would change our mind.",
        (
            _f("experiment_id", "text", "Eksperiment-id", "Experiment id", "Kort og fast, for eksempel E1.", "Short and lasting, such as E1.", required=True),
            _f("hypothesis", "text", "Hypotese", "Hypothesis", "Hva vi tror, i én setning.", "What we believe, in one sentence.", required=True),
            _activity(),
            _f("kpi", "choice", "KPI", "KPI", "KPI-en som avgjør.", "The KPI that decides.", ref="kpi", required=True),
            _f("method", "choice", "Metode", "Method", "Hvordan det måles.", "How it is measured.", choices=METHODS, required=True),
            _f("smallest_effect_pct", "percent", "Minste effekt %", "Smallest effect %", "Minste endring som er verdt å finne.", "The smallest change worth finding."),
            _f("start_date", "date", "Start", "Start", "Første dag.", "First day.", required=True),
            _f("end_date", "date", "Slutt", "End", "Siste dag, satt på forhånd.", "Last day, set beforehand.", required=True),
            _status(), _owner(),
            _f("result", "text", "Resultat", "Result", "Hva det viste.", "What it showed."),
            _f("decision", "text", "Beslutning", "Decision", "Hva vi gjør av det.", "What we do about it."),
            _note(),
        ),
        ("experiment_id",),
        ordered=(("start_date", "end_date"),),
    ),
    Sheet(
        "content_items", "Innholdsplan", "Content plan",
        "Hva som skal lages, for hvem og når.", "What is to be made, for whom and when.",
        (
            _f("content_id", "text", "Innholds-id", "Content id", "Kort og fast, for eksempel I1.", "Short and lasting, such as C1.", required=True),
            _f("title", "text", "Tittel", "Title", "Arbeidstittel.", "Working title.", required=True),
            _f("format", "text", "Format", "Format", "Artikkel, video, guide ...", "Article, video, guide ..."),
            _activity(),
            _channel("Hvor det publiseres.", "Where it is published.", required=True), _stage(),
            _f("persona_id", "text", "Persona", "Persona", "Personaens id.", "Id of the persona.", ref="personas"),
            _f("query", "text", "Søk", "Query", "Prioritert søk det skal svare på.", "Priority query it is to answer.", ref="priority_queries"),
            _f("publish_date", "date", "Publiseres", "Publish date", "Dagen det skal ut.", "The day it goes out.", required=True),
            _status(), _owner(),
            _f("url", "text", "Adresse", "Address", "Når det er ute.", "When it is out."), _note(),
        ),
        ("content_id",),
    ),
    Sheet(
        "priority_queries", "Prioriterte søk", "Priority queries",
        "Søkene vi vil bli funnet på.", "The searches we want to be found by.",
        (
            _f("query", "text", "Søk", "Query", "Det som skrives i søkefeltet.", "What people type.", required=True),
            _f("intent", "choice", "Hensikt", "Intent", "Hva søkeren vil.", "What they are after.", choices=INTENTS), _stage(),
            _f("landing_page", "text", "Landingsside", "Landing page", "Siden som skal svare.", "The page that is to answer."),
            _f("target_position", "number", "Målplassering", "Target position", "Plassen i søkeresultatet vi vil ha.", "The place in the results we want.", low=1),
            _owner(), _note(),
        ),
        ("query",),
    ),
    Sheet(
        "personas", "Personas", "Personas",
        "Hvem vi vil nå: idealkunden og andre.", "Whom we want to reach: the ideal customer and others.",
        (
            _f("persona_id", "text", "Persona-id", "Persona id", "Kort og fast, for eksempel P1.", "Short and lasting, such as P1.", required=True),
            _f("persona", "text", "Persona", "Persona", "Et navn på typen, ikke på et menneske.", "A name of the type, not of a human being.", required=True),
            _f("is_ideal_customer", "bool", "Idealkunde", "Ideal customer", "ja eller nei.", "yes or no.", required=True),
            _f("segment", "text", "Segment", "Segment", "Bransje, størrelse, sted.", "Line of business, size, place."),
            _f("needs", "text", "Behov", "Needs", "Hva de prøver å få gjort.", "What they try to get done."),
            _f("objections", "text", "Innvendinger", "Objections", "Hva som holder dem igjen.", "What holds them back."),
            _f("channels", "list", "Kanaler", "Channels", "Hvor vi når dem, med komma imellom.", "Where we reach them, with commas between.", ref="channel"), _note(),
        ),
        ("persona_id",),
    ),
    Sheet(
        "market_notes", "Marked", "Market",
        "Hva vi vet om markedet, og hvor vi har det fra.", "What we know of the market, and from where.",
        (
            _f("note_id", "text", "Id", "Id", "Kort og fast.", "Short and lasting.", required=True),
            _f("noted_date", "date", "Dato", "Date", "Når det ble notert.", "When it was noted.", required=True),
            _f("topic", "text", "Tema", "Topic", "Størrelse, vekst, regler ...", "Size, growth, rules ...", required=True),
            _f("finding", "text", "Funn", "Finding", "Hva vi vet.", "What we know.", required=True),
            _f("source_text", "text", "Kilde", "Source", "Hvor det står.", "Where it says so."),
        ),
        ("note_id",),
    ),
    Sheet(
        "competitors", "Konkurrenter", "Competitors",
        "Hvem kundene ellers velger.", "Whom customers choose otherwise.",
        (
            _f("competitor", "text", "Konkurrent", "Competitor", "Navnet.", "The name.", required=True),
            _f("website", "text", "Nettsted", "Website", "Adressen.", "The address."),
            _f("positioning", "text", "Posisjon", "Positioning", "Hva de lover.", "What they promise."),
            _f("strengths", "text", "Styrker", "Strengths", "Hva de er gode på.", "What they are good at."),
            _f("weaknesses", "text", "Svakheter", "Weaknesses", "Hva de er dårlige på.", "What they are bad at."), _note(),
        ),
        ("competitor",),
    ),
    Sheet(
        "swot", "SWOT", "SWOT",
        "Styrker, svakheter, muligheter og trusler.", "Strengths, weaknesses, opportunities and threats.",
        (
            _f("swot_id", "text", "Id", "Id", "Kort og fast.", "Short and lasting.", required=True),
            _f("kind", "choice", "Type", "Kind", "Styrke, svakhet, mulighet eller trussel.", "Strength, weakness, opportunity or threat.", choices=SWOT, required=True),
            _f("statement", "text", "Utsagn", "Statement", "I én setning.", "In one sentence.", required=True),
            _f("consequence", "text", "Følge", "Consequence", "Hva vi gjør av det.", "What we do about it."),
        ),
        ("swot_id",),
    ),
    Sheet(
        "learnings", "Læring", "Learnings",
        "Hva vi har lært, og hva det endret.", "What was learnt, and what it changed.",
        (
            _f("learning_id", "text", "Id", "Id", "Kort og fast.", "Short and lasting.", required=True),
            _f("learnt_date", "date", "Dato", "Date", "Når.", "When.", required=True),
            _activity(),
            _f("experiment_id", "text", "Eksperiment", "Experiment", "Eksperimentets id.", "Id of the experiment.", ref="experiments"),
            _f("learning", "text", "Læring", "Learning", "Hva vi vet nå.", "What we know now.", required=True),
            _f("evidence", "text", "Grunnlag", "Evidence", "Tallene bak.", "The figures behind it."),
            _f("consequence", "text", "Følge", "Consequence", "Hva vi gjør annerledes.", "What we do otherwise."),
            _owner(),
        ),
        ("learning_id",),
    ),
    Sheet(
        "mandates", "Mandater", "Mandates",
        "Hvem som bestemmer hva, og hvor langt.", "Who decides what, and how far.",
        (
            _f("mandate_id", "text", "Id", "Id", "Kort og fast.", "Short and lasting.", required=True),
            _f("subject", "choice", "Gjelder", "Subject", "Mål, budsjett, aktivitet, datasett eller måltall.", "Goal, budget, activity, dataset or metric.", choices=SUBJECTS, required=True),
            _f("subject_id", "text", "Id det gjelder", "Subject id", "Målets eller aktivitetens id (også for budsjettet), datasettets navn (marten) eller måltallet; tomt er alle av slaget.", "Id of the goal or the activity (also of a budget), name of the dataset (mart) or the KPI; empty: all of the kind."),
            _f("decision", "text", "Beslutning", "Decision", "Hva som kan bestemmes.", "What may be decided.", required=True),
            _owner(),
            _f("limit_amount", "number", "Beløpsgrense", "Limit", "Uten mva; over denne går saken videre.", "Without VAT; above it the matter goes further.", low=0),
            _f("currency", "text", "Valuta", "Currency", "Tre bokstaver, for eksempel NOK.", "Three letters, such as NOK."),
            _f("escalates_to", "text", "Går videre til", "Escalates to", "Rolle eller navn.", "Role or name."),
            _f("holds_from_date", "date", "Gjelder fra", "Valid from", "Første dag.", "First day.", required=True),
        ),
        ("mandate_id",),
        together=(("limit_amount", "currency"),),
    ),
)  # fmt: skip


def _with_reason(sheet: Sheet) -> Sheet:
    return Sheet(**{**sheet.__dict__, "fields": (*sheet.fields, _REASON)})


SHEETS: tuple[Sheet, ...] = tuple(_with_reason(s) for s in _SHEETS)
BY_NAME: dict[str, Sheet] = {s.name: s for s in SHEETS}

VERSIONS = Table(
    "plan_versions",
    (
        Column("version", "bigint", "number of the version, from 1"),
        Column("seen_as_of", "date", "the night that first saw it"),
        Column("seen_at", "timestamp", "when it was read"),
        Column("file_name", "text", "the workbook or folder"),
        Column("sha256", "text", "hash of its content"),
        Column("definition_hash", "text", "hash of the sheets' definition it was read by"),
        Column("n_rows", "bigint", "rows of the whole plan"),
        Column("n_changes", "bigint", "what differs from the version before; 0 for the first"),
    ),
    row_key=("version",),
    merge_key=("version",),
    description="Versions of the plan: each content that was read without a mistake.",
)
CHANGES = Table(
    "plan_changes",
    (
        Column("version", "bigint", "the version that brought the change"),
        Column("seen_as_of", "date", "the night that first saw it"),
        Column("seen_at", "timestamp", "when it was read"),
        Column("sheet", "text", "the sheet, by its raw table"),
        Column("row_id", "text", "the row's key"),
        Column("change_type", "text", "added, changed or removed"),
        Column("field", "text", "the column; '*' for a row that was added or removed"),
        Column("old_value", "text", "as text; null: it had none"),
        Column("new_value", "text", "as text; null: it has none"),
        Column("reason", "text", "what the row gives as reason for the change; null: nothing, or an old reason"),
    ),
    row_key=("version", "sheet", "row_id", "field"),
    merge_key=("version", "sheet", "row_id", "field"),
    description="Every change of the plan after its first version.",
)


@cache
def definition_hash() -> str:
    """Changes when a plan would be read otherwise: an unchanged file is then read again."""
    text = json.dumps(
        [[asdict(s) for s in SHEETS], dict(kpis()), dict(channels()), datasets()], default=str, sort_keys=True
    )
    return hashlib.sha256(text.encode()).hexdigest()[:16]
