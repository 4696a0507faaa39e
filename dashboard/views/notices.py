"""Pages that have nothing else to show: what is so, and what to do."""

from __future__ import annotations

from dashboard.components import code, html, notice, show
from dashboard.wording import Status

# Not states of controls: these words say how the page stands.
NOTHING = Status("○", "Nothing to show", "open", "outline")
NOT_FOUND = Status("○", "Not found", "open", "outline")
STOPPED = Status("✘", "Stopped", "broken", "filled")


def no_assessment(organisation: str) -> None:
    """The store is there, and nothing in it was assessed."""
    show(
        notice(
            NOTHING,
            "No assessment yet",
            html(
                "The store of <b>{}</b> holds no assessment, so there is no result to show. "
                "An empty page is not assurance.",
                organisation,
            ),
            html(
                "Import a source with {}, then run {}.",
                code("muniment import"),
                code("muniment assess"),
            ),
        )
    )


def unknown(kind: str, name: str) -> None:
    """The address names something that the assessment does not hold."""
    show(
        notice(
            NOT_FOUND,
            f"Unknown {kind}",
            html(
                "The address names the {} {}, which is not in this assessment. It may belong to "
                "another one, or the address was cut.",
                kind,
                code(name or "–"),
            ),
            html('<a href="/">Overview</a>'),
        )
    )


def refused(reason: str) -> None:
    """The store or the assessment cannot be shown, and it is known why."""
    show(
        notice(
            STOPPED,
            "This cannot be shown",
            reason,
            "Nothing was changed. Mend what the sentence above names, then load the page again.",
        )
    )


def failed() -> None:
    """Something went wrong that nobody foresaw; the trace is in the server's log."""
    show(
        notice(
            STOPPED,
            "This page could not be drawn",
            "An unforeseen error stopped it. Nothing was changed. The server's output says where.",
            html('<a href="/">Overview</a>'),
        )
    )
