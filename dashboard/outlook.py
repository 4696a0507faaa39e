"""Cards of the first page: maturity, what changed, and how the evidence stands."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from dashboard import components as ui
from dashboard import data, parts, standing, wording
from dashboard.components import html
from dashboard.rows import Row
from dashboard.shell import Frame
from dashboard.wording import CONTROL_STATES, NOT_CONCLUDED, REQUIREMENT_STATES, moment, plural

MOST_DOMAINS, MOST_NAMES = 8, 4


def maturity(frame: Frame) -> Markup:
    """The organisation's stage, the lowest domains on the ladder, and what is missing."""
    found = data.maturity(*frame.view)
    if found is None:
        return ui.card("Maturity", html('<p class="m-none">No maturity model was used.</p>'))
    whole = found["organisation"]
    domains = sorted(found["domains"], key=lambda one: one["stage"])
    every = ui.address("maturity", assessment=frame.assessment_id)
    name = standing.stage_name(found, whole["stage"])
    says = f"Stage {whole['stage']} {name} holds for the organisation, its lowest domain's stage."
    shares = " / ".join(str(stage["share_percent"]) for stage in found["stages"])
    cut = min(len(domains), MOST_DOMAINS)
    return ui.card(
        "Maturity",
        standing.table(frame, found, domains[:MOST_DOMAINS], most=1),
        says=says,
        source=html(
            "The lowest {} of {} shown. Reference: {} % of organisations. {}",
            cut, plural(len(domains), "domain", "domains"), shares,
            ui.link(every, "All criteria"),
        ),
    )  # fmt: skip


def since_last(frame: Frame) -> Markup:
    """What is otherwise than at the assessment before."""
    before = frame.before
    if before is None:
        return ui.card(
            "Since the last assessment",
            html('<p class="m-none">This is the first assessment, so nothing can be compared.</p>'),
        )
    found = data.changes(*frame.view, before=before)
    said = [
        line
        for line in (
            _moved(frame, "fail", "newly with exceptions", found["newly_failing"]),
            _moved(frame, "pass", "cleared", found["cleared"]),
            _moved(frame, "not_tested", "no longer concluded", found["no_longer_concluded"]),
            _moved(frame, "pass", "newly concluded", found["newly_concluded"]),
            _moved(frame, "not_applicable", "new in the library", found["added"]),
            _moved(frame, "not_applicable", "gone from the library", found["gone"]),
            _clauses(found["requirements"]),
            _findings(frame),
        )
        if line
    ]
    same = "Same library and limits." if found["same_catalog"] else "The library or limits changed."
    return ui.card(
        html("Since the last assessment, {}", moment(found["before_as_of"])[:10]),
        ui.lines(said) if said else html('<p class="m-none">No control changed its state.</p>'),
        source=same,
    )


def _moved(frame: Frame, state: str, words: str, names: Sequence[str]) -> Markup | None:
    if not names:
        return None
    shown = ui.join((parts.control_link(frame, name) for name in names[:MOST_NAMES]), ", ")
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    said = f"{plural(len(names), 'control', 'controls')} {words}"
    return html("{}: {}{}", ui.mark(CONTROL_STATES[state], said), shown, more)


def _clauses(changed: Sequence[Sequence[str]]) -> Markup | None:
    if not changed:
        return None
    worse = sum(1 for _, _, _, now in changed if now == "exceptions_noted")
    return html("{} changed state, {} of them to exceptions noted",
                plural(len(changed), "clause", "clauses"), worse)  # fmt: skip


def _findings(frame: Frame) -> Markup | None:
    """Findings closed since, open ones, and how many are overdue."""
    rows = data.findings(*frame.view)["findings"]
    if not rows or frame.before is None:
        return None
    closed = sum(1 for r in rows if r["closed_at"] and r["closed_at"] > frame.before.as_of)
    still = [row for row in rows if not row["closed_at"]]
    late = sum(row["overdue"] for row in still)
    every = ui.link(ui.address("findings", assessment=frame.assessment_id), "which")
    said = f"{plural(closed, 'finding', 'findings')} closed, {wording.number(len(still))} open"
    if not late:
        return html("{}: {}", said, every)
    return html("{}, {}: {}", said, ui.mark(CONTROL_STATES["fail"], f"{late} overdue"), every)


def evidence(frame: Frame) -> Markup:
    """How the log and its sources stand, and which results say nothing yet."""
    rows, log = frame.book["controls"], frame.assessment["log"]
    # That the log is sealed or signed is no verdict on it: neutral, until somebody verifies.
    open_ = REQUIREMENT_STATES["not_tested"]
    sealed = plural(log["sealed_entries"], "entry", "entries")
    segments = plural(log["segments"], "segment", "segments")
    header = ui.code(wording.digest(log["last_header_hash"]))
    unsealed = plural(log["unsealed_entries"], "entry", "entries")
    said = [
        html("{} in {}, to {}", ui.mark(open_, f"Sealed {sealed}"), segments,
             moment(log["sealed_to"])),
        html("{} header {}", ui.mark(open_, "Signed" if log["signed"] else "Unsigned"), header),
    ]  # fmt: skip
    if log["unsealed_entries"]:
        said.append(ui.mark(open_, f"Not sealed {unsealed}"))
    said += [line for line in (_silent(frame), _not_concluded(frame, rows)) if line]
    ended = moment(frame.assessment["finished_at"])
    return ui.card(
        "Evidence that needs attention",
        ui.lines(said),
        source=f"At the end of the assessment, {ended}.",
    )


def _silent(frame: Frame) -> Markup | None:
    """The source whose last event is oldest, and how many rows the imports refused."""
    sources = data.sources(*frame.view)
    carrying = [row for row in sources if row["last_event"]]
    refused = sum(row["rejected"] for row in sources)
    if not carrying:
        return html("{}", ui.mark(CONTROL_STATES["not_tested"], "No source carries events"))
    first = carrying[0]
    words = f"{plural(len(sources), 'source', 'sources')}; silent longest"
    rejected = f", {plural(refused, 'row', 'rows')} rejected" if refused else ""
    return html("{}: {} since {}{}", words, ui.short(first["source_id"], 28),
                moment(first["last_event"]), rejected)  # fmt: skip


def _not_concluded(frame: Frame, rows: Sequence[Row]) -> Markup | None:
    """Controls and items that say nothing yet, with the way to their list."""
    silent = sum(1 for row in rows if row["state"] in NOT_CONCLUDED)
    items = sum(map(parts.waiting, rows))
    if not silent and not items:
        return None
    every = ui.address("controls", assessment=frame.assessment_id, state="open")
    words = f"{plural(silent, 'control', 'controls')} and {plural(items, 'item', 'items')}"
    status = CONTROL_STATES["undetermined"]
    return html("{}: {}", ui.mark(status, f"Not concluded {words}"), ui.link(every, "which"))
