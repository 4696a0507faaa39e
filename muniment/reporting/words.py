"""How states read on paper: always a sign and a word, with colour only in third place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from muniment.model.outcomes import Outcome, RequirementState, State, TestKind


@dataclass(frozen=True, slots=True)
class Mark:
    """A state's sign, its words, its colour's name in the style sheet, and its box in a figure."""

    sign: str
    word: str
    colour: str
    box: str = "filled"


CONTROL_MARKS: Mapping[State, Mark] = {
    State.PASS: Mark("✓", "no exceptions", "evidence"),
    State.FAIL: Mark("▲", "exceptions", "exception"),
    State.UNDETERMINED: Mark("?", "undetermined", "doubt", "tint"),
    State.PENDING: Mark("…", "not settled yet", "open", "tint"),
    State.ERROR: Mark("✘", "test error", "broken"),
    State.NOT_TESTED: Mark("○", "not tested", "open", "outline"),
    State.NOT_APPLICABLE: Mark("–", "not applicable", "away", "none"),
    State.EXCEPTED: Mark("◊", "excepted", "doubt", "outline"),
    State.ATTESTED: Mark("◉", "attested", "evidence", "outline"),
    State.STALE: Mark("▽", "stale", "doubt", "outline"),
}

REQUIREMENT_MARKS: Mapping[RequirementState, Mark] = {
    RequirementState.EVIDENCED: Mark("✓", "evidenced", "evidence"),
    RequirementState.PARTLY: Mark("½", "partly evidenced", "evidence", "tint"),
    RequirementState.EXCEPTIONS: Mark("▲", "exceptions noted", "exception"),
    RequirementState.NOT_TESTED: Mark("○", "not tested", "open", "outline"),
    RequirementState.MANUAL: Mark("¶", "manual evidence needed", "human", "tint"),
    RequirementState.NOT_APPLICABLE: Mark("–", "not applicable", "away", "none"),
    RequirementState.NOT_YET: Mark("→", "not yet in application", "later", "outline"),
}

# Readiness of a clause that applies later: a gap there is no violation.
READINESS_MARKS: Mapping[RequirementState, Mark] = {
    RequirementState.EVIDENCED: Mark("✓", "ready", "later"),
    RequirementState.PARTLY: Mark("½", "partly ready", "later"),
    RequirementState.EXCEPTIONS: Mark("▲", "gap", "later"),
    RequirementState.NOT_TESTED: Mark("○", "not tested", "later"),
    RequirementState.MANUAL: Mark("¶", "manual", "later"),
    RequirementState.NOT_APPLICABLE: Mark("–", "not applicable", "later"),
    RequirementState.NOT_YET: Mark("○", "not tested", "later"),
}

OUTCOME_WORDS: Mapping[Outcome, str] = {
    Outcome.PASS: "no exception",
    Outcome.EXCEPTION: "exception",
    Outcome.UNDETERMINED: "undetermined",
    Outcome.PENDING: "not settled yet",
}

PROCEDURES: Mapping[TestKind, str] = {
    TestKind.EVENTS: "data analytics: the condition is re-performed on every event of the "
    "population",
    TestKind.SEQUENCE: "data analytics: every sequence of the population is re-performed in time "
    "order",
    TestKind.REGISTRY: "inspection of every record of the population as it stood at the as-of time",
    TestKind.FACTS: "data analytics: daily counts of the whole log, compared with the records",
    TestKind.ATTESTED: "inspection of a person's attestation and the file attached to it; not a "
    "test of operation",
}

# The control library's domains; a code that is not listed is named by its folder.
DOMAIN_TITLES: Mapping[str, str] = {
    "IDN": "Identity",
    "OWN": "Ownership",
    "ACC": "Access",
    "BND": "Boundary",
    "OVR": "Human oversight",
    "POL": "Runtime policy",
    "AUD": "Audit trail",
    "INT": "Integrity",
    "BEH": "Behaviour",
    "MAG": "Multi-agent",
    "DEV": "Developer AI",
    "SHA": "Shadow AI",
    "LIF": "Lifecycle",
    "INC": "Incidents",
    "RSK": "Risk and impact",
    "TRN": "Transparency",
    "TST": "Testing",
    "DAT": "Data",
    "SUP": "Suppliers",
    "GOV": "Programme",
}

# Tokens of the light theme, for vector figures, which do not see the style sheet.
COLOURS: Mapping[str, tuple[str, str]] = {
    "evidence": ("#00607A", "#DEE8E9"),
    "exception": ("#A63409", "#F2E3DB"),
    "doubt": ("#765000", "#ECE6DA"),
    "open": ("#525C67", "#E8E8E7"),
    "broken": ("#6B0A40", "#EBDEE2"),
    "later": ("#4A4FA3", "#E7E6EE"),
    "human": ("#7A2E9E", "#ECE2ED"),
    "away": ("#626A74", "#EAEAE8"),
}
INK, MUTED, RULE = "#1D2329", "#525C67", "#D8D4CA"
