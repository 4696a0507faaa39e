"""Signing a draft pack, and printing it anew once preparer and reviewer have signed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from muniment.errors import EvidenceBrokenError, StoreError
from muniment.evidence.dossier import load_dossier
from muniment.evidence.files import sha256
from muniment.evidence.verify import Verification
from muniment.integrity.canonical import canonical_json
from muniment.reporting.build import BuiltReport, build_report
from muniment.store.open import Store
from muniment.workflow.sign_off import sign_off, sign_offs

FINAL = frozenset({"preparer", "reviewer"})


@dataclass(frozen=True, slots=True)
class SignedPack:
    """The signature, who has signed by now, and the pack without its DRAFT stamp once both have."""

    row: dict[str, Any]
    roles: tuple[str, ...]
    final: BuiltReport | None


def sign_pack_off(
    store: Store, pack_id: str, role: str, *, remark: str | None = None, user: str | None = None
) -> SignedPack:
    """Sign the draft pack of that id in the store's packs.

    What is signed is what lies there: raises EvidenceBrokenError where the pack does not verify,
    StoreError where there is none, WorkflowError as `sign_off`.
    """
    folder = _folder(store, pack_id)
    broken = [step for step in Verification(folder).steps() if not step.ok]
    if broken:
        raise EvidenceBrokenError(
            f"pack `{pack_id}` does not verify: {broken[0].detail[:200]}. Build it again."
        )
    inputs = json.loads((folder / "manifest.json").read_text("utf-8"))["inputs"]
    run_by = load_dossier(store, inputs["assessment_id"]).assessment.run_by
    row = sign_off(
        store, pack_id=pack_id, pack_digest=sha256(canonical_json(inputs).encode()),
        assessment_id=inputs["assessment_id"], run_by=run_by, role=role, remark=remark, user=user,
    )  # fmt: skip
    roles = tuple(sorted(sign_offs(store, pack_id)))
    final = None
    if role == "management" or set(roles) >= FINAL:
        final = build_report(
            store, inputs["report"], assessment_id=inputs["assessment_id"],
            base_url=inputs["base_url"], out_dir=store.layout.packs,
            classification=inputs["classification"], parameters=inputs.get("parameters", {}),
            built_by=row["person_id"],
        )  # fmt: skip
    return SignedPack(row, roles, final)


def _folder(store: Store, pack_id: str) -> Path:
    folder = Path(store.layout.packs / pack_id)
    plain = pack_id.startswith("MP-") and pack_id[3:].isalnum()
    if not plain or not (folder / "manifest.json").is_file():
        raise StoreError(
            f"`{store.layout.packs}` holds no pack `{pack_id[:60]}`. Build one with "
            "`muniment report`, then sign its id."
        )
    return folder
