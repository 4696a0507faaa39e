"""When work happens: weekdays, holidays, seasons and hours of the day, in Copenhagen."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from muniment.demo.agents import AgentPlan
from muniment.demo.clock import DAY, HOUR, LAST_END, LOG_DAYS, MICRO, SECOND, local

Instants = NDArray[np.int64]

# Danish public holidays of the year shown.
HOLIDAYS: dict[date, str] = {
    date(2025, 12, 25): "Christmas Day",
    date(2025, 12, 26): "Second day of Christmas",
    date(2026, 1, 1): "New Year's Day",
    date(2026, 4, 2): "Maundy Thursday",
    date(2026, 4, 3): "Good Friday",
    date(2026, 4, 5): "Easter Sunday",
    date(2026, 4, 6): "Easter Monday",
    date(2026, 5, 14): "Ascension Day",
    date(2026, 5, 24): "Whit Sunday",
    date(2026, 5, 25): "Whit Monday",
}
# Days on which the institutions of the Union are closed, for terms under Regulation 1182/71.
EU_HOLIDAYS: dict[date, str] = {
    date(2026, 1, 1): "New Year's Day",
    date(2026, 1, 2): "Day after New Year's Day",
    date(2026, 4, 2): "Maundy Thursday",
    date(2026, 4, 3): "Good Friday",
    date(2026, 4, 6): "Easter Monday",
    date(2026, 5, 1): "Labour Day",
    date(2026, 5, 14): "Ascension Day",
    date(2026, 5, 15): "Day after Ascension Day",
    date(2026, 5, 25): "Whit Monday",
    date(2026, 7, 21): "Belgian National Day",
    date(2026, 11, 2): "All Souls' Day",
}
# Freight before Christmas, the quiet of January, the industry's holidays in July.
_MONTHS = (0.82, 0.88, 0.97, 0.95, 1.0, 0.98, 0.72, 0.96, 1.06, 1.12, 1.28, 1.22)
_AFTER_PEAK = (date(2025, 12, 21), date(2026, 1, 4))
_OFFICE_DAYS = (1.0, 1.04, 1.02, 1.0, 0.92, 0.03, 0.01)
_ALL_DAYS = (1.0, 1.0, 1.0, 1.0, 0.98, 0.66, 0.58)
_OFFICE_HOURS = (0, 0, 0, 0, 0, 0, 1, 4, 9, 10, 10, 8, 5, 8, 9, 8, 5, 1, 0, 0, 0, 0, 0, 0)
_ALL_HOURS = (3, 2, 2, 3, 5, 6, 7, 7, 7, 7, 6, 6, 5, 6, 6, 6, 6, 5, 5, 4, 4, 4, 3, 3)
# An agent that is new takes over its work within so many days.
_RAMP_DAYS = 45
_MIDNIGHTS: Instants = np.array([local(day, 0) for day in LOG_DAYS], dtype=np.int64)


def day_weights(plan: AgentPlan) -> NDArray[np.float64]:
    """How much an agent works on each day of the log; 0 where it does not run."""
    weekday = _ALL_DAYS if plan.always else _OFFICE_DAYS
    weights = np.array([weekday[day.weekday()] * _season(day) for day in LOG_DAYS])
    quiet = [day in HOLIDAYS for day in LOG_DAYS]
    weights[quiet] *= 0.55 if plan.always else 0.02
    age = (_MIDNIGHTS - plan.begins) / DAY
    weights *= np.clip(0.35 + 0.65 * age / _RAMP_DAYS, 0.0, 1.0)
    weights[age < 0] = 0
    if plan.ends is not None:
        weights[plan.ends - DAY < _MIDNIGHTS] = 0
    weights[-1] *= 0.6  # the last day ends at the as-of instant
    return weights


def draw_starts(rng: np.random.Generator, plan: AgentPlan, count: int) -> Instants:
    """So many instants at which an agent's work starts, in time order, to the microsecond."""
    weights = day_weights(plan)
    if not weights.any():
        return np.empty(0, dtype=np.int64)
    days = rng.choice(len(LOG_DAYS), size=count, p=weights / weights.sum())
    hours = np.array(_ALL_HOURS if plan.always else _OFFICE_HOURS, dtype=float)
    hour = rng.choice(24, size=count, p=hours / hours.sum())
    inside = rng.integers(0, 3_600 * 10**6, size=count) * MICRO
    starts: Instants = _MIDNIGHTS[days] + hour * HOUR + inside
    return np.sort(starts[starts < LAST_END])


def steady_starts(plan: AgentPlan, every_days: int) -> Instants:
    """Instants every so many days at ten in the morning: the runs that nobody leaves out."""
    found, day = [], LOG_DAYS[0] + timedelta(days=int(plan.agent_id[-2:]) % every_days)
    while day <= LOG_DAYS[-1]:
        working = day.weekday() < 5 and day not in HOLIDAYS
        moment = local(day, 10, int(plan.agent_id[-2:]) % 50) + 7 * SECOND
        if (working or plan.always) and plan.begins <= moment < (plan.ends or LAST_END):
            found.append(moment)
            day += timedelta(days=every_days)
        else:
            day += timedelta(days=1)
    return np.array(found, dtype=np.int64)


def _season(day: date) -> float:
    if _AFTER_PEAK[0] <= day <= _AFTER_PEAK[1]:
        return 0.4
    return _MONTHS[day.month - 1]
