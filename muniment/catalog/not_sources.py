"""Files that lie beside data and are none: schemas, documents, scripts, told by data."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import field_validator, model_validator

from muniment.bundle import mappings_root
from muniment.model.controls import Strict
from muniment.model.paths import MISSING, Row, parse_path


class Sign(Strict):
    """A path that has a value, whose text `matches` a regular expression as a whole (if given)."""

    path: str
    matches: str | None = None


class NotSource(Strict):
    """One kind of file that is no data, how it is told, and what to say of it."""

    id: str
    title: str
    says: str
    where: tuple[Sign, ...] = ()
    starts: str | None = None

    @field_validator("starts")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        return value if value is None or re.compile(value) else None

    @model_validator(mode="after")
    def _one_sign(self) -> NotSource:
        if bool(self.where) == (self.starts is not None):
            raise ValueError("give either `where` or `starts`")
        return self

    def is_document(self, outline: Any) -> bool:
        """Whether a JSON document is of this kind."""
        row = Row(outline, None, outline)
        return bool(self.where) and all(_holds(sign, row) for sign in self.where)

    def is_text(self, start: str) -> bool:
        """Whether a text that starts so is of this kind."""
        return self.starts is not None and re.match(self.starts, start, re.M) is not None


@cache
def load_not_sources() -> tuple[NotSource, ...]:
    """The kinds, in the order in which they are tried."""
    path: Path = mappings_root() / "not_sources.yaml"
    return tuple(NotSource(**item) for item in yaml.safe_load(path.read_text(encoding="utf-8")))


def _holds(sign: Sign, row: Row) -> bool:
    found = parse_path(sign.path).find(row)
    if found is MISSING or sign.matches is None:
        return found is not MISSING
    return isinstance(found, str) and re.fullmatch(sign.matches, found) is not None
