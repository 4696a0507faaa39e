"""Frameworks: reads mappings/frameworks/, checks it, and checks it against the controls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from muniment.bundle import mappings_root
from muniment.catalog.framework_checks import Placed, check_framework
from muniment.catalog.framework_files import SHARED_KEYS, FrameworkFiles, framework_files
from muniment.catalog.yaml_files import build
from muniment.errors import CatalogError
from muniment.model.controls import Control, Parameter
from muniment.model.frameworks import Framework, Requirement


def load_frameworks(folder: Path | None = None) -> dict[str, Framework]:
    """Every framework of a folder by id, in order of id.

    folder: default mappings/frameworks/ of the package. A unit that names no classes, days or
    interpretation has those of the unit above it. Raises CatalogError naming file, line and remedy
    for the first thing that is wrong. Whether the mapped controls exist is check_mappings().
    """
    found = framework_files(folder or _shipped())
    return {name: _load(files) for name, files in found.items()}


def check_mappings(
    frameworks: Mapping[str, Framework],
    controls: Mapping[str, Control],
    folder: Path | None = None,
) -> None:
    """Refuses a mapping to a control, or to an attribute of one, that the catalog lacks.

    folder: where the frameworks were loaded from, for the line number in the error. Raises
    CatalogError naming file, line and remedy.
    """
    for framework in frameworks.values():
        for position, requirement in enumerate(framework.requirements):
            for index, mapping in enumerate(requirement.controls):
                wrong = _unknown(mapping.control, controls)
                if wrong:
                    where = _line_of(folder or _shipped(), framework.id, position, index)
                    raise CatalogError(f"{where}: requirement `{requirement.id}` names {wrong}")


def check_settings(
    frameworks: Mapping[str, Framework], parameters: Mapping[str, Parameter]
) -> None:
    """Refuses a framework whose `applicability` names a parameter that does not exist."""
    for framework in frameworks.values():
        name = framework.applicability and framework.applicability.special_roles
        if name and name not in parameters:
            raise CatalogError(
                f"framework `{framework.id}`: `special_roles` names the unknown parameter "
                f"`{name}`. Add it to mappings/parameters.yaml."
            )


def _line_of(folder: Path, framework_id: str, position: int, index: int) -> str:
    """File and line of a mapping, read again so that the model need not carry line numbers."""
    files = framework_files(folder).get(framework_id)
    if files is None:
        return f"`{framework_id}`"
    return list(files.entries("requirements"))[position].where("controls", index, "control")


def _unknown(name: str, controls: Mapping[str, Control]) -> str | None:
    control_id, _, letter = name.partition("/")
    control = controls.get(control_id)
    if control is None:
        return (
            f"the unknown control `{control_id}`. Use one of {_listed(controls)}, or add it to "
            "mappings/controls/."
        )
    letters = {attribute.letter for test in control.tests for attribute in test.attributes}
    if letter and letter not in letters:
        return f"the unknown attribute `{name}`. Control `{control_id}` has {_listed(letters)}."
    return None


def _load(files: FrameworkFiles) -> Framework:
    placed: list[Placed] = [
        (entry, _own_dates(build(Requirement, entry.file, content, entry.place)))
        for entry, content in files.units()
    ]
    head = files.head.content
    shared = {
        key: [entry.content for entry in files.entries(key)]
        for key in SHARED_KEYS
        if key != "requirements"
    }
    units = [unit for _, unit in placed]
    content = {**head, **shared, "requirements": units, "digest": files.digest}
    if "requirements" not in head and not units:
        del content["requirements"]  # so that the error names the missing key
    framework = build(Framework, files.head, content)
    check_framework(files, framework, placed)
    return framework


def _own_dates(unit: Requirement) -> Requirement:
    """The unit without the days of classes that it does not concern."""
    kept = tuple(d for d in unit.other_dates if not unit.classes or {*d.classes} & {*unit.classes})
    return unit if kept == unit.other_dates else unit.model_copy(update={"other_dates": kept})


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names)) or "none"


def _shipped() -> Path:
    return mappings_root() / "frameworks"
