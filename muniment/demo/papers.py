"""Papers: what people attested, with which file, until when; and one that nobody reads yet."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from muniment.demo.clock import AS_OF_NANOS
from muniment.demo.company import person_id
from muniment.demo.seeds import Story
from muniment.model.outcomes import Outcome
from muniment.model.times import format_time, normal_time
from muniment.workflow.attest import attestation_key

POLICY_FILE = "ai_policy_2026.txt"
AUDIT_FILE = "internal_audit_2025.txt"
OLD_POLICIES = ("ai_policy_2023.txt", "ai_policy_2024.txt", "ai_policy_2025.txt")
OLD_AUDITS = ("internal_audit_2023.txt", "internal_audit_2024.txt")
NEXT_AUDIT = "internal_audit_2026.txt"
APPLICABILITY_FILE = "statement_of_applicability.csv"

_PAPERS = {
    POLICY_FILE: """Northwind Freight: policy on the use of AI agents

Version 3, approved by the board on 2026-10-05, in force from 2026-10-06.

1. Every agent is registered, with a person as owner, before it acts.
2. An agent does what its permission set lists, and nothing else.
3. Payments, deployments, changes of access, exports of data, declarations and tariffs always wait
   for a person's approval; other acts above the limits of their threshold.
4. What an agent does is logged so that a stranger can follow it from trigger to outcome.
5. Each team has a monthly budget for model calls; at the limit, calls stop.
6. Every agent is reviewed each quarter, and stopped once a quarter to see that it can be.
""",
    AUDIT_FILE: """Northwind Freight: internal audit of the AI management system, 2025

Carried out in August 2025 by Anders Poulsen, manager of the AI management system.
Management review held on 2025-09-09. Findings: two minor, both closed.
""",
    OLD_POLICIES[0]: "Northwind Freight: policy on the use of AI agents, draft for pilots.\n",
    OLD_POLICIES[1]: "Northwind Freight: policy on the use of AI agents, version 1.\n",
    OLD_POLICIES[2]: "Northwind Freight: policy on the use of AI agents, version 2.\n",
    OLD_AUDITS[0]: "Northwind Freight: internal audit of the AI management system, 2023.\n",
    OLD_AUDITS[1]: "Northwind Freight: internal audit of the AI management system, 2024.\n",
    NEXT_AUDIT: "Northwind Freight: internal audit of the AI management system, 2026.\n",
    # No control reads a statement of applicability yet: two exclusions below give no reason.
    APPLICABILITY_FILE: """control,applicable,reason
A.2.2,yes,Policy of 2026-10-05
A.3.2,yes,RACI of each agent
A.5.2,yes,Impact assessments since 2025
A.6.2.3,no,
A.7.2,no,Northwind trains no models of its own
A.8.3,yes,Channel for concerns
A.10.4,no,
""",
}


@dataclass(frozen=True, slots=True)
class Paper:
    """What somebody attested, with which file, when, and until when; `why` it only looks lapsed."""

    control_id: str
    file: str
    by: str
    at: str
    until: str
    statement: str
    why: str = ""

    @property
    def attestation_id(self) -> str:
        """The id that the store will give it."""
        sha256 = hashlib.sha256(_PAPERS[self.file].encode()).hexdigest()
        return attestation_key(self.control_id, person_id(self.by), normal_time(self.at), sha256)


_BOARD, _AUDITOR = "Mette Keller", "Anders Poulsen"
PAPERS = (
    Paper("GOV-01", OLD_POLICIES[0], _BOARD, "2023-11-01T09:00:00Z", "2024-11-01T09:00:00Z",
          "The board approved a policy for the pilots.", "replaced a month before its end"),
    Paper("GOV-01", OLD_POLICIES[1], _BOARD, "2024-10-01T09:00:00Z", "2025-10-01T09:00:00Z",
          "The board approved version 1 of the AI policy.", "replaced at the instant of its end"),
    Paper("GOV-01", OLD_POLICIES[2], _BOARD, "2025-10-01T09:00:00Z", "2026-10-01T09:00:00Z",
          "The board approved version 2 of the AI policy.", "lapsed, and replaced five days later"),
    Paper("GOV-01", POLICY_FILE, _BOARD, "2026-10-06T09:00:00Z", "2027-10-06T00:00:00+02:00",
          "The board approved the AI policy on 2026-10-05; all staff read it by 10-06.",
          "in force; its end is told in Copenhagen time"),
    Paper("GOV-04", OLD_AUDITS[0], _AUDITOR, "2023-09-12T10:00:00Z", "2024-09-12T10:00:00Z",
          "The management system was audited and reviewed.", "replaced at the instant of its end"),
    Paper("GOV-04", OLD_AUDITS[1], _AUDITOR, "2024-09-12T10:00:00Z", "2025-09-13T10:00:00Z",
          "The management system was audited and reviewed.", "replaced a day before its end"),
    Paper("GOV-04", AUDIT_FILE, _AUDITOR, "2025-09-12T10:00:00Z", "2026-09-12T00:00:00+02:00",
          "The management system was audited in August 2025 and reviewed on 2025-09-09."),
    Paper("GOV-04", NEXT_AUDIT, _AUDITOR, format_time(AS_OF_NANOS + 1), "2027-11-20T00:00:00+01:00",
          "The management system was audited and reviewed.", "a nanosecond after as-of"),
)  # fmt: skip


def seed_attestations(story: Story) -> None:
    """GOV-01 and GOV-04: what was attested in time, and an audit whose year is over."""
    for paper in PAPERS:
        if paper.why:
            story.near_miss(paper.control_id, paper.attestation_id, paper.why)
        else:
            story.near_miss(
                paper.control_id, paper.attestation_id, "over a year old: stale",
                Outcome.UNDETERMINED,
            )  # fmt: skip


def write_papers(folder: Path) -> None:
    """Write every paper into `folder`."""
    for name, text in _PAPERS.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
