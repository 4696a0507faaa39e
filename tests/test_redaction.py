"""Redaction: what an event said is gone everywhere, what was proven stays proven."""

from __future__ import annotations

from pathlib import Path

import pytest

from muniment.errors import StoreError, UsageError
from muniment.model.outcomes import State
from muniment.sealing.log import AuditLog
from muniment.sealing.redaction import finish_redactions, redact_events
from muniment.sealing.verify import verify_store
from muniment.store.audit import AuditReader
from muniment.store.open import Store
from tests.builders.cache_world import World
from tests.builders.entries import deliver, entry, event_id

SECRET = "Ada Lovelace, 36 Example Street"
WHY = {"reason": "Art. 17", "approved_by": "dpo@example.org"}


@pytest.fixture
def world(sqlite_store: Store) -> World:
    made = World(sqlite_store)
    made.add_events(3, 8)
    made.add_events(4, 8, target_ref=SECRET)
    made.deliver_again(0, True, target_ref=f"{SECRET}, corrected")
    return made


def holds_secret(root: Path) -> list[str]:
    """Files under the store that still say it; Parquet is read, the rest searched."""
    import pyarrow.parquet as pq

    found = []
    for path in sorted(p for p in root.rglob("*") if p.is_file()):
        said = path.read_bytes()
        if path.suffix == ".parquet":
            said = str(pq.read_table(path, partitioning=None).to_pydict()).encode()
        if SECRET.encode() in said:
            found.append(path.name)
    return found


def secret_ids(world: World) -> list[str]:
    ids = [event_id for event_id, row in world.events.items() if row.get("target_ref") == SECRET]
    return [*ids, sorted(world.events)[0]]


def test_erased_events_leave_no_word_and_the_store_verifies(world: World) -> None:
    store = world.store
    world.results(world.setting())
    assert holds_secret(store.layout.root)
    done = redact_events(store, list(dict.fromkeys(secret_ids(world))), **WHY)
    assert done.count >= 9
    assert holds_secret(store.layout.root) == []
    report = verify_store(store, deep=True)
    assert report.ok, [step for step in report.steps if not step.ok]


def test_erased_event_is_undetermined_and_only_what_it_touches_is_computed(world: World) -> None:
    setting = world.setting()
    world.expected(setting)
    world.computed(setting)
    erased = next(e for e, row in world.events.items() if row.get("action_type") == "destructive")
    redact_events(world.store, [erased], **WHY)
    later = world.setting()
    assert world.computed(later) == world.expected(later) != set()
    results = world.results(later)
    assert results == world.cold(later) == world.in_memory(later)
    plain = results[0].tests[0]
    assert plain.undetermined == 1
    assert plain.missing_fields[0].redacted == 1
    assert results[0].state in (State.FAIL, State.UNDETERMINED)


def test_erased_event_that_is_delivered_again_does_not_come_back(world: World) -> None:
    erased = secret_ids(world)[0]
    redact_events(world.store, [erased], **WHY)
    row = {k: v for k, v in world.events[erased].items() if v is not None}
    assert deliver(AuditLog(world.store), row) == (0, 1, 0)
    for path in world.store.layout.index.iterdir():
        path.unlink()
    assert deliver(AuditLog(world.store), row) == (0, 1, 0)
    with pytest.raises(StoreError, match="erased before"):
        redact_events(world.store, [erased], **WHY)


@pytest.mark.parametrize("at", ["segment rewritten", "erasure noted", "segment replaced"])
def test_redaction_that_is_killed_is_finished_or_never_was(world: World, at: str) -> None:
    def stop(step: str) -> None:
        if step == at:
            raise KeyboardInterrupt

    store, erased = world.store, secret_ids(world)[0]
    with pytest.raises(KeyboardInterrupt):
        redact_events(store, [erased], **WHY, step=stop)
    with AuditLog(store).exclusive():
        finish_redactions(store)
    salt = AuditReader(store.layout).entry(erased).row["salt"]
    assert bool(salt) == (at == "segment rewritten")
    if salt:
        redact_events(store, [erased], **WHY)
    report = verify_store(store, deep=True)
    assert report.ok, [step for step in report.steps if not step.ok]


def test_redaction_refuses_what_must_be_kept_and_what_is_not_there(sqlite_store: Store) -> None:
    held, kept = entry("held", legal_hold=True), entry("kept", retain_until="2990-01-01T00:00:00Z")
    kept["retain_until"] = "2200-01-01T00:00:00.000000000Z"
    deliver(AuditLog(sqlite_store), held, kept)
    for name, said in (("held", "legal hold"), ("kept", "until 2200"), ("none", "no event")):
        with pytest.raises(StoreError, match=said):
            redact_events(sqlite_store, [event_id(name)], **WHY)
    with pytest.raises(UsageError, match="who approved"):
        redact_events(sqlite_store, [event_id("held")], reason="r", approved_by=" ")
