"""Northwind Freight's agents: what each is for, what it reads and does, and where it logs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any
from zlib import crc32

from muniment.demo.clock import DAY, at
from muniment.demo.content import story

TIERS = ("autonomous", "supervised", "approval_required", "halt")
PERMISSION_TIERS = ("observe", "recommend", "prepare", "execute", "escalate")
# Northwind's own developments, put into service under its own name.
BUILT_HERE = "provider, deployer"
REGISTERED_FIRST = "2025-04-01"


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool: its system, the numbers of the objects it touches, and what calling it means."""

    name: str
    system: str
    ref: str
    action: str = "read"
    tier: str = ""
    data_class: str = "internal"
    final: bool = False
    host: str | None = None

    @property
    def permission_tier(self) -> str:
        """What an agent needs to be allowed to call it."""
        return self.tier or ("observe" if self.action == "read" else "execute")


@dataclass(frozen=True, slots=True)
class Decision:
    """A kind of business decision: the tiers it calls for and the amounts that occur (cents)."""

    name: str
    category: str
    base_tier: str
    supervised_from: int
    approval_from: int
    halt_from: int
    money: tuple[int, int]
    records: tuple[int, int]
    scope: str
    sla_minutes: int = 240


@dataclass(frozen=True, slots=True)
class Model:
    """A model behind the gateway; prices in USD per million tokens."""

    name: str
    line: str
    supplier: str
    price_in: float
    price_out: float
    approved_at: int
    current_from: int


@dataclass(frozen=True, slots=True)
class Release:
    """A version of an agent, the model it asks for, and since when it runs."""

    version: str
    model: Model
    since: int


@dataclass(frozen=True)
class AgentPlan:
    """An agent as its owner would describe it, and how often it runs (`share`)."""

    agent_id: str
    name: str
    team: str
    owner: str | None
    deputy: str | None
    purpose: str
    flow: str
    trigger: tuple[str, str]
    reads: tuple[Tool, ...]
    act: Tool | None
    decision: Decision | None
    close: Tool | None
    share: int
    line: str
    first_version: str
    stage: str = "production"
    log: str = "platform"
    calls: int = 1
    always: bool = False
    talks: bool = False
    kind: str = "agent"
    risk: str = "low"
    eu_class: str = "minimal"
    eu_role: str = "deployer"
    annex: str | None = None
    profiling: bool = False
    data: str = "confidential"
    supplier: str | None = None
    delegates_from: str | None = None
    registered: str | None = None
    live: str | None = None
    retired: str | None = None
    stopped: str | None = None
    own_releases: tuple[str, ...] = ()

    @cached_property
    def tools(self) -> tuple[str, ...]:
        """Names of all the tools that its work needs."""
        return tuple(tool.name for tool in self.all_tools)

    @cached_property
    def all_tools(self) -> tuple[Tool, ...]:
        """All the tools that its work needs."""
        return tuple(tool for tool in (*self.reads, self.act, self.close) if tool)

    @property
    def permission_tier(self) -> str:
        """The most that its tools need."""
        return max((t.permission_tier for t in self.all_tools), key=PERMISSION_TIERS.index)

    @cached_property
    def registered_at(self) -> int:
        """The registry holds it from this instant."""
        return at(self.registered or REGISTERED_FIRST)

    @property
    def begins(self) -> int:
        """Its first run may start then: at go-live, or a week after registration in a pilot."""
        return at(self.live) if self.live else self.registered_at + 7 * DAY

    @property
    def ends(self) -> int | None:
        """No run after it: retirement or quarantine."""
        last = self.retired or self.stopped
        return at(last) if last else None

    @cached_property
    def releases(self) -> tuple[Release, ...]:
        """Its versions in time order: one per model of its line, and those of its own."""
        models = [model for model in MODELS.values() if model.line == self.line]
        running = max((m for m in models if m.current_from <= self.begins), key=_current)
        found = [Release(self.first_version, running, self.begins)]
        # Each agent moves to a new model some days after it became current, and not all at once.
        lag = crc32(self.agent_id.encode()) % 9 * DAY
        starts = {m.current_from + lag: m for m in models if m.current_from > self.begins}
        for since in sorted([*starts, *map(at, self.own_releases)]):
            before = found[-1]
            if self.ends is None or since < self.ends:
                model = starts.get(since, before.model)
                found.append(Release(_next(before.version), model, since))
        return tuple(found)

    def release(self, moment: int) -> Release:
        """The version that ran then; before the first release, the first."""
        running = [one for one in self.releases if one.since <= moment]
        return running[-1] if running else self.releases[0]


def _current(model: Model) -> int:
    return model.current_from


def _next(version: str) -> str:
    major, _, minor = version.rpartition(".")
    return f"{major}.{int(minor) + 1}"


def _tool(name: str, row: dict[str, Any]) -> Tool:
    return Tool(
        name, row["system"], row["ref"], row.get("action", "read"), row.get("tier", ""),
        row.get("class", "internal"), row.get("final", False), row.get("host"),
    )  # fmt: skip


def _decision(name: str, row: dict[str, Any]) -> Decision:
    supervised, approval, halt = (round(amount * 100) for amount in row["amounts"])
    low, high = row["money"]
    return Decision(
        name, row["category"], row["tier"], supervised, approval, halt,
        money=(low * 100, high * 100), records=tuple(row["records"]), scope=row["scope"],
    )  # fmt: skip


def _model(name: str, row: dict[str, Any]) -> Model:
    price_in, price_out = row["price"]
    approved, current = at(row["approved"]), at(row["current"])
    return Model(name, row["line"], row["supplier"], price_in, price_out, approved, current)


def _plan(row: dict[str, Any]) -> AgentPlan:
    own = dict(row)
    act, decision, close = own.pop("act", None), own.pop("decision", None), own.pop("close", None)
    return AgentPlan(
        agent_id=own.pop("id"), trigger=tuple(own.pop("trigger")),
        reads=tuple(TOOLS[name] for name in own.pop("reads")), act=TOOLS[act] if act else None,
        decision=DECISIONS[decision] if decision else None, close=TOOLS[close] if close else None,
        line=own.pop("model"), first_version=own.pop("version"),
        always=own.pop("works", "office") == "always",
        own_releases=tuple(own.pop("releases", ())), **own,
    )  # fmt: skip


TOOLS: dict[str, Tool] = {name: _tool(name, row) for name, row in story("tools").items()}
DECISIONS: dict[str, Decision] = {
    name: _decision(name, row) for name, row in story("decisions").items()
}
MODELS: dict[str, Model] = {name: _model(name, row) for name, row in story("models").items()}
AGENTS: tuple[AgentPlan, ...] = tuple(map(_plan, story("agents")))
AGENT_BY_ID = {plan.agent_id: plan for plan in AGENTS}
