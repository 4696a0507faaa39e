"""Northwind Freight's agents: what each is for, what it reads and does, and where it logs."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from muniment.demo.clock import at

Log = Literal["agent_log", "otlp"]


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool: its system, the numbers of the objects it touches, and what calling it means."""

    name: str
    system: str
    ref: str
    action: str = "read"
    kind: str = "read"
    classification: str = "internal"


@dataclass(frozen=True, slots=True)
class Act:
    """The step that changes the world: when it needs a person, and the money that it moves."""

    tool: Tool
    approval: Literal["never", "always", "above"] = "never"
    money: tuple[int, int] | None = None
    approve_above: int = 0
    decision: str = ""


@dataclass(frozen=True, slots=True)
class AgentPlan:
    """An agent as its owner would describe it, and how often it runs (`share`)."""

    agent_id: str
    name: str
    team_id: str
    owner: str | None
    purpose: str
    workflow: str
    trigger: tuple[str, str]
    reads: tuple[Tool, ...]
    act: Act | None
    closing: Tool | None
    share: int
    log: Log = "agent_log"
    model: str = "atlas-medium-2"
    around_the_clock: bool = False
    version: str = "1.0"
    risk_class: str = "medium"
    eu_class: str = "minimal"
    eu_role: str = "deployer"
    status: str = "active"
    registered: str = "2025-11-04T08:00:00Z"
    retired: str | None = None
    delegates_from: str | None = None
    any_tool: bool = False

    @property
    def tools(self) -> tuple[str, ...]:
        """Names of all the tools that its work needs."""
        acts = (self.act.tool,) if self.act else ()
        closing = (self.closing,) if self.closing else ()
        return tuple(tool.name for tool in (*self.reads, *acts, *closing))

    @property
    def starts_at(self) -> int:
        """The registry holds it from this instant."""
        return at(self.registered)


# USD per million tokens, input and output: what the gateway bills.
PRICES: dict[str, tuple[Decimal, Decimal]] = {
    "atlas-large-2": (Decimal("3.00"), Decimal("15.00")),
    "atlas-medium-2": (Decimal("0.80"), Decimal("4.00")),
    "atlas-small-2": (Decimal("0.15"), Decimal("0.60")),
}
SPARE_MODEL = "atlas-small-2"

ERP_INVOICE = Tool("erp.invoice.read", "erp", "INV", classification="confidential")
ERP_ORDER = Tool("erp.po.read", "erp", "PO")
VENDOR = Tool("vendor.master.read", "erp", "V", classification="confidential")
LANES = Tool("lane.history.read", "datalake", "LANE")
PAY = Tool("pay.release", "bank-gateway", "PAY", "write", "execute", "confidential")

# Northwind's own developments, put into service under its own name.
BUILT_HERE = "provider, deployer"

