"""The control library: mappings/controls/<domain>/<id>_<slug>.yaml with its SQL files beside it."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

from muniment.bundle import mappings_root
from muniment.catalog.controls_conditions import check_column, compile_condition
from muniment.catalog.controls_select import FACTS, check_select, select_place
from muniment.catalog.joins import JOINS
from muniment.catalog.yaml_files import KeyPath, YamlFile, build, display_path, read_yaml
from muniment.errors import CatalogError
from muniment.model.controls import Control, ControlTest
from muniment.model.outcomes import TestKind

SELECT_KINDS = frozenset({TestKind.SEQUENCE, TestKind.REGISTRY, TestKind.FACTS})
DURATION = re.compile(r"(\d{1,6}) (seconds|minutes|hours|days)\Z")
_STEM = re.compile(r"([a-z]{3}_\d\d)_[a-z0-9_]+\Z")


def load_controls(folder: Path | None = None) -> dict[str, Control]:
    """Every control by id, in the order of ids.

    folder: of domain folders; the shipped library unless given. Raises CatalogError, with file and
    line, for whatever could not run or would not mean what it says.
    """
    root = folder or mappings_root() / "controls"
    controls: dict[str, Control] = {}
    for path in sorted(root.glob("*/*.yaml")):
        control = load_control(path)
        if control.id in controls:
            raise CatalogError(f"`{display_path(path)}`: control `{control.id}` exists twice.")
        controls[control.id] = control
    _refuse_stray_sql(root, controls)
    return dict(sorted(controls.items()))


def load_control(path: Path) -> Control:
    """One control, with its SQL, its digest, and every condition checked."""
    match = _STEM.match(path.stem)
    if match is None:
        raise CatalogError(f"`{display_path(path)}`: name it like own_01_agent_has_owner.yaml.")
    file = read_yaml(path)
    content = dict(file.content)
    for name in ("digest", "folder"):
        if name in content:
            raise CatalogError(f"{file.where((name,))}: `{name}` is filled by the catalog.")
    digest = hashlib.sha256(file.sha256.encode())
    content["tests"] = _with_sql(file, digest)
    content["digest"] = digest.hexdigest()
    content["folder"] = path.parent.name
    control = build(Control, file, content)
    if control.id.lower().replace("-", "_") != match.group(1):
        raise CatalogError(f"{file.where(('id',))}: id `{control.id}` and file name disagree.")
    for number, test in enumerate(control.tests):
        _check_test(control, test, file, ("tests", number))
    return control


def sql_path(path: Path, test_id: str, tests: int) -> Path:
    """The file that holds a test's SQL: `<stem>.<test>.sql`, or `<stem>.sql` of an only test."""
    only = path.with_suffix(".sql")
    return only if tests == 1 and only.is_file() else path.with_name(f"{path.stem}.{test_id}.sql")


def _with_sql(file: YamlFile, digest: Any) -> list[Any]:
    tests = file.content.get("tests")
    if not isinstance(tests, list) or not tests:
        raise CatalogError(f"{file.where(('tests',))}: a control needs at least one test.")
    result: list[Any] = []
    for number, test in enumerate(tests):
        at = ("tests", number)
        if not isinstance(test, dict) or {"sql", "file"} & test.keys():
            raise CatalogError(f"{file.where(at)}: a test is a mapping; its SQL is a file beside.")
        if test.get("kind") not in SELECT_KINDS:
            result.append(test)
            continue
        path = sql_path(file.path, str(test.get("id")), len(tests))
        if not path.is_file():
            raise CatalogError(f"{file.where(at)}: `{path.name}` is not there. Write the SELECT.")
        data = path.read_bytes()
        digest.update(path.name.encode() + b"\0" + hashlib.sha256(data).digest())
        result.append({**test, "sql": data.decode("utf-8"), "file": display_path(path)})
    return result


