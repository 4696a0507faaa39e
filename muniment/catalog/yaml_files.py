"""Reading the catalog's YAML files: safe loading, no duplicate keys, and the line of each value."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from muniment.errors import CatalogError

MAX_BYTES = 2 * 1024 * 1024
# Aliases may expand without end; no honest catalog file comes near these.
MAX_DEPTH = 40
MAX_VALUES = 200_000
_TAGS = frozenset({"map", "seq", "str", "int", "float", "bool", "null"})
KeyPath = tuple[str | int, ...]
Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class YamlFile:
    """A YAML file's content, its bytes' SHA-256, and the line on which each value starts."""

    path: Path
    content: dict[str, Any]
    sha256: str
    lines: Mapping[KeyPath, int]

    def line(self, path: KeyPath) -> int:
        """The line of the value at a path of keys, or of its nearest enclosing value."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def where(self, path: KeyPath = ()) -> str:
        """File and line, as an error names them."""
        return f"`{display_path(self.path)}` line {self.line(path)}"


def display_path(path: Path) -> str:
    """The part of a path that a reader of the catalog knows: from `mappings` on, else the name."""
    parts = path.parts
    return "/".join(parts[parts.index("mappings") :]) if "mappings" in parts else path.name


def read_yaml(path: Path) -> YamlFile:
    """The file's top-level mapping; equal bytes give the same object, which nobody may change.

    Raises CatalogError when it cannot be read, is no mapping, holds a key twice, or is larger than
    2 MiB. Dates stay text, since a date that YAML turns into an object changes its spelling.
    """
    try:
        data = path.read_bytes()
        data.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CatalogError(
            f"`{display_path(path)}` cannot be read: {error}. Save it as UTF-8 text."
        ) from error
    if len(data) > MAX_BYTES:
        raise CatalogError(f"`{display_path(path)}` is larger than 2 MiB. Split it.")
    return _parsed(path, data)


def deep_line(text: str, most: int) -> int | None:
    """The line where a text nests deeper than `most` levels, else None.

    To be asked before composing: libyaml composes by recursion in C, which no limit of Python's
    stops. Raises yaml.YAMLError for what is not YAML.
    """
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > most:
                return event.start_mark.line + 1 if event.start_mark else 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
    return None


# By content: a process that loads the catalog again, as the dashboard does, parses what changed.
@lru_cache(maxsize=1_024)
def _parsed(path: Path, data: bytes) -> YamlFile:
    try:
        line = deep_line(data.decode("utf-8"), MAX_DEPTH)
        if line is not None:
            raise CatalogError(
                f"`{display_path(path)}` line {line}: nests too deep. Write plain YAML."
            )
        node = yaml.compose(data.decode("utf-8"), Loader=_Loader)
        lines: dict[KeyPath, int] = {}
        content = _value(node, (), lines, path)
    except yaml.YAMLError as error:
        raise CatalogError(_not_yaml(path, error)) from error
    if not isinstance(content, dict):
        raise CatalogError(f"`{display_path(path)}` must hold `key: value` lines at its top.")
    return YamlFile(path, content, hashlib.sha256(data).hexdigest(), lines)


def build(model: type[Model], file: YamlFile, content: Any, at: KeyPath = ()) -> Model:
    """The model of a part of the file; CatalogError names file, line, key and what is wrong."""
    try:
        return model.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        path = (*at, *first["loc"])
        name = ".".join(str(part) for part in path)
        raise CatalogError(f"{file.where(path)}: `{name}`: {first['msg']}.") from error


# libyaml reads the catalog ten times faster; the parser in Python does where it is not built in.
_FASTEST: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_FASTEST):  # type: ignore[valid-type,misc]
    """SafeLoader without timestamps."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in pairs if tag != "tag:yaml.org,2002:timestamp"]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_CONSTRUCTOR = _Loader("")
_MERGE = "tag:yaml.org,2002:merge"  # `<<: *name`: the mapping's own keys outweigh those taken


def _value(node: yaml.Node | None, path: KeyPath, lines: dict[KeyPath, int], file: Path) -> Any:
    if node is None:
        return None
    lines.setdefault(path, node.start_mark.line + 1)
    plain = node.tag.removeprefix("tag:yaml.org,2002:") in _TAGS
    if not plain or len(path) > MAX_DEPTH or len(lines) > MAX_VALUES:
        what = "nests too deep or repeats too much" if plain else f"has the tag `{node.tag[:60]}`"
        line = node.start_mark.line + 1
        raise CatalogError(f"`{display_path(file)}` line {line}: {what}. Write plain YAML.")
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, lines, file)
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*path, n), lines, file) for n, item in enumerate(node.value)]
    return _scalar(node)


def _mapping(
    node: yaml.MappingNode, path: KeyPath, lines: dict[KeyPath, int], file: Path
) -> dict[Any, Any]:
    result: dict[Any, Any] = {}
    taken: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        if key_node.tag == _MERGE:
            if not isinstance(value_node, yaml.MappingNode):
                where = f"`{display_path(file)}` line {key_node.start_mark.line + 1}"
                raise CatalogError(f"{where}: `<<` takes one mapping, such as `*name`.")
            taken |= _value(value_node, (*path, "<<"), lines, file)
            continue
        key = _scalar(key_node)
        line = key_node.start_mark.line + 1
        if key in result:
            raise CatalogError(f"`{display_path(file)}` line {line}: key `{key}` stands twice.")
        lines[(*path, key)] = line
        result[key] = _value(value_node, (*path, key), lines, file)
    return {**taken, **result}


def _scalar(node: yaml.Node) -> Any:
    value = _CONSTRUCTOR.construct_object(node)
    _CONSTRUCTOR.constructed_objects.clear()  # it would keep every node of every file alive
    return value


def _not_yaml(path: Path, error: yaml.YAMLError) -> str:
    """What is wrong and in which line, as one sentence; the parser's own text spans several."""
    mark = getattr(error, "problem_mark", None)
    line = f" line {mark.line + 1}" if mark is not None else ""
    problem = getattr(error, "problem", None) or " ".join(str(error).split())
    return (
        f"`{display_path(path)}`{line} is not valid YAML: {problem}. "
        "Check the indentation, brackets and quotes there."
    )