AGENTS: tuple[AgentPlan, ...] = (
    AgentPlan(
        "AGT-0017", "Invoice Matcher", "finance-operations", "Anna Lindqvist",
        "Three-way match of invoices and release of payments", "accounts-payable",
        ("event", "invoice.received"), (ERP_INVOICE, ERP_ORDER, VENDOR),
        Act(PAY, "above", (40, 48_000), 1_000, "payment"),
        Tool("erp.status.write", "erp", "INV", "write", "execute"), 16,
        model="atlas-large-2", version="4.1", risk_class="high", eu_role=BUILT_HERE,
        delegates_from="AGT-0003",
    ),
    AgentPlan(
        "AGT-0003", "AP Orchestrator", "finance-operations", "Anna Lindqvist",
        "Routes incoming invoices to the agents that handle them", "invoice-intake",
        ("event", "mail.received"),
        (Tool("doc.extract", "doc-store", "DOC", classification="confidential"),), None,
        Tool("remittance.send", "mail", "RMT", "message", "execute"), 6, version="2.3",
    ),
    AgentPlan(
        "AGT-0021", "Customs Filer", "customs", "Rashid Okafor",
        "Prepares customs declarations and submits them once approved", "customs-filing",
        ("event", "shipment.at_border"),
        (Tool("shipment.read", "tms", "SHP"), Tool("tariff.code.lookup", "customs-db", "HS")),
        Act(Tool("declaration.submit", "customs-gateway", "MRN", "write", "execute",
                 "confidential"), "always", None, 0, "declaration"),
        Tool("shipment.note.write", "tms", "SHP", "write", "execute"), 10,
        model="atlas-large-2", version="3.0", risk_class="high",
    ),
    AgentPlan(
        "AGT-0024", "Claims Triage", "claims", "Julie Moreau",
        "Sorts cargo claims by cause and proposes a reserve", "claims-intake",
        ("event", "claim.filed"),
        (Tool("claim.read", "claims", "CLM", classification="confidential"),
         Tool("policy.terms.read", "claims", "POL")),
        Act(Tool("claim.reserve.set", "claims", "CLM", "write", "execute", "confidential"),
            "above", (100, 26_000), 10_000, "claim_reserve"),
        Tool("claim.note.write", "claims", "CLM", "write", "execute"), 9, version="1.8",
        risk_class="high",
    ),
    AgentPlan(
        "AGT-0026", "Shipper Chat", "customer-service", "Salma Haddad",
        "Answers shippers about bookings and delays", "shipper-chat", ("user", "chat.opened"),
        (Tool("booking.read", "tms", "BKG"), Tool("shipment.track", "tms", "SHP")), None,
        Tool("chat.reply", "chat", "CHT", "message", "execute"), 12, "otlp",
        around_the_clock=True, version="5.2", eu_class="transparency_only",
        eu_role=BUILT_HERE,
    ),
    AgentPlan(
        "AGT-0029", "Rate Publisher", "pricing", "Teresa Silva",
        "Computes lane rates and publishes the weekly tariff", "tariff-week",
        ("schedule", "tariff.cycle"), (LANES, Tool("fuel.index.read", "market-feed", "FI")),
        Act(Tool("tariff.publish", "tariff-db", "TRF", "write", "execute"), "always", None, 0,
            "tariff"),
        Tool("tariff.notice.send", "mail", "TRF", "message", "execute"), 6,
        model="atlas-large-2", version="2.0",
    ),
    AgentPlan(
        "AGT-0031", "Route Planner", "planning", "Karin Aalto",
        "Plans and re-plans road legs", "route-plan", ("schedule", "plan.tick"),
        (Tool("leg.read", "tms", "LEG"), Tool("traffic.read", "market-feed", "SEG")),
        Act(Tool("route.assign", "tms", "LEG", "write", "execute"), "never", None, 0, "route"),
        None, 11, "otlp", around_the_clock=True, version="7.4",
    ),
    AgentPlan(
        "AGT-0033", "Fatigue Monitor", "safety", "Klaus Brandt",
        "Reads driving hours and warns dispatch of tired drivers", "fatigue-watch",
        ("schedule", "watch.tick"),
        (Tool("driving.hours.read", "telematics", "DRV", classification="restricted"),), None,
        Tool("dispatch.alert.send", "dispatch", "ALR", "message", "execute"), 8,
        around_the_clock=True, version="1.4", risk_class="high",
        eu_class="high_risk_annex_iii", eu_role=BUILT_HERE,
    ),
    AgentPlan(
        "AGT-0035", "Capacity Broker", "capacity", "Capacity Desk",
        "Buys space from carriers for overbooked lanes", "capacity-buy",
        ("event", "lane.overbooked"), (LANES, Tool("carrier.quote.read", "carrier-hub", "QUO")),
        Act(Tool("space.book", "carrier-hub", "SPC", "write", "execute"), "above",
            (300, 19_000), 5_000, "space_purchase"),
        Tool("booking.note.write", "tms", "BKG", "write", "execute"), 7, version="1.1",
    ),
    AgentPlan(
        "AGT-0038", "HR Screener", "people", "Emma Riis",
        "Summarises applications for drivers and planners", "application-screening",
        ("event", "application.received"),
        (Tool("application.read", "hr", "APP", classification="restricted"),),
        Act(Tool("shortlist.propose", "hr", "APP", "write", "execute", "restricted"), "always",
            None, 0, "shortlist"),
        None, 3, version="0.9", risk_class="high", eu_class="high_risk_annex_iii",
    ),
    AgentPlan(
        "AGT-0040", "Contract Reader", "legal", None,
        "Extracts terms and dates from carrier contracts", "contract-read",
        ("user", "contract.uploaded"),
        (Tool("contract.read", "doc-store", "CTR", classification="confidential"),), None,
        Tool("contract.index.write", "doc-store", "CTR", "write", "execute"), 4,
        version="1.2",
    ),
    AgentPlan(
        "AGT-0042", "Code Assistant", "engineering", "Tomas Berg",
        "Writes and reviews code in the transport system's repositories", "pull-request",
        ("user", "task.assigned"),
        (Tool("repo.read", "git", "PR"), Tool("test.run", "ci", "JOB")),
        Act(Tool("branch.push", "git", "PR", "write", "execute"), "never", None, 0, "change"),
        None, 9, "otlp", model="atlas-large-2", version="2026.9", any_tool=True,
    ),
    AgentPlan(
        "AGT-0012", "Yard Scheduler", "planning", "Julie Moreau",
        "Gave slots at the Padborg yard; replaced by Dock Planner", "yard-slots",
        ("schedule", "slot.tick"), (Tool("yard.read", "yard", "SLT"),),
        Act(Tool("slot.assign", "yard", "SLT", "write", "execute")), None, 0, version="3.3",
        status="retired", retired="2026-10-01T08:00:00Z",
    ),
    AgentPlan(
        "AGT-0045", "Tender Writer", "pricing", "Marek Novotny",
        "Drafts answers to freight tenders", "tender-draft", ("user", "tender.opened"),
        (Tool("tender.read", "doc-store", "TND"),), None,
        Tool("tender.draft.write", "doc-store", "TND", "write", "prepare"), 0, version="0.3",
        registered="2026-10-13T08:00:00Z",
    ),
    AgentPlan(
        "AGT-0046", "Dock Planner", "planning", "Lars Winther",
        "Gives dock slots at the Padborg yard", "dock-slots", ("schedule", "slot.tick"),
        (Tool("dock.read", "yard", "DCK"),),
        Act(Tool("dock.assign", "yard", "DCK", "write", "execute")), None, 0, version="1.0",
        registered="2026-10-20T06:00:00Z",
    ),
    AgentPlan(
        "AGT-0047", "Carbon Reporter", "planning", None,
        "Will estimate emissions per shipment", "carbon-report", ("schedule", "month.end"),
        (LANES,), None, None, 0, version="0.1", status="draft",
        registered="2026-11-02T08:00:00Z",
    ),
)  # fmt: skip
AGENT_BY_ID = {plan.agent_id: plan for plan in AGENTS}

# Seen in the logs, absent from the registry.
SHADOW = AgentPlan(
    "svc-mailbot-7", "Mailbot 7", "customer-service", None,
    "Somebody's mail sorter", "mail-sort", ("event", "mail.received"),
    (Tool("mail.read", "mail", "MSG", classification="confidential"),), None,
    Tool("mail.move", "mail", "MSG", "write", "execute"), 0, version="0.0",
)  # fmt: skip
# Also unregistered, but last seen before the period begins.
GONE = AgentPlan(
    "svc-fleet-pilot", "Fleet Pilot", "planning", None, "A finished trial", "fleet-trial",
    ("schedule", "trial.tick"), (Tool("leg.read", "tms", "LEG"),), None, None, 0, version="0.0",
)  # fmt: skip
