"""Frameworks: reads mappings/frameworks/, checks it, and checks it against the controls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import NoReturn

from muniment.bundle import mappings_root
from muniment.catalog.yaml_files import KeyPath, YamlFile, build, display_path, read_yaml
from muniment.errors import CatalogError
from muniment.model.controls import Control
from muniment.model.frameworks import Framework, Requirement


def load_frameworks(folder: Path | None = None) -> dict[str, Framework]:
    """Every framework of a folder by id, in order of id.

    folder: default mappings/frameworks/ of the package. Raises CatalogError naming file, line and
    remedy for the first thing that is wrong. Whether the mapped controls exist is check_mappings().
    """
    source = folder or _shipped()
    paths = sorted(source.glob("*.yaml"))
    if not paths:
        raise CatalogError(
            f"`{display_path(source)}` holds no framework. Put one `<id>.yaml` per edition there."
        )
    return {path.stem: _load(path) for path in paths}


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
        path = (folder or _shipped()) / f"{framework.id}.yaml"
        for place, requirement in _placed(framework):
            for index, mapping in enumerate(requirement.controls):
                wrong = _unknown(mapping.control, controls)
                if wrong:
                    # Read again only for an error, so that the model need not carry line numbers.
                    at = (*place, "controls", index, "control")
                    where = read_yaml(path).where(at) if path.is_file() else f"`{framework.id}`"
                    raise CatalogError(f"{where}: requirement `{requirement.id}` names {wrong}")


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


def _load(path: Path) -> Framework:
    file = read_yaml(path)
    framework = build(Framework, file, {**file.content, "digest": file.sha256})
    if framework.id != path.stem:
        what = f"id `{framework.id}` differs from the file's name"
        _refuse(file, ("id",), what, "Give both the same name.")
    _check_ids(file, framework)
    for place, requirement in _placed(framework):
        _check_dates(file, place, requirement)
        _check_order(file, place, requirement)
        _check_weights(file, place, requirement)
    return framework


def _check_ids(file: YamlFile, framework: Framework) -> None:
    seen: set[str] = set()
    for place, requirement in _placed(framework):
        if requirement.id in seen:
            what = f"requirement `{requirement.id}` stands twice"
            _refuse(file, (*place, "id"), what, "Keep one, with the controls of both.")
        seen.add(requirement.id)


def _check_dates(file: YamlFile, place: KeyPath, requirement: Requirement) -> None:
    for key in ("applies_from", "applies_from_before_amendment"):
        text = getattr(requirement, key)
        if text is not None and not _is_day(text):
            what = f"requirement `{requirement.id}`: `{key}` is `{text}`, which is no day"
            _refuse(file, (*place, key), what, 'Write it as "2027-12-02".')


def _check_order(file: YamlFile, place: KeyPath, requirement: Requirement) -> None:
    names = [mapping.control for mapping in requirement.controls]
    for index, (first, second) in enumerate(pairwise(names), start=1):
        at = (*place, "controls", index, "control")
        what = f"requirement `{requirement.id}`: "
        if second < first:
            what += f"controls are not sorted, `{second}` comes after `{first}`"
            _refuse(file, at, what, f"Put `{second}` before `{first}`.")
        if second == first or second.partition("/")[0] in names[:index]:
            what += f"`{second}` is mapped besides `{first}`, so its exceptions would count twice"
            _refuse(file, at, what, "Map the control once, or its attributes without it.")


def _check_weights(file: YamlFile, place: KeyPath, requirement: Requirement) -> None:
    tested = [mapping for mapping in requirement.controls if not mapping.only_supports]
    if not tested and not requirement.manual:
        what = f"requirement `{requirement.id}`: no control can evidence it, even in part"
        remedy = "Say under `manual:` what evidence a person must bring."
        _refuse(file, (*place, "controls"), what, remedy)
    if requirement.evidenced_together and sum(mapping.contributes for mapping in tested) < 2:
        what = f"requirement `{requirement.id}`: fewer than two controls contribute to it"
        remedy = "Map a second contributing control, or drop `evidenced_together`."
        _refuse(file, (*place, "evidenced_together"), what, remedy)


def _refuse(file: YamlFile, place: KeyPath, what: str, remedy: str) -> NoReturn:
    raise CatalogError(f"{file.where(place)}: {what}. {remedy}")


def _placed(framework: Framework) -> Iterator[tuple[KeyPath, Requirement]]:
    for index, requirement in enumerate(framework.requirements):
        yield ("requirements", index), requirement


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names)) or "none"


def _shipped() -> Path:
    return mappings_root() / "frameworks"
