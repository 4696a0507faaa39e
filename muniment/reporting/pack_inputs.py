"""Everything that a pack is made from; equal inputs give equal bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from typing import Any

from muniment import __version__
from muniment.evidence.agent_file import AgentFile, agent_file
from muniment.evidence.assessment_file import assessment_folder
from muniment.evidence.dossier import Dossier, load_dossier
from muniment.evidence.pack_log import LogEvidence, log_evidence
from muniment.integrity.canonical import canonical_json
from muniment.reporting.appearance import Appearance, load_appearance
from muniment.reporting.attached import PDF_VARIANT, EvidenceFile, evidence_files
from muniment.reporting.imports import known_imports
from muniment.reporting.material import Material, gather_material
from muniment.reporting.parameters import checked_parameters, period_of
from muniment.reporting.report_folder import ReportFolder
from muniment.reporting.scope import TABLES, Rows
from muniment.store.open import Store


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for: which assessment, its links' address, parameters, and a classification.

    None takes the latest assessment, and the organisation's or the report's own classification.
    """

    assessment_id: str | None = None
    base_url: str = ""
    classification: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PackInputs:
    """The assessment, what the report selects beside it, and how it shall look.

    agent: of the agent that was asked for, where a parameter asks for one. log: without its
    entries, of which `proven` says how many lie in the files.
    """

    dossier: Dossier
    folder: ReportFolder
    parameters: dict[str, str]
    appearance: Appearance
    files: tuple[EvidenceFile, ...]
    imports: list[dict[str, Any]]
    log: LogEvidence
    proven: int
    records: Rows
    material: Material
    agent: AgentFile | None
    history: list[dict[str, Any]]
    base_url: str
    classification: str
    signatures: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def is_draft(self) -> bool:
        """Whether preparer or reviewer have not signed."""
        return not {"preparer", "reviewer"} <= self.signatures.keys()

    @property
    def signed_at(self) -> str | None:
        """When the last of the people signed; None while nobody has."""
        return max((str(row["signed_at"]) for row in self.signatures.values()), default=None)

    @property
    def agents(self) -> int:
        """How many agents the registry held at the as-of time."""
        return len(self.records["agent"])

    @property
    def language(self) -> str:
        """Of the labels: the organisation's, else the report's own."""
        return self.appearance.language or self.folder.spec.language

    def described(self) -> dict[str, Any]:
        """The inputs by digest, as the manifest states them."""
        draft = self._unsigned()
        if not self.signatures:
            return draft
        signed = [
            {name: row[name] for name in ("role", "person_id", "signed_at", "sign_off_id")}
            for _, row in sorted(self.signatures.items())
        ]
        return {**draft, "draft": pack_name(digest_of(draft)), "signed_off": signed}

    def draft_id(self) -> str:
        """The id of the pack without signatures: what people sign."""
        return pack_name(digest_of(self._unsigned()))

    def _unsigned(self) -> dict[str, Any]:
        return {
            "report": self.folder.spec.id,
            "report_digest": self.folder.digest(),
            "parameters": self.parameters,
            "assessment_id": self.dossier.assessment.assessment_id,
            "files": {file.name: file.digest for file in self.files},
            "log": self.log.described(),
            "agents": self.agents,
            "base_url": self.base_url,
            "classification": self.classification,
            "appearance": self.appearance.described(),
            "software": f"muniment {__version__}, weasyprint {version('weasyprint')}",
            "form": PDF_VARIANT,
        }


def digest_of(described: Mapping[str, Any]) -> str:
    """SHA-256 of inputs as described: the pack's digest."""
    return hashlib.sha256(canonical_json(described).encode()).hexdigest()


def pack_name(pack_digest: str) -> str:
    """The short id of a pack, by which people name it: `MP-` and twelve digits of its digest."""
    return f"MP-{pack_digest[:12]}"


def gather_inputs(store: Store, folder: ReportFolder, asked: Asked) -> PackInputs:
    """Read everything that the report needs. Raises UsageError for a parameter that is wrong."""
    dossier, spec = load_dossier(store, asked.assessment_id), folder.spec
    given = checked_parameters(store, dossier, spec, asked.parameters)
    material = gather_material(store, dossier, spec, given, period_of(dossier, spec, given))
    clock = dossier.assessment.clock
    place = assessment_folder(store, dossier.assessment.assessment_id)
    stored = {name: (place / name).read_bytes() for name in ("assessment.json", "items.jsonl")}
    imports = known_imports(store.records.batches(), clock.known_at)
    log = log_evidence(store, dossier, material.references)
    appearance = load_appearance(store.layout.root / "reports.toml")
    agent_id = next((given[n] for n, p in spec.parameters.items() if p.kind == "agent"), None)
    selected = tuple(material.files())
    files = evidence_files(dossier, stored, imports, log, asked.base_url, selected=selected)
    return PackInputs(
        dossier=dossier,
        folder=folder,
        parameters=given,
        appearance=appearance,
        files=files,
        imports=imports,
        log=replace(log, entries=()),
        proven=len(log.entries),
        records={
            table: store.records.rows_as_of(table, clock.as_of, clock.known_at) for table in TABLES
        },
        material=material,
        agent=agent_file(store, dossier, agent_id) if agent_id else None,
        history=store.records.history("agent", clock.known_at),
        base_url=asked.base_url,
        classification=asked.classification or appearance.classification or spec.classification,
    )
