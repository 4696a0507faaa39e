"""Northwind Freight's story as data: the YAML files beside this module."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

import yaml


@cache
def story(name: str) -> Any:
    """The parsed file `northwind/<name>.yaml`."""
    text = (resources.files("muniment.demo") / "northwind" / f"{name}.yaml").read_text("utf-8")
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
