"""How an organisation's reports look and what language their labels are in: `reports.toml`.

The file lies in the store and is data alone:

    language = "de"                 # of headings, table heads and states; content stays as it is
    classification = "Vertraulich"
    watermark = "Muster"
    logo = "logo.png"               # a PNG or SVG beside the file
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from muniment.errors import ReportError
from muniment.evidence.files import sha256

MOST_LOGO_BYTES = 500_000
_KEYS = frozenset({"language", "classification", "watermark", "logo"})
_KINDS = {".png": b"\x89PNG\r\n\x1a\n", ".svg": b"<"}


@dataclass(frozen=True, slots=True)
class Appearance:
    """What reports.toml says; empty where it says nothing. logo: the picture's name and bytes."""

    language: str = ""
    classification: str = ""
    watermark: str = ""
    logo: tuple[str, bytes] | None = None

    def described(self) -> dict[str, str]:
        """What it is, for the pack's inputs; the logo by its digest."""
        held = {"language": self.language, "watermark": self.watermark}
        if self.logo is not None:
            held["logo_sha256"] = sha256(self.logo[1])
        return {name: value for name, value in held.items() if value}


def load_appearance(path: Path) -> Appearance:
    """The organisation's settings; the defaults where there is no file.

    Raises ReportError for an unknown key, a value that is no text, or a logo that is none.
    """
    try:
        found: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return Appearance()
    except (OSError, ValueError) as error:
        raise ReportError(f"`{path}` cannot be read: {error}. Correct the file.") from error
    wrong = sorted(found.keys() - _KEYS)
    if wrong:
        raise ReportError(f"`{path}`: unknown key `{wrong[0]}`. Use {', '.join(sorted(_KEYS))}.")
    for name, value in found.items():
        if not isinstance(value, str):
            raise ReportError(f"`{path}`: `{name}` is no text. Put it in quotes.")
    logo = found.pop("logo", "")
    return Appearance(**found, logo=_logo(path.parent, logo) if logo else None)


def _logo(folder: Path, name: str) -> tuple[str, bytes]:
    path = folder / name
    kind = path.suffix.lower()
    if Path(name).name != name or kind not in _KINDS:
        raise ReportError(f"logo `{name[:80]}` is no PNG or SVG beside reports.toml.")
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise ReportError(f"logo `{path}` is a link, a pipe or a folder, not a picture.")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ReportError(f"logo `{path}` cannot be read: {error.strerror or error}.") from error
    if len(content) > MOST_LOGO_BYTES or not content.lstrip().startswith(_KINDS[kind]):
        raise ReportError(
            f"logo `{path}` is no {kind[1:].upper()} of at most {MOST_LOGO_BYTES // 1000} kB."
        )
    return f"logo{kind}", content
