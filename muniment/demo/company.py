"""Northwind Freight's people and teams: who owns, who approves, who came and who left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from muniment.demo.clock import at
from muniment.demo.content import story

_STORY = story("people")
ORGANISATION: str = _STORY["organisation"]
DOMAIN: str = _STORY["domain"]
RECORDS_BEGIN = at("2025-01-06T08:00:00Z")
_PLAIN = str.maketrans("øØåÅæÆäöüóńśłŁż", "oOaAaAaouonslLz")


@dataclass(frozen=True, slots=True)
class Person:
    """A row of the people export. `left`, `back` and `moves` add rows of its history."""

    name: str
    team: str
    title: str = ""
    kind: str = "human"
    joined: str | None = None
    left: str | None = None
    back: str | None = None
    moves: Mapping[str, str] = field(default_factory=dict)

    @property
    def person_id(self) -> str:
        """The address, which is what every other export refers to."""
        return f"{self.name.translate(_PLAIN).lower().replace(' ', '.')}@{DOMAIN}"


@dataclass(frozen=True, slots=True)
class Team:
    """A team, its business unit, and who decides for it."""

    team_id: str
    unit: str
    approvers: tuple[str, ...]
    staff: int


TEAMS: dict[str, Team] = {
    key: Team(key, row["unit"], tuple(row["approvers"]), row["staff"])
    for key, row in _STORY["teams"].items()
}


def _staff() -> Iterator[Person]:
    """People without a part of their own; some of them join or leave in the year."""
    given, family = _STORY["given"], _STORY["family"]
    wanted = [team for team in TEAMS.values() for _ in range(team.staff)]
    for number, team in enumerate(wanted):
        # Steps of 1 and 7 through 30 and 25 names: no pair comes twice within 150 people.
        name = f"{given[number % len(given)]} {family[number * 7 % len(family)]}"
        joined = f"2026-{number % 9 + 1:02d}-01T07:00:00Z" if number % 9 == 4 else None
        left = f"2026-{number % 8 + 2:02d}-28T15:00:00Z" if number % 13 == 7 else None
        yield Person(name, team.team_id, "Staff", joined=joined, left=None if joined else left)


PEOPLE: tuple[Person, ...] = (
    *(Person(**row) for row in _STORY["people"]),
    *_staff(),
    *(Person(row["name"], row["team"], kind="group") for row in _STORY["groups"]),
    *(Person(row["name"], row["team"], kind="service") for row in _STORY["services"]),
)
PERSON_BY_NAME = {person.name: person for person in PEOPLE}


def person_id(name: str) -> str:
    """The id of a person by name; KeyError when nobody is called so."""
    return PERSON_BY_NAME[name].person_id


def colleagues(team_id: str) -> list[str]:
    """Ids of the people of a team who are there through the whole story."""
    return [
        person.person_id
        for person in PEOPLE
        if person.team == team_id and person.kind == "human" and not (person.joined or person.left)
    ]
