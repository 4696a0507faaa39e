"""Commands on the catalogue of frameworks: list, show, validate, calendar, crosswalk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from muniment.assessment.crosswalk import ComputedPair, compare_frameworks, pairs_of_unit
from muniment.catalog.crosswalks import load_crosswalks
from muniment.catalog.frameworks import check_mappings, check_settings, load_frameworks
from muniment.catalog.parameters import load_parameters
from muniment.cli.common import JsonOption
from muniment.cli.output import Output
from muniment.errors import UsageError
from muniment.model.frameworks import Framework, Requirement

NOT_VERIFIED = " (title not verified)"


def register(app: typer.Typer) -> None:
    """Add the commands of this module to the application."""
    frameworks = typer.Typer(help="Laws and standards: what they ask, from when, tested by what.")
    for name, command in (
        ("list", list_frameworks), ("show", show), ("validate", validate),
        ("calendar", calendar), ("crosswalk", crosswalk),
    ):  # fmt: skip
        frameworks.command(name)(command)
    app.add_typer(frameworks, name="frameworks")


FrameworkArgument = Annotated[str, typer.Argument(help="Id of a framework, as `list` prints it.")]


def list_frameworks(json: JsonOption = False) -> None:
    """List the frameworks of the catalogue with what is counted and what a control bears on."""
    output = Output(as_json=json)
    found = load_frameworks()
    columns = ("id", "edition", "kind", "units", "counted", "with controls", "manual only")
    rows = []
    for framework in found.values():
        mapped = sum(any(not m.only_supports for m in u.controls) for u in framework.assessed)
        counted = len(framework.assessed)
        rows.append((framework.id, framework.edition, framework.kind,
                     len(framework.requirements), counted, mapped, counted - mapped))  # fmt: skip
    output.table(columns, rows)
    for framework in found.values():
        output.say(f"{framework.short_name}: {framework.coverage_note}")
    output.document({"frameworks": [dict(zip(columns, row, strict=True)) for row in rows]})


def show(
    framework: FrameworkArgument,
    unit: Annotated[
        str | None, typer.Argument(help="Id of an article, clause or subcategory.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Show a framework's units, or one unit with roles, days, controls and its crosswalks."""
    output = Output(as_json=json)
    frameworks = load_frameworks()
    chosen = _chosen(frameworks, framework)
    if unit is None:
        output.table(
            ("unit", "kind", "name", "binds", "applies from"),
            [(u.id, u.kind, _title(u, u.name), ", ".join(u.roles), u.first_day)
             for u in chosen.requirements],
        )  # fmt: skip
        output.document(chosen.model_dump(mode="json"))
        return
    held = chosen.units.get(unit)
    if held is None:
        near = [name for name in chosen.units if name.startswith(unit) or name.endswith(unit)]
        hint = f" Did you mean `{near[0]}`?" if near else ""
        raise UsageError(f"`{chosen.id}` has no unit `{unit[:80]}`.{hint} List them without one.")
    facts = dict(_facts(frameworks, chosen, held))
    output.table(("", ""), facts.items())
    for mapping in held.controls:
        words = f"{mapping.relation}, {mapping.strength}"
        output.say(f"{mapping.control} ({words}): {mapping.rationale}")
    output.document(held.model_dump(mode="json") | {"shown": facts})


def _title(unit: Requirement, text: str) -> str:
    return text if unit.title_verified else text + NOT_VERIFIED


def _facts(
    frameworks: dict[str, Framework], framework: Framework, unit: Requirement
) -> Iterator[tuple[str, str]]:
    """What to print of a unit, line by line."""
    yield unit.id, _title(unit, unit.title)
    if unit.label:
        yield "in short", unit.label
    yield "in our words", unit.summary
    yield "belongs to", " > ".join(above.id for above in framework.path(unit.id)) or "–"
    yield "counted", "yes" if unit.assessed else f"no, {unit.not_assessed or 'it groups others'}"
    yield "binds", ", ".join(unit.roles) or "–"
    yield "classes", ", ".join(unit.classes) or "any"
    if unit.only_where:
        yield "only where", unit.only_where
    yield from _days(unit)
    if unit.amended:
        read = "" if unit.amended.verified else " (not read in the official text)"
        yield "amended", f"{unit.amended.by}: {unit.amended.what}{read}"
    for penalty in framework.penalties_for(unit.id):
        percent = f" or {penalty.max_percent:g} %" if penalty.max_percent else ""
        yield f"fine, {penalty.id}", f"up to EUR {penalty.max_eur:,}{percent}. {penalty.rule}"
    if unit.manual:
        yield "manual evidence", unit.manual
    yield "source", unit.source
    walks = load_crosswalks(frameworks).values()
    for other, (published, computed) in pairs_of_unit(
        framework, unit.id, frameworks.values(), walks
    ).items():
        if published:
            yield f"published, {other}", ", ".join(pair.second_id for pair in published)
        if computed:
            yield f"shares controls, {other}", ", ".join(map(_computed_words, computed))


