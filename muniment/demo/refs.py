"""Numbers of the things that agents touch, as a freight forwarder would write them."""

from __future__ import annotations

from collections.abc import Callable

# Six-digit headings of the Harmonized System that such a forwarder sees often.
HS_CODES = (
    "020329", "040690", "080810", "160414", "220421", "300490", "330499", "391990", "401110",
    "441299", "480256", "610910", "640399", "690721", "721049", "732690", "761699", "820559",
    "841370", "847130", "848210", "850440", "853710", "870829", "871639", "900190", "940161",
    "940360",
)  # fmt: skip
LANES = (
    "DKPAD-PLPOZ", "DKTAU-DEHAM", "DEHAM-PLGDN", "DKCPH-DEBER", "PLWRO-DKAAR", "DELEJ-DKODE",
    "DKEBJ-PLSZZ", "DEFLF-DKKLD", "PLKTW-DEHAM", "DKAAL-DEBRE",
)  # fmt: skip
_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"


def object_ref(kind: str, case: int) -> str:
    """The number of one object of a kind, told apart by its case."""
    make = _OWN_FORMS.get(kind)
    return make(case) if make else f"{kind}-{case}"


def _mrn(case: int) -> str:
    """A movement reference number: year, country, thirteen characters, and a letter and digit."""
    letter = _LETTERS[case % len(_LETTERS)]
    return f"26DK00{case * 48_611 % 10**8:08d}{case % 10_000:04d}{letter}{case % 10}"


def _hs(case: int) -> str:
    return f"HS-{HS_CODES[case % len(HS_CODES)]}"


def _lane(case: int) -> str:
    return LANES[case % len(LANES)]


def _container(case: int) -> str:
    return f"NWFU{case * 7_919 % 10**7:07d}"


def _truck(case: int) -> str:
    return f"{_LETTERS[case % 23]}{_LETTERS[case // 23 % 23]} {case * 37 % 90_000 + 10_000}"


_OWN_FORMS: dict[str, Callable[[int], str]] = {
    "MRN": _mrn, "HS": _hs, "LANE": _lane, "SHP": _container, "TRK": _truck,
}  # fmt: skip
