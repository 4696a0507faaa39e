"""Published crosswalks: reads mappings/crosswalks/ and checks it against the frameworks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from muniment.bundle import mappings_root
from muniment.catalog.yaml_files import YamlFile, build, read_yaml
from muniment.errors import CatalogError
from muniment.model.crosswalks import Crosswalk
from muniment.model.frameworks import Framework


def load_crosswalks(
    frameworks: Mapping[str, Framework], folder: Path | None = None
) -> dict[str, Crosswalk]:
    """Every published crosswalk by id, in order of id.

    folder: default mappings/crosswalks/ of the package. Raises CatalogError, with file and line,
    for a unit that its framework lacks, a pair that stands twice, or a remark on no pair.
    """
    paths = sorted((folder or mappings_root() / "crosswalks").glob("*.yaml"))
    return {path.stem: _load(path, frameworks) for path in paths}


def _load(path: Path, frameworks: Mapping[str, Framework]) -> Crosswalk:
    file = read_yaml(path)
    crosswalk = build(Crosswalk, file, file.content)
    if crosswalk.id != path.stem:
        raise CatalogError(f"{file.where(('id',))}: id and file name differ. Give both one name.")
    if crosswalk.from_framework not in frameworks:
        raise CatalogError(
            f"{file.where(('from_framework',))}: no framework `{crosswalk.from_framework}` is in "
            "the catalogue. Name one of mappings/frameworks/."
        )
    for from_id, to_ids in crosswalk.pairs.items():
        _check_unit(file, from_id, from_id, frameworks[crosswalk.from_framework])
        for to_id in to_ids:
            _check_unit(file, from_id, to_id, frameworks.get(crosswalk.to_framework))
        if len({*to_ids}) < len(to_ids):
            where = file.where(("pairs", from_id))
            raise CatalogError(f"{where}: `{from_id}` names a unit twice. Keep one.")
    for number, remark in enumerate(crosswalk.remarks):
        if remark.to_id not in crosswalk.pairs.get(remark.from_id, ()):
            where = file.where(("remarks", number))
            raise CatalogError(f"{where}: there is no such pair. Correct the remark's ids.")
    return crosswalk


def _check_unit(file: YamlFile, key: str, unit: str, framework: Framework | None) -> None:
    if framework is not None and unit not in framework.units:
        raise CatalogError(
            f"{file.where(('pairs', key))}: framework `{framework.id}` has no unit `{unit}`. "
            "Correct the id, or add the unit."
        )