def _days(unit: Requirement) -> Iterator[tuple[str, str]]:
    if unit.applies_from:
        before = unit.applies_from_before_amendment
        was = f" (before the amendment {before})" if before != unit.applies_from else ""
        yield "applies from", unit.applies_from + (was if before else "")
    for other in unit.other_dates:
        before = other.applies_from_before_amendment
        was = f" (before the amendment {before})" if before else ""
        yield f"for {', '.join(other.classes)}", other.applies_from + was
    if unit.transition:
        grace = unit.transition
        yield "grace", f"placed on the market before {grace.placed_before}: {grace.applies_from}"
    if unit.formally_from:
        yield "formally from", unit.formally_from
    if unit.interpretation:
        yield "interpretation", unit.interpretation


def _computed_words(pair: ComputedPair) -> str:
    return f"{pair.second_id} by {' and '.join(shared.control for shared in pair.shared)}"


def validate(
    folder: Annotated[
        Path | None, typer.Argument(help="Folder of frameworks; the shipped one unless given.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Check frameworks: files, ids, days, kinds, and that every mapped control exists."""
    output = Output(as_json=json)
    if folder is not None and not folder.is_dir():
        raise UsageError(f"`{folder}` is no folder. Name the one that holds your frameworks.")
    from muniment.catalog.controls import load_controls

    found = load_frameworks(folder)
    check_mappings(found, load_controls(), folder)
    check_settings(found, load_parameters())
    walks = load_crosswalks(found) if folder is None else {}
    pairs = sum(len(to_ids) for walk in walks.values() for to_ids in walk.pairs.values())
    for framework in found.values():
        mappings = sum(len(unit.controls) for unit in framework.requirements)
        output.say(
            f"{framework.id}: {len(framework.requirements)} units, {len(framework.assessed)} "
            f"counted, {mappings} mappings."
        )
    if walks:
        output.say(f"{len(walks)} published crosswalks with {pairs} pairs.")
    counts = {name: len(framework.assessed) for name, framework in found.items()}
    output.document({"counted": counts, "published_pairs": pairs})


def calendar(
    framework: Annotated[
        str | None, typer.Option(help="Only this framework; all unless given.")
    ] = None,
    since: Annotated[str, typer.Option(help="Leave out what lies before this date.")] = "",
    json: JsonOption = False,
) -> None:
    """Print the legal calendar: what happened, what applies and what is due on which day."""
    output = Output(as_json=json)
    frameworks = load_frameworks()
    chosen = [_chosen(frameworks, framework)] if framework else list(frameworks.values())
    events = sorted(
        ((event, held.short_name) for held in chosen for event in held.calendar),
        key=lambda pair: (pair[0].date, pair[1]),
    )
    columns = ("date", "framework", "kind", "event", "units", "source")
    rows = [
        (event.date, name, "interpretation" if event.ours else event.kind, event.event,
         ", ".join(event.units), event.source)
        for event, name in events
        if event.date >= since
    ]  # fmt: skip
    output.table(columns, rows)
    output.document({"events": [dict(zip(columns, row, strict=True)) for row in rows]})


def crosswalk(
    first: FrameworkArgument,
    second: FrameworkArgument,
    json: JsonOption = False,
) -> None:
    """Set two frameworks side by side: published pairs, pairs by our controls, the rest."""
    output = Output(as_json=json)
    frameworks = load_frameworks()
    walks = load_crosswalks(frameworks)
    left, right = _chosen(frameworks, first), _chosen(frameworks, second)
    found = compare_frameworks(left, right, walks.values())
    published = [(p.first_id, p.second_id, p.crosswalk_id, p.relation or "not stated", p.remark)
                 for p in found.published]  # fmt: skip
    computed = [
        (pair.first_id, pair.second_id, shared.control,
         f"{shared.first.relation}, {shared.first.strength}",
         f"{shared.second.relation}, {shared.second.strength}")
        for pair in found.computed
        for shared in pair.shared
    ]  # fmt: skip
    output.say(f"Published: {len(published)} pairs. Each is its publisher's word.")
    columns = (left.id, right.id, "crosswalk", "relation", "remark")
    output.table(columns, published)
    output.say(f"By our controls: {len(found.computed)} pairs. They share a control, no more.")
    output.table((left.id, right.id, "control", "to the first", "to the second"), computed)
    document: dict[str, Any] = {"published": [list(p) for p in published], "computed": computed}
    for kind, sides in (("published", found.unpublished), ("computed", found.uncomputed)):
        for side, ids in zip((left, right), sides, strict=True):
            words = ", ".join(ids) or "none"
            output.say(f"In no {kind} pair, {side.short_name}, {len(ids)}: {words}")
            document.setdefault("unmapped", {}).setdefault(kind, {})[side.id] = list(ids)
    output.document(document)


def _chosen(frameworks: dict[str, Framework], name: str) -> Framework:
    found = frameworks.get(name)
    if found is None:
        known = ", ".join(f"`{known}`" for known in frameworks)
        raise UsageError(f"no framework `{name[:80]}`. Use one of {known}.")
    return found
