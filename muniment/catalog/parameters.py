"""Parameters: the limits that controls use, each with default, unit and reason."""

from __future__ import annotations

from pathlib import Path

from muniment.bundle import mappings_root
from muniment.catalog.yaml_files import YamlFile, build, read_yaml
from muniment.errors import CatalogError
from muniment.model.controls import Parameter


def load_parameters(
    path: Path | None = None, overrides: Path | None = None
) -> dict[str, Parameter]:
    """Parameters by name; `overrides` is the organisation's one file of `name: value` lines.

    An override states a value, or `{value: …, reason: …}`; without a reason the result says that it
    is the organisation's. Raises CatalogError for an unknown name or a value of another type.
    """
    file = read_yaml(path or mappings_root() / "parameters.yaml")
    parameters = {
        name: build(Parameter, file, {"name": name, **_mapping(file, name)}, (name,))
        for name in file.content
    }
    if overrides is not None:
        own = read_yaml(overrides)
        for name in own.content:
            parameters[name] = _override(own, name, parameters)
    return parameters


def _mapping(file: YamlFile, name: str) -> dict[str, object]:
    content = file.content[name]
    if not isinstance(content, dict) or "name" in content:
        raise CatalogError(f"{file.where((name,))}: `{name}` needs value, unit and reason.")
    return content


def _override(file: YamlFile, name: str, parameters: dict[str, Parameter]) -> Parameter:
    known = parameters.get(name)
    if known is None:
        raise CatalogError(
            f"{file.where((name,))}: parameter `{name}` is unknown. "
            f"Known: {', '.join(sorted(parameters))}."
        )
    given = file.content[name]
    content = given if isinstance(given, dict) else {"value": given}
    if not content.keys() <= {"value", "reason"} or "value" not in content:
        raise CatalogError(f"{file.where((name,))}: `{name}` takes `value` and `reason` only.")
    if type(content["value"]) is not type(known.value):
        raise CatalogError(
            f"{file.where((name,))}: `{name}` must be of the same type as its default "
            f"`{known.value}`, in {known.unit}."
        )
    if isinstance(content["value"], int) and content["value"] < 0:
        raise CatalogError(f"{file.where((name,))}: `{name}` must not be negative.")
    reason = str(content.get("reason") or "set by the organisation")
    return Parameter(name=name, value=content["value"], unit=known.unit, reason=reason)
