"""Report kinds as folders: reports/<id>/report.yaml names the templates; no code per report."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml
from pydantic import Field, ValidationError, model_validator

from muniment.bundle import reports_root
from muniment.errors import ReportError
from muniment.model.controls import Strict
from muniment.model.records import RECORD_TABLE_BY_NAME

SHARED = "shared"


class Section(Strict):
    """One section: its number, title, and the template that prints it."""

    number: str
    title: str
    template: str
    in_contents: bool = True
    on_new_page: bool = True


class AbsentSection(Strict):
    """A section that readers look for and that this report does not have, with the reason."""

    number: str
    title: str
    reason: str


class ReportParameter(Strict):
    """What a report is asked for. kind: what may be given, and against what it is checked."""

    kind: Literal["framework", "agent", "incident", "decision_type", "from_day", "until_day"]
    title: str
    required: bool = True


class RecordSelection(Strict):
    """Rows of a record table that templates see and that are attached, as they held at the clocks.

    where: column to the name of a parameter; a list column must hold its value, or `*`. A parameter
    that is not given selects nothing. during: a time that must lie in the report's period.
    """

    where: dict[str, str] = Field(default_factory=dict)
    during: str = ""


class EventSelection(Strict):
    """Events of the report's period that templates see counted. by: the columns counted by."""

    by: tuple[str, ...]
    where: dict[str, str] = Field(default_factory=dict)


class PaperSelection(Strict):
    """Controls that a report is about: of these domains, and mapped to a framework parameter's."""

    domains: tuple[str, ...] = ()
    mapped_to: str = ""


class ReportSpec(Strict):
    """What report.yaml says. printed_items: rows of one list that are printed; all are attached."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str
    file_name: str = Field(pattern=r"^[a-z0-9_-]+\.pdf$")
    language: str = Field(pattern=r"^[a-z]{2}(-[A-Z]{2})?$")
    classification: str
    printed_items: int = Field(default=15, ge=1, le=100)
    printed_imports: int = Field(default=15, ge=1, le=100)
    template: str = "report.html.j2"
    styles: tuple[str, ...] = ("report.css",)
    front: Literal["cover", "head"] = "head"
    sections: tuple[Section, ...]
    absent: tuple[AbsentSection, ...] = ()
    short_title: str = ""
    purpose: str = ""
    parameters: dict[str, ReportParameter] = Field(default_factory=dict)
    records: dict[str, RecordSelection] = Field(default_factory=dict)
    events: EventSelection | None = None
    papers: PaperSelection = PaperSelection()

    @property
    def heading(self) -> str:
        """What the running head calls it."""
        return self.short_title or self.title

    @property
    def with_papers(self) -> bool:
        """Whether it prints working papers, so that controls can be linked to them."""
        return any(section.template.endswith("papers.html.j2") for section in self.sections)

    @property
    def places(self) -> dict[str, str]:
        """The number of each section, by its template's stem."""
        stems = ((s.template.rpartition("/")[2].partition(".")[0], s) for s in self.sections)
        return {stem: section.number for stem, section in stems}

    @model_validator(mode="after")
    def _names_exist(self) -> ReportSpec:
        for table, selection in self.records.items():
            known = RECORD_TABLE_BY_NAME.get(table)
            if known is None:
                raise ValueError(f"records: `{table}` is no record table")
            columns = {column.name for column in known.all_columns}
            wrong = [c for c in (*selection.where, selection.during) if c and c not in columns]
            if wrong:
                raise ValueError(f"records: `{table}` has no column `{wrong[0]}`")
        asked = [name for each in self.records.values() for name in each.where.values()]
        asked += [*self.events.where.values()] if self.events else []
        asked += [self.papers.mapped_to] if self.papers.mapped_to else []
        unknown = [name for name in asked if name not in self.parameters]
        if unknown:
            raise ValueError(f"`{unknown[0]}` is no parameter of the report")
        return self


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

    @property
    def style_files(self) -> list[Path]:
        """The style sheets, each the report's own where it has one of that name, else shared."""
        return [
            next((root / name for root in self.search_path if (root / name).is_file()),
                 self.path / name)
            for name in self.spec.styles
        ]  # fmt: skip

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
