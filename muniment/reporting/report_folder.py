"""Report kinds as folders: reports/<id>/report.yaml names the templates; no code per report."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import Field, ValidationError

from muniment.bundle import reports_root
from muniment.errors import ReportError
from muniment.model.controls import Strict

SHARED = "shared"


class Section(Strict):
    """One section: its number, title, and the template that prints it."""

    number: str
    title: str
    template: str
    in_contents: bool = True


class AbsentSection(Strict):
    """A section that readers look for and that this report does not have, with the reason."""

    number: str
    title: str
    reason: str


class ReportSpec(Strict):
    """What report.yaml says. printed_items: rows of one list that are printed; all are attached."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str
    file_name: str = Field(pattern=r"^[a-z0-9_-]+\.pdf$")
    language: str = Field(pattern=r"^[a-z]{2}(-[A-Z]{2})?$")
    classification: str
    printed_items: int = Field(ge=1, le=100)
    printed_imports: int = Field(ge=1, le=100)
    template: str
    styles: tuple[str, ...]
    sections: tuple[Section, ...]
    absent: tuple[AbsentSection, ...] = ()
    short_title: str = ""

    @property
    def heading(self) -> str:
        """What the running head calls it."""
        return self.short_title or self.title

    @property
    def with_papers(self) -> bool:
        """Whether it prints working papers, so that controls can be linked to them."""
        return any(section.template.endswith("papers.html.j2") for section in self.sections)


@dataclass(frozen=True, slots=True)
class ReportFolder:
    """A report kind: its specification, its folder, and the folder that reports share."""

    spec: ReportSpec
    path: Path
    shared: Path

    @property
    def search_path(self) -> tuple[Path, Path]:
        """Where templates and styles are looked for, in this order."""
        return self.path, self.shared

    def digest(self) -> str:
        """SHA-256 over every file of both folders, by name: the report's own version."""
        total = hashlib.sha256()
        for root in self.search_path:
            for path in sorted(root.rglob("*")):
                if path.is_file():
                    name = f"{root.name}/{path.relative_to(root).as_posix()}"
                    total.update(
                        f"{name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode()
                    )
        return total.hexdigest()


def find_reports(root: Path | None = None) -> dict[str, ReportFolder]:
    """Every folder under `root` (the bundled reports by default) that holds a report.yaml.

    Raises ReportError when one is wrong; the text names the file and the key.
    """
    base = root or reports_root()
    return {path.parent.name: _load(path, base) for path in sorted(base.glob("*/report.yaml"))}


def _load(path: Path, base: Path) -> ReportFolder:
    try:
        spec = ReportSpec.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise ReportError(f"report `{path}` is wrong: {error}. Correct the file.") from error
    if spec.id != path.parent.name:
        raise ReportError(
            f"report `{path}`: id `{spec.id}` is not the folder's name. Make them the same."
        )
    return ReportFolder(spec, path.parent, base / SHARED)


def choose_report(report_id: str, root: Path | None = None) -> ReportFolder:
    """The report of that id; raises ReportError naming the ones that exist."""
    reports = find_reports(root)
    if report_id not in reports:
        raise ReportError(
            f"no report `{report_id[:60]}`. Reports that exist: {', '.join(sorted(reports))}."
        )
    return reports[report_id]
