"""Signing an evidence pack: a preparer first, then a reviewer who is somebody else.

Until login exists, who acts is the operating-system user, mapped to a person by `people.toml` in
the store:

    [operating_system_users]
    ada = "ada@example.org"

Whoever owns the machine can act as any of its users; what is signed is an entry of the log all the
same, and the anchored log shows when it was.
"""

from __future__ import annotations

import os
import pwd
import tomllib
from typing import Any

from muniment.errors import UsageError, WorkflowError
from muniment.model import times
from muniment.model.entries import OWN_SOURCE_ID
from muniment.store.layout import StoreLayout
from muniment.store.open import Store

ROLES = ("preparer", "reviewer", "management")


def os_user() -> str:
    """The user whose process this is; environment variables that name another are not asked."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError as error:
        raise WorkflowError(f"user number {os.getuid()} has no name on this system.") from error


def person_of(store: Store, user: str) -> dict[str, Any]:
    """The person that an operating-system user stands for, an active human of the records.

    Raises WorkflowError where the user is mapped to nobody, or to somebody who may not sign.
    """
    person_id = _mapping(store.layout).get(user)
    where = f"`{store.layout.people_file}`"
    if person_id is None:
        raise WorkflowError(
            f"the user `{user}` is mapped to no person. Add it to {where} under "
            "[operating_system_users]."
        )
    now = times.now()
    people = store.records.rows_as_of("person", now, now)
    found = next((row for row in people if row["person_id"] == person_id), None)
    if found is None:
        raise WorkflowError(
            f"{where} maps `{user}` to `{person_id}`, whom the records do not know."
        )
    if found["kind"] not in (None, "human") or found["active"] is False or found["left_at"]:
        raise WorkflowError(f"`{person_id}` is no active person, so cannot sign.")
    return found


def sign_offs(store: Store, pack_id: str) -> dict[str, dict[str, Any]]:
    """Who has signed a draft, by role."""
    now = times.now()
    rows = store.records.rows_as_of("sign_off", now, now)
    return {str(row["role"]): row for row in rows if row["pack_id"] == pack_id}


def sign_off(
    store: Store,
    *,
    pack_id: str,
    pack_digest: str,
    assessment_id: str,
    run_by: str,
    role: str,
    remark: str | None = None,
    user: str | None = None,
) -> dict[str, Any]:
    """Record that the acting user signs a draft pack in a role; gives the row.

    run_by: who started the assessment. Raises WorkflowError where the role is signed already, the
    reviewer comes first, or is the preparer or the one who started the assessment.
    """
    if role not in ROLES:
        raise UsageError(f"`{role[:40]}` is no role. Sign as {', '.join(ROLES)}.")
    acting = user or os_user()
    person = person_of(store, acting)
    held = sign_offs(store, pack_id)
    if role in held:
        raise WorkflowError(f"`{held[role]['person_id']}` has signed pack `{pack_id}` as {role}.")
    if role == "reviewer":
        _require_another(held.get("preparer"), pack_id, (acting, str(person["person_id"])), run_by)
    row = {
        "sign_off_id": f"{pack_id}-{role}", "pack_id": pack_id, "pack_digest": pack_digest,
        "assessment_id": assessment_id, "role": role, "person_id": person["person_id"],
        "person_name": person["name"], "os_user": acting, "remark": remark,
        "signed_at": times.now(),
    }  # fmt: skip
    with store.records.writing() as writer:
        writer.put(
            "sign_off", row, valid_from=row["signed_at"], recorded_by=person["person_id"],
            source_id=OWN_SOURCE_ID,
        )  # fmt: skip
    return row


def _require_another(
    preparer: dict[str, Any] | None, pack_id: str, reviewer: tuple[str, str], run_by: str
) -> None:
    """reviewer: user and person. Neither may be the preparer's, nor have started the assessment."""
    if preparer is None:
        raise WorkflowError(f"pack `{pack_id}` has no preparer yet. The reviewer signs after them.")
    if preparer["os_user"] == reviewer[0] or preparer["person_id"] == reviewer[1]:
        raise WorkflowError("the reviewer must be somebody else than the preparer.")
    if run_by in reviewer:
        raise WorkflowError("who started the assessment cannot review the pack.")


def _mapping(layout: StoreLayout) -> dict[str, str]:
    path = layout.people_file
    try:
        found = tomllib.loads(path.read_text("utf-8")).get("operating_system_users", {})
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise WorkflowError(f"`{path}` cannot be read: {error}. Correct the file.") from error
    return {str(user): str(person) for user, person in dict(found).items()}
