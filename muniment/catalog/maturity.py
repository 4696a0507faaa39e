"""The maturity model: reads mappings/maturity.yaml and checks it against the controls."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from muniment.bundle import mappings_root
from muniment.catalog.yaml_files import KeyPath, YamlFile, build, read_yaml
from muniment.errors import CatalogError
from muniment.model.controls import Control
from muniment.model.maturity import LOWEST, MaturityModel, Wanted
from muniment.model.outcomes import TestKind

# What is attested or stands in a register has no days of operation to be sustained over.
_BY_DAY = frozenset({TestKind.EVENTS, TestKind.SEQUENCE})


def load_maturity(controls: Mapping[str, Control], path: Path | None = None) -> MaturityModel:
    """The maturity model, checked.

    Raises CatalogError naming file, line and remedy where stages are not numbered from 1, shares do
    not add up to 100, a criterion names an unknown control, one twice in a stage, or asks that a
    control be sustained whose tests have no days.
    """
    file = read_yaml(path or mappings_root() / "maturity.yaml")
    model = build(MaturityModel, file, {**file.content, "digest": file.sha256})
    numbers = [stage.stage for stage in model.stages]
    if numbers != list(range(LOWEST, LOWEST + len(numbers))):
        _refuse(file, ("stages",), "stages are not numbered 1, 2, 3 …", "Number them in order.")
    if sum(stage.share_percent for stage in model.stages) != 100:
        _refuse(file, ("stages",), "shares do not add up to 100", "Correct `share_percent`.")
    for at, domain in enumerate(model.domains):
        for stage, criteria in domain.criteria.items():
            place: KeyPath = ("domains", at, "criteria", stage)
            if not LOWEST < stage <= len(numbers):
                _refuse(file, place, f"`{stage}` is no stage to be reached", "Use 2 and above.")
            names = [criterion.control for criterion in criteria]
            for index, criterion in enumerate(criteria):
                where = (*place, index, "control")
                if criterion.control in names[:index]:
                    what = f"`{criterion.control}` stands twice in one stage"
                    _refuse(file, where, what, "Keep the stronger criterion.")
                if criterion.control not in controls:
                    what = f"control `{criterion.control}` is unknown"
                    _refuse(file, where, what, "Name a control of mappings/controls/.")
                kinds = {test.kind for test in controls[criterion.control].tests}
                if criterion.wants is Wanted.SUSTAINED and not kinds & _BY_DAY:
                    what = f"`{criterion.control}` has no test over events, so no days to sustain"
                    _refuse(file, where, what, "Ask for `holds`.")
    return model


def _refuse(file: YamlFile, place: KeyPath, what: str, remedy: str) -> None:
    raise CatalogError(f"{file.where(place)}: {what}. {remedy}")
