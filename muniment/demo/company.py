"""Northwind Freight's people and teams: who owns, who approves, who left."""

from __future__ import annotations

from dataclasses import dataclass

from muniment.demo.clock import at

ORGANISATION = "Northwind Freight"
DOMAIN = "northwind-freight.example"
RECORDS_BEGIN = at("2025-01-06T08:00:00Z")


@dataclass(frozen=True, slots=True)
class Person:
    """A row of the people export; `left_at` and `active_from` add a second row of its history."""

    name: str
    team_id: str
    kind: str = "human"
    left_at: str | None = None
    back_at: str | None = None

    @property
    def person_id(self) -> str:
        """The address, which is what every other export refers to."""
        return f"{self.name.lower().replace(' ', '.').replace('ø', 'o')}@{DOMAIN}"


TEAMS = (
    "finance-operations", "customs", "claims", "customer-service", "pricing", "planning", "safety",
    "capacity", "people", "legal", "engineering", "risk",
)  # fmt: skip

PEOPLE: tuple[Person, ...] = (
    Person("Anna Lindqvist", "finance-operations"),
    Person("Henrik Dahl", "finance-operations"),
    Person("Rashid Okafor", "customs"),
    Person("Ingrid Solberg", "customs"),
    Person("Julie Moreau", "claims", left_at="2026-10-10T15:00:00Z"),
    Person("Niels Thomsen", "claims"),
    Person("Salma Haddad", "customer-service"),
    Person("Oliver Bang", "customer-service"),
    Person("Teresa Silva", "pricing"),
    Person("Marek Novotny", "pricing"),
    # On parental leave since September: still employed, so still an owner.
    Person("Karin Aalto", "planning"),
    Person("Lars Winther", "planning"),
    Person("Klaus Brandt", "safety"),
    Person("Piotr Nowak", "capacity"),
    # Left and came back before the as-of instant: an owner again.
    Person("Emma Riis", "people", left_at="2026-04-30T15:00:00Z", back_at="2026-09-01T06:00:00Z"),
    Person("Vera Lund", "legal"),
    Person("Jonas Eriksen", "engineering"),
    Person("Priya Raman", "engineering"),
    # Leaves ten days after the as-of instant: not yet gone when the registry is judged.
    Person("Tomas Berg", "engineering", left_at="2026-11-30T15:00:00Z"),
    Person("Mette Keller", "risk"),
    Person("Capacity Desk", "capacity", kind="group"),
    Person("Agent Platform", "engineering", kind="service"),
)
PERSON_BY_NAME = {person.name: person for person in PEOPLE}

# Who decides for a team: the owner's desk mate, so that nobody approves what he asked for.
APPROVERS: dict[str, str] = {
    "finance-operations": "Anna Lindqvist",
    "customs": "Ingrid Solberg",
    "claims": "Niels Thomsen",
    "pricing": "Teresa Silva",
    "capacity": "Piotr Nowak",
    "people": "Mette Keller",
    "legal": "Vera Lund",
    "engineering": "Priya Raman",
}


def person_id(name: str) -> str:
    """The id of a person by name; KeyError when nobody is called so."""
    return PERSON_BY_NAME[name].person_id