def _refuse_stray_sql(root: Path, controls: dict[str, Control]) -> None:
    used: set[Path] = set()
    for path in root.glob("*/*.yaml"):
        control = controls[path.stem[:6].upper().replace("_", "-")]
        for test in control.tests:
            if test.kind in SELECT_KINDS:
                used.add(sql_path(path, test.id, len(control.tests)))
    for path in sorted(root.glob("*/*.sql")):
        if path not in used:
            raise CatalogError(f"`{display_path(path)}` belongs to no test. Rename or delete it.")


def _check_test(control: Control, test: ControlTest, file: YamlFile, at: KeyPath) -> None:
    ids = [other.id for other in control.tests]
    if ids.count(test.id) > 1:
        raise CatalogError(f"{file.where(at)}: test `{test.id}` exists twice in `{control.id}`.")
    if test.kind is TestKind.EVENTS:
        _check_events(control, test, file, at)
    elif test.kind in SELECT_KINDS:
        facts = check_select(test.sql, test.kind, control.parameters, select_place(control, test))
        if ("$settled_before" in test.sql) != (test.settles_after is not None):
            raise CatalogError(
                f"{file.where(at)}: `settles_after` and `$settled_before` go together."
            )
        if ("attributes" in facts.outputs) != bool(test.attributes):
            raise CatalogError(
                f"{file.where(at)}: list `attributes` here and return a column of that name, or do "
                "neither."
            )
        undeclared = facts.relations & set(FACTS) - set(test.facts)
        if undeclared:
            raise CatalogError(f"{file.where(at)}: declare `facts: [{min(undeclared)}]`.")
    elif test.fresh_days is None or not test.attested_by or not test.evidence:
        raise CatalogError(
            f"{file.where(at)}: an attested test states fresh_days, attested_by and evidence."
        )
    for key, value in (("settles_after", test.settles_after), ("lookback", test.lookback)):
        _check_duration(control, value, file.where((*at, key)))
    if test.fresh_days is not None and test.fresh_days not in control.parameters:
        raise CatalogError(f"{file.where((*at, 'fresh_days'))}: name one of the `parameters`.")


def _check_duration(control: Control, value: str | None, where: str) -> None:
    if value is not None and value not in control.parameters and not DURATION.match(value):
        raise CatalogError(
            f"{where}: `{value}` is neither one of the `parameters` nor a duration like `31 days`."
        )


def _check_events(control: Control, test: ControlTest, file: YamlFile, at: KeyPath) -> None:
    if test.population is None or (test.exception is None) == (not test.attributes):
        raise CatalogError(
            f"{file.where(at)}: an events test has `population` and either `exception` or "
            "`attributes`."
        )
    unknown = [name for name in test.joins if name not in JOINS]
    if unknown:
        raise CatalogError(
            f"{file.where((*at, 'joins'))}: `{unknown[0]}` is no join. Known: {', '.join(JOINS)}."
        )
    texts: list[tuple[KeyPath, str | None]] = [
        ((*at, "population"), test.population),
        ((*at, "exception"), test.exception),
        ((*at, "reason"), test.reason),
    ]
    for number, attribute in enumerate(test.attributes):
        place = (*at, "attributes", number)
        if attribute.exception is None:
            raise CatalogError(f"{file.where(place)}: write the attribute's `exception`.")
        texts += [((*place, "population"), attribute.population)]
        texts += [((*place, "exception"), attribute.exception)]
        _check_needs(attribute.needs, test, file, (*place, "needs"))
    for path, text in texts:
        if text is not None:
            where = f"control `{control.id}` in {file.where(path)}"
            compile_condition(text, joins=test.joins, parameters=control.parameters, where=where)
    _check_needs(test.needs, test, file, (*at, "needs"))
    letters = [attribute.letter for attribute in test.attributes]
    if len(set(letters)) != len(letters):
        raise CatalogError(f"{file.where(at)}: two attributes share a letter.")


def _check_needs(needs: tuple[str, ...], test: ControlTest, file: YamlFile, at: KeyPath) -> None:
    for need in needs:
        if need not in test.joins:
            check_column(need, test.joins, file.where(at))
