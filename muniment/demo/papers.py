"""Papers that people attested with, and those that no control reads yet."""

from __future__ import annotations

from pathlib import Path

POLICY_FILE = "ai_policy_2026.txt"
AUDIT_FILE = "internal_audit_2025.txt"
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


def write_papers(folder: Path) -> None:
    """Write every paper into `folder`."""
    for name, text in _PAPERS.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
