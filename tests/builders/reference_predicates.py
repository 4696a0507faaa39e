"""Controls told once more, in Python, by hand from their prose and not from their SQL.

Each predicate takes a world and gives item → pass, exception, undetermined or pending; what it does
not name is outside the population. A part is True (a fault), False, or None (cannot be told).
"""

from __future__ import annotations

from collections.abc import Callable

from tests.builders import reference_events as events
from tests.builders import reference_records as records
from tests.builders.reference_parts import Outcomes
from tests.builders.reference_world import World

PREDICATES: dict[str, Callable[[World], Outcomes]] = {
    "IDN-02": records.idn_02, "IDN-03": records.idn_03, "IDN-04": events.idn_04,
    "OWN-01": records.own_01, "OWN-02": records.own_02, "ACC-03": events.acc_03,
    "ACC-09": records.acc_09, "BND-01": records.bnd_01, "OVR-02": events.ovr_02,
    "OVR-04": events.ovr_04, "OVR-06": records.ovr_06, "OVR-11": events.ovr_11,
    "POL-01": events.pol_01, "POL-02": events.pol_02, "MAG-01": events.mag_01,
    "MAG-02": events.mag_02, "DEV-03": events.dev_03,
}  # fmt: skip
