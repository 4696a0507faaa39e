"""The command that reads results: what an assessment found, control by control, item by item."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from muniment.cli.common import DEFAULT_STORE, JsonOption, StoreOption, opened
from muniment.cli.output import Output
from muniment.errors import UsageError
from muniment.model.results import ControlResult, TestedItem, TestResult

_COUNTS = ("state", "population", "exceptions", "undetermined", "why")
_CONTROLS = ("control", *_COUNTS)
_TESTS = ("test", *_COUNTS)
_MISSING = ("missing column", "not carried", "redacted", "sources")
_ITEMS = ("outcome", "item", "observed", "agent", "reason", "evidence")


def register(app: typer.Typer) -> None:
    """Add the command of this module to the application."""
    app.command()(results)


def results(
    control: Annotated[
        str | None, typer.Argument(help="A control, with its items; all controls unless given.")
    ] = None,
    assessment: Annotated[
        str | None, typer.Option(help="Assessment id; the latest unless given.")
    ] = None,
    items: Annotated[int, typer.Option(min=0, help="Items to print; --json gives all.")] = 20,
    store: StoreOption = DEFAULT_STORE,
    json: JsonOption = False,
) -> None:
    """Read what a stored assessment found, without assessing again."""
    from muniment.assessment.sentences import lead_sentence
    from muniment.evidence.dossier import load_dossier

    output = Output(as_json=json)
    with opened(store) as opened_store:
        dossier = load_dossier(opened_store, assessment)
    done = dossier.assessment
    document: dict[str, Any] = {"assessment_id": done.assessment_id, "as_of": done.clock.as_of}
    if control is None:
        rows = [(r.control_id, *_counts(r)) for r in done.controls]
        output.say(lead_sentence(done.controls, done.requirements))
        output.table(_CONTROLS, rows)
        document["controls"] = [dict(zip(_CONTROLS, row, strict=True)) for row in rows]
    else:
        found = dossier.results.get(control.upper())
        if found is None:
            named = ", ".join(sorted(dossier.results))
            raise UsageError(f"there is no result of control `{control[:40]}`, only of {named}.")
        definition = dossier.controls.get(found.control_id)
        output.say(f"{found.control_id} {definition.title if definition else ''}".rstrip())
        for test in found.tests:
            _print_test(output, test, items)
        document["control"] = found.control_id
        document["tests"] = [_test_document(test) for test in found.tests]
    output.say(f"Assessment {done.assessment_id}, as of {done.clock.as_of}.")
    output.document(document)


def _counts(of: ControlResult | TestResult) -> tuple[object, ...]:
    return of.state.value, of.population, of.exceptions, of.undetermined, of.state_reason


def _print_test(output: Output, test: TestResult, most: int) -> None:
    output.say("")
    output.table(_TESTS, [(test.test_id, *_counts(test))])
    missing = _missing(test)
    if missing:
        output.table(_MISSING, missing)
    if test.items and most:
        output.table(_ITEMS, [_item(item) for item in test.items[:most]])
    more = max(0, len(test.items) - most) + test.items_cut
    if more:
        output.say(f"{more:,} more items.")


def _missing(test: TestResult) -> list[tuple[object, ...]]:
    return [
        (one.name, one.not_carried, one.redacted, ", ".join(one.sources))
        for one in test.missing_fields
    ]


def _item(item: TestedItem) -> tuple[object, ...]:
    observed = str(item.observed_at or "")[:19].replace("T", " ")
    where = (item.agent_id or "", item.reason, item.evidence_ref)
    return (item.outcome.value, item.item_id, observed, *where)


def _test_document(test: TestResult) -> dict[str, Any]:
    return {
        **dict(zip(_TESTS, (test.test_id, *_counts(test)), strict=True)),
        "missing": [dict(zip(_MISSING, row, strict=True)) for row in _missing(test)],
        "items": [
            dict(zip(_ITEMS, _item(item), strict=True)) | {"attributes": list(item.attributes)}
            for item in test.items
        ],
        "items_not_listed": test.items_cut,
        "error": test.error,
    }
