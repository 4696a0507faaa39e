"""A small store, signed and anchored, assessed by the real catalogue, with its evidence pack."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from muniment.jobs.assess import Catalog, load_catalog, make_clock, run_assessment
from muniment.reporting.build import build_report
from muniment.sealing.keys import new_key
from muniment.sealing.log import AuditLog
from muniment.store.open import create_store, open_store
from tests.builders.entries import entry, table
from tests.builders.records import agent, put


@dataclass(frozen=True)
class SealedPack:
    """The pack's folder and what lies elsewhere: the store, the anchor, a checkpoint kept."""

    folder: Path
    store: Path
    anchor: Path
    checkpoint: Path
    fingerprint: str

    @classmethod
    def at(cls, root: Path) -> SealedPack:
        """The one that `build_sealed_pack` left in a folder, wherever that was moved since."""
        (folder,) = (root / "packs").iterdir()
        fingerprint = (root / "fingerprint").read_text()
        return cls(folder, root / "store", root / "anchor", root / "kept.note", fingerprint)

    @property
    def pdf(self) -> Path:
        return self.folder / "evidence_pack.pdf"

    def build(self, out: Path) -> Path:
        """The same pack once more."""
        with open_store(self.store) as store:
            return build_report(store, base_url="", out_dir=out).pdf_path.parent


def small_catalog() -> Catalog:
    """Three of the controls and one framework, so that the pack has few pages."""
    whole = load_catalog()
    controls = {name: whole.controls[name] for name in ("OVR-03", "OWN-01", "GOV-01")}
    frameworks = {"nist_ai_rmf": whole.frameworks["nist_ai_rmf"]}
    return replace(whole, controls=controls, frameworks=frameworks)


def build_sealed_pack(root: Path) -> None:
    (root / "anchor").mkdir(parents=True)
    with create_store(
        root / "store", organisation="=Example Ltd", time_zone="UTC", recorded_by="founder"
    ) as store:
        fingerprint = new_key(store, by="founder").public.fingerprint
        store.layout.anchors_file.write_text(f'anchors = ["folder:{root / "anchor"}"]')
        for name in ("agent-1", "agent-2", "=cmd()"):
            put(
                store,
                "agent",
                agent(name, lifecycle_status="active"),
                valid_from="2026-11-01T00:00:00.000000000Z",
            )
        rows = [
            entry(
                n, agent_id=f"agent-{n % 4}", operation_name="execute_tool", executed=True,
                tool_name="pay.release", event_time="2026-11-20T08:00:00.000000000Z",
                autonomy_tier="approval_required",
            )
            for n in range(40)
        ]  # fmt: skip
        AuditLog(store).append(table(*rows))
        clock = make_clock(store, as_of=None, known_at=None, days=10_000)
        run_assessment(store, small_catalog(), clock, run_by="founder")
        built = build_report(store, base_url="", out_dir=root / "packs")
    head = (built.pdf_path.parent / "checkpoint.note").read_bytes()
    (root / "kept.note").write_bytes(head)
    (root / "fingerprint").write_text(fingerprint)
