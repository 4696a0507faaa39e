"""Parts that show how a reference leads to a sealed leaf, recomputed while the page is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from dashboard import components as ui
from dashboard.components import html
from dashboard.rows import Row
from dashboard.wording import NONE, REQUIREMENT_STATES, Status, number, plural

EQUAL = Status("✓", "Equal", "evidence", "filled")
DIFFERENT = Status("✘", "Different", "broken", "filled")
WIDEST = 70
OPEN = REQUIREMENT_STATES["not_tested"]


def proof_card(proof: Mapping[str, Any]) -> Markup:
    """The steps from the entry's bytes to the header, each with what it gave."""
    found = ui.join(html("<li>{}</li>", ui.long_text(step, 600)) for step in proof["steps"])
    return ui.card(
        "Is this record the one that was sealed?",
        ui.table(("Step", "Value", "Result"), _way_down(proof), wide=1),
        ui.details("Canonical bytes", ui.pre(proof["canonical"])),
        ui.details("How this was found", html("<ol>{}</ol>", found)) if found else found,
        says=_says(proof),
        source="A signature says whose key sealed it, to whoever confirmed the key's fingerprint; "
        "an earlier head, kept elsewhere, shows that nothing was written anew.",
    )


def _way_down(proof: Mapping[str, Any]) -> list[tuple[object, ...]]:
    sealed, header = proof["sealed"], proof["header"] or {}
    place = html("written ahead, in no segment yet")
    if sealed:
        leaf, leaves = int(proof["leaf_index"]), int(header.get("entry_count", 0))
        words = "segment {}, leaf {} of {}"
        place = html("{}", words.format(number(proof["segment_no"]), number(leaf), number(leaves)))
    recorded = ui.keep("as recorded") if sealed else ui.mark(OPEN, "Not sealed")
    deep = ui.keep(html("see {}", ui.code("status --verify"))) if sealed else html("{}", NONE)
    steps = (
        ("1 Canonical bytes hash to", _wrapped(proof["leaf_hash"]), ui.keep("recomputed now")),
        ("2 Stored leaf", _wrapped(proof["stored_leaf_hash"]), _compared(proof)),
        ("3 Place in the log", place, recorded),
        ("4 Merkle root in the header", _wrapped(header.get("merkle_root")), deep),
        ("5 Header", _wrapped(proof["header_hash"]), ui.keep("recomputed now") if sealed else deep),
        ("6 Checkpoint over the headers", _wrapped(_root(proof)), _signed(proof)),
    )
    return [(ui.keep(step), value, result) for step, value, result in steps]


def _signed(proof: Mapping[str, Any]) -> Markup:
    return ui.keep("signed; key not confirmed") if _root(proof) else ui.mark(OPEN, "Unsigned")


def _root(proof: Mapping[str, Any]) -> str:
    return str(proof.get("checkpoint_root") or "")


def _says(proof: Mapping[str, Any]) -> str:
    if not proof["sealed"]:
        return "Not yet: the entry is written ahead and waits to be sealed."
    if proof["matches"]:
        head = "A signed checkpoint covers it." if _root(proof) else "The header is unsigned."
        return f"Yes: the bytes as they are now hash to the sealed leaf. {head}"
    if _leaf_fits(proof):
        return "No: the sealed entry is whole, but the record's row is no longer what was sealed."
    return "No: the bytes as they are now do not hash to the sealed leaf. Verify the store."


def _leaf_fits(proof: Mapping[str, Any]) -> bool:
    return bool(proof["leaf_hash"]) and proof["leaf_hash"] == proof["stored_leaf_hash"]


def _compared(proof: Mapping[str, Any]) -> Markup:
    if not proof["sealed"]:
        return ui.mark(OPEN, "Not sealed")
    return ui.mark(EQUAL if _leaf_fits(proof) else DIFFERENT)


def _wrapped(value: object) -> Markup:
    return ui.code(value) if value else html("{}", NONE)


def row_card(proof: Mapping[str, Any]) -> list[Markup]:
    """The record's row, for evidence that is a record."""
    row: Row | None = proof["record_row"]
    if not row:
        return []
    return [
        ui.card(
            "The record's row",
            _columns(row),
            says=ui.mark(EQUAL, "Equal to what was sealed.")
            if proof["matches"]
            else ui.mark(
                OPEN if not proof["sealed"] else DIFFERENT,
                "Not sealed yet." if not proof["sealed"] else "Different from what was sealed.",
            ),
        )
    ]


def carried(proof: Mapping[str, Any]) -> Markup:
    """Every value that the entry carries; columns without one were not carried."""
    entry: Row = proof["entry"]
    notes = proof["annotations"] or []
    said = (
        f"{plural(len([v for v in entry.values() if v is not None]), 'column', 'columns')} carried."
    )
    later = (
        ui.details(
            plural(len(notes), "later annotation", "later annotations"),
            ui.stack(
                *(_columns(note) if isinstance(note, Mapping) else ui.pre(note) for note in notes)
            ),
            opened=True,
        )
        if notes
        else html("")
    )
    return ui.card(
        "What the log carries",
        _columns(entry),
        later,
        says=said,
        source="A column that is not listed was not carried. Long values are cut here; the "
        "canonical bytes hold them whole.",
    )


def _columns(row: Mapping[str, Any]) -> Markup:
    """Values side by side, long ones below over the whole width."""
    held = [(ui.code(k), _words(v)) for k, v in row.items() if v is not None]
    near = ((name, words) for name, words in held if len(words) <= WIDEST)
    far = [(name, ui.long_text(words, 600)) for name, words in held if len(words) > WIDEST]
    beside = html('<div class="m-two">{}</div>', ui.facts(near))
    return html("{}{}", beside, ui.facts(far) if far else html(""))


def _words(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "(empty list)"
    if isinstance(value, Mapping):
        return ", ".join(f"{k} = {_words(v)}" for k, v in value.items())
    return "(no value)" if value is None else str(value)
