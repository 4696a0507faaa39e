"""Published pairs as published, computed pairs beside them, and what neither side names."""

from __future__ import annotations

from pathlib import Path

import pytest

from muniment.assessment.crosswalk import (
    compare_frameworks,
    computed_pairs,
    pairs_of_unit,
    published_pairs,
)
from muniment.catalog.crosswalks import load_crosswalks
from muniment.catalog.frameworks import load_frameworks
from muniment.errors import CatalogError
from muniment.model.frameworks import ControlMapping, Framework
from muniment.model.outcomes import Relation
from tests.builders.results import evidencing, framework, mapping, requirement, supporting

FRAMEWORKS = load_frameworks()
WALKS = load_crosswalks(FRAMEWORKS)
NIST, ISO, ACT = (FRAMEWORKS[n] for n in ("nist_ai_rmf", "iso_42001", "eu_ai_act"))

WALK = """\
id: walk
name: A walk
from_framework: nist_ai_rmf
to_framework: iso_42001
publisher: somebody
note: none
source: a source
remarks: []
pairs:
  GOVERN 1.1: ["4.1", A.2.2]
"""


def one(*controls: ControlMapping, id: str) -> Framework:
    return framework(requirement(*controls, id=f"{id} 1", manual="m"), id=id)


def test_crosswalks_shipped_have_the_pairs_that_were_published() -> None:
    counts = {name: sum(map(len, walk.pairs.values())) for name, walk in WALKS.items()}
    assert counts == {"nist_ai_rmf_iso_42001": 280, "nist_ai_rmf_600_1": 212}
    assert len(WALKS["nist_ai_rmf_iso_42001"].pairs) == 72
    assert len(WALKS["nist_ai_rmf_600_1"].pairs) == 49
    assert WALKS["nist_ai_rmf_iso_42001"].relation is None
    assert WALKS["nist_ai_rmf_600_1"].relation is Relation.SUPERSET


@pytest.mark.parametrize(
    ("unit", "others"),
    [
        ("GOVERN 1.1", ("4.1", "6.2", "A.2.2", "A.2.4")),
        ("GOVERN 1.7", ("A.6.2.6",)),
        ("GOVERN 2.2", ("7.2",)),
        ("GOVERN 6.1", ("A.10.2", "A.10.3")),
    ],
)
def test_pairs_are_those_of_the_source(unit: str, others: tuple[str, ...]) -> None:
    assert WALKS["nist_ai_rmf_iso_42001"].pairs[unit] == others


def test_oddities_of_the_source_are_remarked() -> None:
    walk = WALKS["nist_ai_rmf_iso_42001"]
    assert "read as 7.2" in walk.remark("GOVERN 2.1", "7.2")
    assert len(walk.remarks) == 4
    assert walk.remark("GOVERN 1.1", "4.1") == ""


def test_iso_entries_that_the_source_never_names_are_listed() -> None:
    found = compare_frameworks(NIST, ISO, WALKS.values())
    assert found.unpublished == ((), ("4.2", "6.3", "7.5.1", "7.5.2", "8.1"))
    assert len(found.published) == 280


def test_published_pairs_can_be_read_from_either_side() -> None:
    forth = {(p.first_id, p.second_id) for p in published_pairs(NIST, "iso_42001", WALKS.values())}
    back = {(p.second_id, p.first_id) for p in published_pairs(ISO, "nist_ai_rmf", WALKS.values())}
    assert forth == back
    assert published_pairs(ACT, "nist_ai_rmf", WALKS.values()) == ()


def test_relation_is_turned_with_the_pair() -> None:
    walk = WALKS["nist_ai_rmf_600_1"].model_copy(update={"to_framework": "iso_42001"})
    assert {p.relation for p in published_pairs(ISO, "nist_ai_rmf", [walk])} == {Relation.SUBSET}


def test_units_share_a_control_whole_or_by_the_same_attribute() -> None:
    def pairs(first: str, second: str) -> list[tuple[str, ...]]:
        found = computed_pairs(one(mapping(first), id="a"), one(mapping(second), id="b"))
        return [tuple(shared.control for shared in pair.shared) for pair in found]

    assert pairs("OVR-03", "OVR-03") == [("OVR-03",)]
    assert pairs("OVR-03/B", "OVR-03/B") == [("OVR-03/B",)]
    assert pairs("OVR-03/B", "OVR-03") == pairs("OVR-03", "OVR-03/B") == [("OVR-03/B",)]
    assert pairs("OVR-03/A", "OVR-03/B") == pairs("OVR-03", "AUD-01") == []


def test_computed_pair_says_whether_it_only_supports() -> None:
    weak = computed_pairs(one(supporting("AUD-01"), id="a"), one(evidencing("AUD-01"), id="b"))
    strong = computed_pairs(one(mapping("AUD-01"), id="a"), one(evidencing("AUD-01"), id="b"))
    assert (weak[0].only_supports, strong[0].only_supports) == (True, False)


def test_published_and_computed_pairs_are_never_mixed() -> None:
    found = pairs_of_unit(NIST, "GOVERN 1.6", FRAMEWORKS.values(), WALKS.values())
    assert list(found) == ["eu_ai_act", "iso_42001", "nist_ai_600_1"]
    published, computed = found["iso_42001"]
    assert [p.second_id for p in published] == ["A.4.2", "A.4.3", "A.4.4", "A.4.5", "A.4.6"]
    assert {shared.control for pair in computed for shared in pair.shared} >= {"IDN-01"}
    assert len(found["nist_ai_600_1"][0]) == 3
    assert found["nist_ai_600_1"][1] == found["eu_ai_act"][0] == ()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"4.1"', '"4.9"', "`walk.yaml` line 10: framework `iso_42001` has no unit `4.9`."),
        ("GOVERN 1.1", "GOVERN 9", "framework `nist_ai_rmf` has no unit `GOVERN 9`"),
        ("A.2.2]", '"4.1"]', "names a unit twice"),
        ("remarks: []", "remarks: [{from_id: MAP 1.1, to_id: A.2.2, text: t}]", "no such pair"),
        ("from_framework: nist_ai_rmf", "from_framework: nist", "no framework `nist`"),
        ("id: walk", "id: talk", "id and file name differ"),
    ],
)
def test_wrong_crosswalk_is_refused_with_its_line(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    (tmp_path / "walk.yaml").write_text(WALK.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(CatalogError) as caught:
        load_crosswalks(FRAMEWORKS, tmp_path)
    assert said in str(caught.value)
