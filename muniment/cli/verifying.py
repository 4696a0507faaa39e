"""Commands by which packs and stores are checked and signed: verify, sample, sign-off."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn, Protocol

import typer

from muniment.cli.common import DEFAULT_STORE, JsonOption, StoreOption, opened
from muniment.cli.output import Output
from muniment.evidence.pack_verification import copies_at, pack_steps
from muniment.sealing.anchors import read_anchor
from muniment.sealing.heads import sign_if_possible
from muniment.sealing.timestamps import TSA, stamped_heads
from muniment.sealing.trust import Holdings, read_fingerprint
from muniment.sealing.verify import verify_store
from muniment.store.checkpoint_files import origin_in, read_checkpoint_file

NOT_ESTABLISHED = (
    "Nothing is broken, and trust is not established: {}. What is open, only somebody who holds "
    "the key's fingerprint and an earlier head, got elsewhere, can close."
)


class Step(Protocol):
    """A step of any verification, as it is printed."""

    @property
    def number(self) -> int: ...  # noqa: D102
    @property
    def title(self) -> str: ...  # noqa: D102
    @property
    def ok(self) -> bool: ...  # noqa: D102
    @property
    def detail(self) -> str: ...  # noqa: D102
    @property
    def where(self) -> Sequence[str]: ...  # noqa: D102
    @property
    def open(self) -> str: ...  # noqa: D102


def register(app: typer.Typer) -> None:
    """Add the commands of this module to the application."""
    for command in (verify, sample):
        app.command()(command)
    app.command("sign-off")(sign_off)


def verify(
    target: Annotated[
        Path | None,
        typer.Argument(help="A store, a pack's folder, zip or PDF; the store unless given."),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Digests, headers and signatures only.")
    ] = False,
    key_fingerprint: Annotated[
        str | None, typer.Option(help="Fingerprint of the signing key, as published elsewhere.")
    ] = None,
    since: Annotated[
        list[Path] | None, typer.Option(help="A checkpoint that you kept; may be repeated.")
    ] = None,
    anchor: Annotated[
        list[str] | None,
        typer.Option(help="To compare with: folder:PATH, git:PATH, or tsa:CERTIFICATE.pem."),
    ] = None,
    store: StoreOption = DEFAULT_STORE,
    json: JsonOption = False,
) -> None:
    """Check a store or a pack against what was sealed, and against what you hold yourself.

    Ends with 0 only when nothing is broken and your fingerprint and heads confirm all of it; with 4
    when something is broken, and with 5 when trust is not established.
    """
    output = Output(as_json=json)
    fingerprint = read_fingerprint(key_fingerprint) if key_fingerprint else ""
    kept = [(f"`{path}`", read_checkpoint_file(path)) for path in since or ()]
    anchors = [read_anchor(text) for text in anchor or ()]
    place = target or store
    if not (place / "muniment.toml").exists():
        conclude(output, pack_steps(place, Holdings(fingerprint, tuple(kept)), anchors))
    with opened(place) as opened_store:
        for each in anchors:
            if each.kind == TSA:
                kept += stamped_heads(opened_store.layout, Path(each.place))
            else:
                kept += copies_at([each], origin_in(opened_store.layout))
        holdings = Holdings(fingerprint, tuple(kept))
        report = verify_store(opened_store, deep=not quick, holdings=holdings)
    conclude(output, report.steps)


def sample(
    nonce: Annotated[
        str,
        typer.Option(help="A line of text that the auditor made up afterwards."),
    ],
    control: Annotated[
        list[str] | None, typer.Option(help="Only this control; may be repeated.")
    ] = None,
    assessment: Annotated[
        str | None, typer.Option(help="Assessment id; the latest unless given.")
    ] = None,
    store: StoreOption = DEFAULT_STORE,
    json: JsonOption = False,
) -> None:
    """Draw an auditor's own sample, which the operator could not have influenced."""
    from muniment.jobs.sampling import draw_samples

    output = Output(as_json=json)
    with opened(store) as opened_store:
        drawn = draw_samples(
            opened_store, nonce, assessment_id=assessment, control_ids=control or ()
        )
    columns = ("control", "test", "rank", "item", "outcome", "evidence")
    output.table(
        columns,
        [
            (one.control_id, one.test_id, rank, item.item_id, item.outcome.value, item.evidence_ref)
            for one in drawn
            for rank, item in enumerate(one.items, start=1)
        ],
    )
    for one in drawn:
        if one.population != one.recorded:
            output.warn(
                f"{one.control_id} {one.test_id}: the population has {one.population:,} items now, "
                f"the assessment counted {one.recorded:,}. Run `muniment verify`."
            )
    document = [
        {
            "control": one.control_id, "test": one.test_id, "seed": one.seed,
            "population": one.population, "recorded_population": one.recorded,
            "items": [item.item_id for item in one.items],
        }
        for one in drawn
    ]  # fmt: skip
    output.document({"nonce": nonce, "samples": document})
    if any(one.population != one.recorded for one in drawn):
        raise typer.Exit(4)


def sign_off(
    pack: Annotated[str, typer.Argument(help="Id of the draft pack, MP-….")],
    role: Annotated[str, typer.Option(help="preparer, reviewer or management.")],
    remark: Annotated[
        str | None, typer.Option(help="Review note, or your title as management.")
    ] = None,
    store: StoreOption = DEFAULT_STORE,
    json: JsonOption = False,
) -> None:
    """Sign a draft pack as the person that you are here; the last signature ends the draft."""
    from muniment.jobs.sign_off import sign_pack_off

    output = Output(as_json=json)
    with opened(store) as opened_store:
        done = sign_pack_off(opened_store, pack, role, remark=remark)
        sealed = sign_if_possible(opened_store)
    for warning in sealed.warnings:
        output.warn(warning)
    output.say(f"{done.row['person_id']} signed {pack} as {role} at {done.row['signed_at']}.")
    if done.final is not None:
        output.say(f"Signed pack {done.final.pack_id}: {done.final.pdf_path}")
    document = {"signed": done.row, "roles": list(done.roles)}
    final = str(done.final.pdf_path) if done.final else None
    output.document({**document, "pdf": final})


def conclude(output: Output, steps: Sequence[Step]) -> NoReturn:
    """Print the steps and end with the code that they deserve."""
    broken = [step for step in steps if not step.ok]
    still_open = [step.open for step in steps if step.ok and step.open]
    say_steps(output, steps)
    if broken:
        numbers = ", ".join(str(step.number) for step in broken)
        output.say(f"BROKEN: step {numbers}. Keep this store or pack as it is, and find out why.")
    elif still_open:
        output.say(NOT_ESTABLISHED.format(", ".join(dict.fromkeys(still_open))))
    else:
        output.say("Nothing is broken, and what you hold confirms key and head.")
    output.document({"verification": steps_document(not broken, steps)})
    raise typer.Exit(4 if broken else 5 if still_open else 0)


def say_steps(output: Output, steps: Sequence[Step]) -> None:
    """A table of steps."""
    rows = [
        (step.number, step.title, "BROKEN" if not step.ok else step.open or "ok", step.detail)
        for step in steps
    ]
    output.table(("step", "check", "result", "detail"), rows)


def steps_document(ok: bool, steps: Sequence[Step]) -> dict[str, Any]:
    """The steps as one JSON value."""
    return {
        "ok": ok,
        "steps": [
            {
                "number": s.number, "title": s.title, "ok": s.ok, "detail": s.detail,
                "where": list(s.where), "open": s.open,
            }
            for s in steps
        ],
    }  # fmt: skip
