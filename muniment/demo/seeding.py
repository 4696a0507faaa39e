"""All seeds, in the order in which they are told."""

from __future__ import annotations

from collections.abc import Callable

from muniment.demo.papers import seed_attestations
from muniment.demo.runs import Runs
from muniment.demo.seeds import Story
from muniment.demo.seeds_access import (
    seed_approved_permissions,
    seed_other_access,
    seed_permissions,
    seed_unused_permissions,
)
from muniment.demo.seeds_approvals import (
    seed_answered_in_time,
    seed_approved_before,
    seed_approvers,
    seed_requests,
)
from muniment.demo.seeds_identity import (
    seed_attribution,
    seed_credentials,
    seed_owners,
    seed_unregistered,
)
from muniment.demo.seeds_policy import seed_always_approved, seed_checks, seed_denials, seed_tiers
from muniment.demo.seeds_programme import (
    seed_classes,
    seed_components,
    seed_discovered,
    seed_incidents,
    seed_papers,
    seed_sources,
    seed_tests,
)
from muniment.demo.seeds_reviewers import seed_reviewers
from muniment.demo.seeds_scope import (
    seed_abandoned,
    seed_boundaries,
    seed_creep,
    seed_delegation,
    seed_gates,
    seed_retired,
    seed_reviews,
)
from muniment.demo.seeds_spend import seed_budgets, seed_unattributed
from muniment.demo.seeds_trail import (
    seed_drift,
    seed_gaps,
    seed_notices,
    seed_records,
    seed_retention,
    seed_traces,
)

SEEDS: tuple[Callable[[Story], None], ...] = (
    seed_unregistered, seed_credentials, seed_attribution, seed_owners,
    seed_permissions, seed_approved_permissions, seed_unused_permissions, seed_other_access,
    seed_boundaries, seed_creep, seed_delegation,
    seed_approved_before, seed_answered_in_time, seed_approvers, seed_requests, seed_reviewers,
    seed_tiers, seed_always_approved, seed_checks, seed_denials,
    seed_records, seed_traces, seed_gaps, seed_retention, seed_notices, seed_drift,
    seed_unattributed,
    seed_gates, seed_abandoned, seed_retired, seed_reviews,
    seed_discovered, seed_incidents, seed_classes, seed_tests, seed_sources, seed_components,
    seed_papers, seed_attestations,
)  # fmt: skip
# These need to know everything that runs.
SPENDING: tuple[Callable[[Story, list[Runs]], None], ...] = (seed_budgets,)
