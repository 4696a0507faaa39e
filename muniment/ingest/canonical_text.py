"""A source's value as one JSON text, so that equal values have equal digests.

RFC 8785 for everything that a double holds exactly; a number beyond that keeps its own digits,
which RFC 8785 would round. Sanitising masks what a reader of an audit log need not see.
"""

from __future__ import annotations

import hashlib
import json
import re
from decimal import Decimal
from typing import Any

# Each with texts of which one must stand in what it finds: most texts hold none of them, and to
# look for a text is far quicker than to match. Of the last, none is certain.
_SANITISE: tuple[tuple[tuple[str, ...], re.Pattern[str], str], ...] = (
    (("-----BEGIN ",),
     re.compile(r"-----BEGIN [A-Z ]+-----.*?(?:-----END [A-Z ]+-----|\Z)", re.S), "[secret]"),
    (("sk", "pk", "ghp", "gho", "github_pat", "xox", "AKIA", "ASIA"),
     re.compile(r"\b(?:sk|pk|ghp|gho|github_pat|xox[abp]|AKIA|ASIA)[-_A-Za-z0-9]{16,}"),
     "[secret]"),
    (("eyJ",), re.compile(r"\beyJ[\w-]{8,}\.[\w-]{4,}(?:\.[\w-]*)?"), "[secret]"),
    (("bearer", "basic"), re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}"), r"\1 [secret]"),
    (("password", "passwd", "secret", "api", "token"),
     re.compile(r'(?i)("[\w-]*(?:password|passwd|secret|api_?key|token)[\w-]*"\s*:\s*)"[^"]*"'),
     r'\1"[secret]"'),
    (("@",), re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+"), "[e-mail]"),
    ((), re.compile(r"(?<![\w.])\+?\d(?:[ ().-]?\d){8,18}(?![\w.])"), "[number]"),
)  # fmt: skip
# Letters that a pattern without regard to case takes for i, s and k, and `lower` does not.
_ODD_CASES = "\u0130\u0131\u017f\u212a"


def canonical_text(value: Any) -> str:
    """The canonical JSON text of any parsed JSON value."""
    if isinstance(value, dict):
        keys = sorted(value, key=_utf16)
        return "{" + ",".join(f"{_text(k)}:{canonical_text(value[k])}" for k in keys) + "}"
    if isinstance(value, list):
        return "[" + ",".join(canonical_text(item) for item in value) + "]"
    if isinstance(value, Decimal):
        return _number(value)
    return _text(value)


def digest_of(value: Any) -> str:
    """SHA-256 of a text's UTF-8 bytes as it stands, or of another value's canonical JSON."""
    text = value if isinstance(value, str) else canonical_text(value)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def sanitise(text: str) -> str:
    """The text with keys, tokens, e-mail addresses and long numbers replaced by their kind."""
    lowered = text.lower()
    odd = not text.isascii() and any(letter in text for letter in _ODD_CASES)
    for marks, pattern, replacement in _SANITISE:
        if odd or not marks or any(mark in text or mark in lowered for mark in marks):
            text = pattern.sub(replacement, text)
    return text


def _utf16(key: str) -> bytes:
    # RFC 8785 section 3.2.3: keys are sorted by UTF-16 code units.
    return key.encode("utf-16-be", "surrogatepass")


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _number(value: Decimal) -> str:
    # The exponent first: a number like 1e99999999 overflows every arithmetic on it.
    if value.adjusted() < 21 and value == value.to_integral_value():
        return str(int(value))
    nearest = float(value) if abs(value.adjusted()) < 300 else None
    if nearest is None or Decimal(repr(nearest)) != value:
        return str(value).replace("E", "e")
    if 1e-6 <= abs(nearest) < 1e21:
        return format(Decimal(repr(nearest)), "f")
    mantissa, _, exponent = repr(nearest).partition("e")
    return f"{mantissa}e{int(exponent):+d}"
