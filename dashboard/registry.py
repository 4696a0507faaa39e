"""Parts for agents: the registry's rows and filters, and what one agent may do, uses and failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from markupsafe import Markup

from dashboard import components as ui
from dashboard import parts
from dashboard.components import html
from dashboard.figures import share_bar
from dashboard.rows import Row
from dashboard.shell import Frame
from dashboard.wording import CONTROL_STATES, NONE, Status, moment, named, number, of, plural

USED = Status("✓", "used", "evidence", "filled")
UNUSED = Status("▲", "unused", "exception", "filled")
FILTERS = (
    ("Unit", "business_unit"),
    ("Environment", "environment"),
    ("Status", "lifecycle_status"),
    ("EU class", "eu_class"),
)
_UNKNOWN = "not recorded"


def agent_link(frame: Frame, agent_id: str, label: object | None = None) -> Markup:
    """A link to an agent's page, in the same assessment."""
    target = ui.address("agent", assessment=frame.assessment_id, id=agent_id)
    return ui.link(target, label or agent_id)


def chosen(rows: Sequence[Row], query: Mapping[str, str]) -> list[Row]:
    """The agents that the filters keep; `not recorded` keeps those without the value."""
    return [row for row in rows if all(_is(row, key, query[key]) for _, key in FILTERS)]


def _is(row: Row, key: str, wanted: str) -> bool:
    return not wanted or (row[key] or _UNKNOWN) == wanted


def filters(frame: Frame, rows: Sequence[Row], query: Mapping[str, str]) -> Markup:
    """Unit, environment, status and class as links; each keeps what the others say."""

    def to(key: str, value: str) -> str:
        return ui.address("agents", assessment=frame.assessment_id, **{**query, key: value})

    shown = []
    for label, key in FILTERS:
        counts = Counter(str(row[key] or _UNKNOWN) for row in rows)
        options: list[tuple[object, str, bool]] = [
            (f"All {len(rows)}", to(key, ""), not query[key])
        ]
        options += [
            (f"{named(value)} {count}", to(key, value), query[key] == value)
            for value, count in sorted(counts.items())
        ]
        shown.append(ui.choices(label, options))
    return html('<div class="m-filters">{}</div>', ui.join(shown))


def agent_table(frame: Frame, rows: Sequence[Row]) -> Markup:
    """One row per agent, those with most exceptions where the reader looks first."""
    heads = ("Agent", "", "Unit", "Status", "Environment", "Risk", "EU class", "Tier", "Owner",
             "Controls with exceptions")  # fmt: skip
    rows_ = [_agent(frame, row) for row in rows]
    return ui.table(heads, rows_, none="No agent answers this filter.")


def _agent(frame: Frame, row: Row) -> list[object]:
    return [
        ui.keep(agent_link(frame, row["agent_id"])),
        ui.short(row["name"], 40),
        ui.keep(ui.short(row["business_unit"] or NONE, 24)),
        ui.keep(named(row["lifecycle_status"] or NONE)),
        ui.keep(row["environment"] or NONE),
        row["risk_class"] or NONE,
        ui.keep(named(row["eu_class"] or NONE)),
        ui.keep(named(row["default_autonomy_tier"] or NONE)),
        ui.keep(ui.short(row["owner_name"] or row["owner_ref"] or NONE, 28)),
        failed_controls(frame, row["exceptions"]),
    ]


def failed_controls(frame: Frame, exceptions: Mapping[str, int]) -> Markup:
    """The controls in which an agent's items failed, each with their number."""
    if not exceptions:
        return html("{}", NONE)
    links = (
        html("{} {}", parts.control_link(frame, name), number(count))
        for name, count in exceptions.items()
    )
    return html("{} {}", ui.mark(CONTROL_STATES["fail"], ""), ui.join(links, ", "))


def grants(frame: Frame, found: Row) -> Markup:
    """What it may do beside what it did, the unused last."""
    rows, top = found["grants"], max((grant["uses"] for grant in found["grants"]), default=0)
    unused = sum(1 for grant in rows if not grant["uses"])
    table = ui.table(
        ("Permission", "Granted", "Uses", "", "Last used", "State"),
        [
            (
                ui.code(grant["tool"]),
                ui.keep(grant["since"][:10]),
                number(grant["uses"]),
                share_bar(grant["uses"], top),
                ui.keep((grant["last_used"] or "not in the period")[:17].replace("T", " ")[:16]),
                ui.mark(USED if grant["uses"] else UNUSED),
            )
            for grant in rows
        ],
        numbers=(2,),
        none="No permission set was valid for this agent.",
    )
    says = f"{plural(unused, 'permission', 'permissions')} of {len(rows)} not used in the period."
    return ui.card("What may it do, and what does it use?", table, _beside(found),
                   says=says if rows else "", source=frame.basis)  # fmt: skip


def _beside(found: Row) -> Markup:
    """Targets that no grant names: models, agents, and tools outside the grants."""
    names = sorted(found["beside"].items(), key=lambda pair: -pair[1][0])[:8]
    if not names:
        return html("")
    shown = ui.join((html("{} {}", ui.code(n, 40), number(c[0])) for n, c in names), ", ")
    return html("<p>Beside the grants it acted on: {}. Models and other agents need no grant.</p>",
                shown)  # fmt: skip


