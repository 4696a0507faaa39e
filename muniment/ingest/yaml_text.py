"""YAML as evidence: documents one at a time, exact numbers, no tags, no doubled keys.

Read as Kubernetes writes it. `on`, `yes` and times stay texts, since turning them into other
values would change what the source said; a number keeps its digits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import yaml

from muniment.catalog.yaml_files import deep_line
from muniment.errors import InputError
from muniment.ingest.files import SourceFile, open_text
from muniment.ingest.rows import MAX_ROW_BYTES, Document
from muniment.model.sources import SourceMap

MAX_DEPTH = 60
# Aliases may expand without end; a document of this size has no honest use for more.
MAX_VALUES = 500_000
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INTEGER = re.compile(r"-?(?:0|[1-9]\d{0,39})\Z")
_NUMBER = re.compile(r"-?\d{1,40}\.\d{1,40}\Z")
_PREFIX = "tag:yaml.org,2002:"
_TAGS = frozenset({"map", "seq", "str", "int", "float", "bool", "null", "timestamp"})
_SCALARS: dict[str, Any] = {
    "": None, "~": None, "null": None, "true": True, "false": False,
}  # fmt: skip


def read_yaml_documents(file: SourceFile, source: SourceMap) -> Iterator[Document]:
    """The documents of a file; the whole is checked first, since a half proves nothing."""
    del source
    for _ in documents_of(file):
        pass
    for place, value in documents_of(file):
        yield Document(place, value, value)


def documents_of(file: SourceFile) -> Iterator[tuple[int, Any]]:
    """The line and value of each document that is not empty.

    Raises InputError, naming the line, for what is not plain YAML.
    """
    if file.size > MAX_ROW_BYTES:
        raise InputError(
            f"`{file.path.name}` has {file.size:,} bytes; a YAML file may have 16 MiB. Export it "
            "as JSON Lines, or split it at its `---` lines. Nothing was imported."
        )
    try:
        with open_text(file.path, "utf-8") as stream:
            text = stream.read()
        deep = deep_line(text, MAX_DEPTH)
        if deep is not None:
            raise InputError(
                f"`{file.path.name}` line {deep}: nests too deep or repeats too much. "
                "Nothing was imported."
            )
        for node in yaml.compose_all(text, Loader=_LOADER):
            if node is not None:
                value = _Reading(file.path.name).value(node, 0)
                if value is not None:
                    yield node.start_mark.line + 1, value
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}" if mark is not None else ""
        what = getattr(error, "problem", None) or str(error)[:200]
        raise InputError(
            f"`{file.path.name}`{line} is not valid YAML: {' '.join(str(what).split())}. "
            "Nothing was imported."
        ) from error


class _Reading:
    """One document on its way from nodes to values."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._values = 0

    def value(self, node: yaml.Node, depth: int) -> Any:
        self._values += 1
        if depth > MAX_DEPTH or self._values > MAX_VALUES:
            raise self._wrong(node, "nests too deep or repeats too much")
        if node.tag.removeprefix(_PREFIX) not in _TAGS:
            raise self._wrong(node, f"has the tag `{node.tag[:60]}`")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, depth)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, depth + 1) for item in node.value]
        return self._scalar(node)

    def _mapping(self, node: yaml.MappingNode, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            merges = key_node.tag == f"{_PREFIX}merge"
            if merges or not isinstance(key_node, yaml.ScalarNode):
                raise self._wrong(key_node, "has a key that merges, or that is no text")
            if key_node.value in found:
                raise self._wrong(key_node, f"has the key `{key_node.value[:60]}` twice")
            found[key_node.value] = self.value(value_node, depth + 1)
        return found

    def _scalar(self, node: yaml.Node) -> Any:
        text = str(node.value)
        if node.tag.endswith(":str") or getattr(node, "style", None) in ("'", '"', "|", ">"):
            return text
        if text.lower() in _SCALARS:
            return _SCALARS[text.lower()]
        if _INTEGER.match(text):
            return int(text)
        return Decimal(text) if _NUMBER.match(text) else text

    def _wrong(self, node: yaml.Node, what: str) -> InputError:
        line = node.start_mark.line + 1
        return InputError(f"`{self._name}` line {line} {what}. Nothing was imported.")
