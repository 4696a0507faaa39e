"""Writes the list of the demo's seeds, by control, into docs/demo.md between its two marks."""

import sys
from pathlib import Path

from muniment.demo import MIN_EVENTS
from muniment.demo.clock import utc_text
from muniment.demo.generate import generate_demo
from muniment.demo.runs import Event
from muniment.demo.truth import Expectation

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "demo.md"
BEGIN, END = "<!-- seeds: begin -->\n", "<!-- seeds: end -->\n"
WORDS = {
    "exception": "exceptions",
    "pass": "not",
    "undetermined": "undetermined",
    "pending": "pending",
}


def told(expected: list[Expectation]) -> str:
    """The seeds as Markdown: for each control its exceptions, then what only looks like one."""
    parts = []
    for control in sorted({one.control_id for one in expected}):
        mine = [one for one in expected if one.control_id == control]
        parts.append(f"### {control}\n")
        for outcome, word in WORDS.items():
            lines = _lines([one for one in mine if one.outcome == outcome])
            if lines:
                parts.append(f"{word}:\n\n" + "".join(f"- {line}\n" for line in lines))
    return "\n".join(parts)


def _lines(ones: list[Expectation]) -> list[str]:
    """One line for each seed; those that differ only by their event are told as one."""
    by_reason: dict[str, list[Expectation]] = {}
    for one in ones:
        by_reason.setdefault(one.why, []).append(one)
    return [f"{_place(same)}: {why}" for why, same in by_reason.items()]


def _place(ones: list[Expectation]) -> str:
    if len(ones) > 3:
        agents = sorted({_agent(one.item) for one in ones})
        return f"{len(ones)} items of {', '.join(agents)}"
    return ", ".join(
        f"{_agent(one.item)} at {_time(one.item)}" if isinstance(one.item, Event)
        else f"`{one.item}`" for one in ones
    )  # fmt: skip


def _time(event: Event) -> str:
    return utc_text(event.time).replace("T", " ").removesuffix("Z").removesuffix(".000")


def _agent(item: Event | str) -> str:
    return str(item.values.get("agent_id") or "nobody") if isinstance(item, Event) else f"`{item}`"


def main() -> int:
    """Rewrite the document; 1 when it was not up to date."""
    text = DOCUMENT.read_text("utf-8")
    head, rest = text.split(BEGIN)
    tail = rest.split(END)[1]
    new = f"{head}{BEGIN}{told(generate_demo(events=MIN_EVENTS).expected)}{END}{tail}"
    DOCUMENT.write_text(new, encoding="utf-8")
    return int(new != text)


if __name__ == "__main__":
    sys.exit(main())
