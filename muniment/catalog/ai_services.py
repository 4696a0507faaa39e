"""Services of AI by their hosts: mappings/ai_services.yaml."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Literal

import yaml
from pydantic import Field

from muniment.bundle import mappings_root
from muniment.errors import CatalogError
from muniment.model.controls import Strict

_HOST = re.compile(r"(?:[a-z][\w+.-]*://)?(?:[^@/?#]*@)?(\[[0-9a-f:.]+\]|[^:/?#\s]+)", re.I)


class AiService(Strict):
    """One service: what it is called, what kind of use it is, and its hosts."""

    service: str = Field(min_length=1)
    kind: Literal["model_api", "assistant", "coding_assistant", "agent"]
    hosts: tuple[str, ...] = Field(min_length=1)


class AiServices:
    """Tells the service of a host. A host in the list stands for itself and what lies below it."""

    def __init__(self, services: tuple[AiService, ...]) -> None:
        self._exact = {h: s for s in services for h in s.hosts if "*" not in h}
        self._patterns = [(_pattern(h), s) for s in services for h in s.hosts if "*" in h]

    def service_of(self, host: str) -> AiService | None:
        """The service that answers at a host, an `host:port` or a URL; None for any other."""
        match = _HOST.match(host.strip())
        name = match.group(1).lower().rstrip(".") if match else ""
        parts = name.split(".")
        for start in range(len(parts) - 1):
            found = self._exact.get(".".join(parts[start:]))
            if found is not None:
                return found
        matching = (service for pattern, service in self._patterns if pattern.fullmatch(name))
        return next(matching, None)


def _pattern(host: str) -> re.Pattern[str]:
    one_part = re.escape(host).replace("\\*", "[^.]+")
    return re.compile(f"(?:.*[.])?{one_part}")


@cache
def load_ai_services(path: Path | None = None) -> AiServices:
    """The services of a file, by default the list that ships; CatalogError where it is wrong."""
    path = path or mappings_root() / "ai_services.yaml"
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        return AiServices(tuple(AiService.model_validate(item) for item in content))
    except (OSError, ValueError, TypeError, yaml.YAMLError) as error:
        raise CatalogError(f"`{path.name}` is no list of services: {str(error)[:300]}") from error