def failed_items(frame: Frame, found: Row, most: int = 12) -> Markup:
    """The agent's exceptions, the latest first, each leading to its evidence."""
    items = [item for item in found["items"] if item["outcome"] == "exception"]
    items.sort(key=lambda item: (item["observed_at"] or "", item["item_id"]), reverse=True)
    table = ui.table(
        ("Observed", "Control", "Reason", "Evidence"),
        [
            (
                ui.keep(moment(item["observed_at"])),
                parts.control_link(frame, item["control_id"]),
                ui.long_text(item["reason"], 300),
                parts.item_link(frame, item, "open"),
            )
            for item in items[:most]
        ],
        wide=2,
        none="No listed exception names this agent.",
    )
    shown = f"; the latest {most} shown" if len(items) > most else ""
    says = f"{plural(len(items), 'exception names', 'exceptions name')} this agent{shown}."
    return ui.card("Exceptions", table, says=says if items else "", source=frame.basis)


def identity(found: Row) -> Markup:
    """What the registry says, field by field; what it does not carry is said."""
    row, people = found["row"], found["people"]
    missing = set(row.get("not_carried_fields") or ())

    def value(key: str) -> object:
        if key in missing:
            return html('<span class="m-muted">{}</span>', "the registry has no such field")
        held = row.get(key)
        return ui.long_text(held if held not in (None, "", []) else NONE, 400)

    def person(key: str) -> object:
        known = people.get(row.get(key) or "") or {}
        name = html("{} ({})", known["name"], row[key]) if known.get("name") else value(key)
        left = known.get("active") is False
        return html("{} {}", name, ui.mark(CONTROL_STATES["fail"], "inactive")) if left else name

    fields: list[tuple[object, object]] = [
        ("Purpose", value("business_purpose")),
        ("Owner", person("owner_ref")),
        ("Deputy", person("deputy_ref")),
        ("Team", value("owner_team")),
        ("Identity", value("identity_ref")),
        ("Version", value("version")),
        ("Provider", value("provider_org")),
        ("EU AI Act", _eu(row)),
        ("Data at most", value("max_data_classification")),
        ("Live since", (row.get("go_live_at") or NONE)[:10]),
        ("Last review", (row.get("last_review_at") or NONE)[:10]),
        ("Next review", (row.get("next_review_at") or NONE)[:10]),
    ]
    return ui.card("Registry", ui.facts(fields), source=_source(row))


def _eu(row: Mapping[str, object]) -> str:
    words = [str(row.get(key) or NONE) for key in ("eu_role", "eu_class")]
    decided = str(row.get("eu_class_decided_at") or "")[:10]
    when = f", decided {decided}" if decided else ", date of decision not recorded"
    return f"{named(words[0])}, {named(words[1])}{when}"


def _source(row: Mapping[str, object]) -> Markup:
    if not row.get("row_id"):
        return html("Seen acting, not registered.")
    return html("Source {}, valid since {}, record {}.", row["source_id"],
                str(row["valid_from"])[:10], ui.code(str(row["row_id"])[:12]))  # fmt: skip


def history(found: Row) -> Markup:
    """The versions of the registry row, newest first, with what changed."""
    rows = list(found["history"])
    shown = [
        (ui.keep(str(row["valid_from"])[:10]), ui.keep(row["version"] or NONE),
         ui.keep(named(row["lifecycle_status"] or NONE)), _changed(before, row))
        for before, row in zip([None, *rows[:-1]], rows, strict=True)
    ]  # fmt: skip
    table = ui.table(("Since", "Version", "Status", "Changed"), shown[::-1], wide=3,
                     none="No registry row.")  # fmt: skip
    return ui.card("History", table)


_NOT_CONTENT = {"row_id", "valid_from", "valid_to", "recorded_at", "superseded_at", "recorded_by",
                "source_id", "import_batch_id", "not_carried_fields"}  # fmt: skip


def _changed(before: Mapping[str, object] | None, row: Mapping[str, object]) -> str:
    if before is None:
        return "first entry"
    names = [key for key in row if key not in _NOT_CONTENT and row[key] != before.get(key)]
    return ", ".join(named(name) for name in names) or "nothing but its dates"


def strip(frame: Frame, found: Row) -> Markup:
    """The agent's key figures."""
    row, items = found["row"], found["items"]
    failed = sum(1 for item in items if item["outcome"] == "exception")
    unknown = sum(1 for item in items if item["outcome"] == "undetermined")
    used = sum(1 for grant in found["grants"] if grant["uses"])
    acts = sum(g["uses"] for g in found["grants"]) + sum(n for n, _ in found["beside"].values())
    more = ui.address("activity", assessment=frame.assessment_id, agent_id=found["agent_id"])
    return ui.figures_strip(
        [
            ("oversight tier", named(row.get("default_autonomy_tier") or NONE), "by default"),
            ("risk class", row.get("risk_class") or NONE, "the organisation's own"),
            ("permissions used", of(used, len(found["grants"])), "in the period"),
            ("actions with effect", number(acts), ui.link(more, "see them")),
            ("exceptions", number(failed), f"{plural(unknown, 'item', 'items')} undetermined"),
        ]
    )
