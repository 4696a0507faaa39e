"""A store that holds nothing, and one that holds a registry only: each page and the pack.

Nothing that was not tested may look proved: no mark of a pass, no filled bar, no word of comfort.
"""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest
import streamlit as st

from muniment.catalog.sources import load_source_maps
from muniment.evidence.dossier import load_dossier
from muniment.ingest.pipeline import ingest_file
from muniment.jobs.assess import load_catalog, make_clock, run_assessment
from muniment.model.outcomes import RequirementState, State
from muniment.reporting.attached import manifest_of
from muniment.reporting.build import build_report
from muniment.reporting.content import content_of
from muniment.reporting.html import render_html
from muniment.reporting.pack_inputs import Asked, gather_inputs
from muniment.reporting.report_folder import choose_report
from muniment.store.open import create_store, open_store
from tests.test_dashboard_pages import draw
from tests.test_report_pack import text_of

PAGES: tuple[tuple[str, dict[str, str]], ...] = (
    ("overview", {}), ("controls", {}), ("control", {"id": "OVR-03"}),
    ("control", {"id": "OWN-01"}),
    ("framework", {"framework": "eu_ai_act"}), ("requirements", {"framework": "iso_42001"}),
    ("clause", {"framework": "nist_ai_rmf", "id": "GOVERN 1.1"}), ("findings", {}),
    ("maturity", {}), ("agents", {}), ("activity", {}), ("oversight", {}), ("evidence", {}),
    ("jobs", {}),
)  # fmt: skip
REGISTRY = """\
agent_id,name,lifecycle_status,owner_ref,valid_from
AGT-1,Matcher,active,ada@example.org,2026-01-01T00:00:00Z
AGT-2,Sorter,active,,2026-01-01T00:00:00Z
AGT-3,Watcher,retired,,2026-01-01T00:00:00Z
"""


@pytest.fixture(scope="module", params=["empty", "registry"])
def bare(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an assessed store that holds nothing, or a registry of three agents."""
    root: Path = tmp_path_factory.mktemp(request.param) / "store"
    with create_store(root, organisation="Example Ltd", time_zone="Europe/Berlin",
                      recorded_by="test") as store:  # fmt: skip
        if request.param == "registry":
            file = root.parent / "agents.csv"
            file.write_text(REGISTRY, encoding="utf-8")
            ingest_file(store, file, source_map=load_source_maps()["registry_csv"],
                        source_id="registry", recorded_by="test")  # fmt: skip
        clock = make_clock(store, as_of=None, known_at=None, days=90)
        run_assessment(store, load_catalog(), clock, run_by="test")
    return root


@pytest.mark.parametrize(("page", "query"), PAGES)
def test_page_of_a_bare_store_has_no_green_and_no_comfort(
    bare: Path, page: str, query: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUNIMENT_STORE", str(bare))
    st.cache_data.clear()
    told = re.sub(r'<p class="m-legend">.*?</p>', "", draw(page, query))
    green = re.findall(r'class="[^"]*\bm-(?:bar-)?(?:evidence|attested)\b.{0,60}', told)
    if _is_empty(bare):
        assert green == []
    elif page in {"overview", "framework", "findings", "agents", "activity", "oversight"}:
        # Elsewhere a registry may have earned some: a control that holds, an import that adds up.
        assert green == []
    if page == "control" and (_is_empty(bare) or query["id"] == "OVR-03"):
        assert "Nothing was tested." in told
    for comfort in ("Every item was concluded", "names every exception"):
        assert comfort not in told or not _is_empty(bare)


def _is_empty(root: Path) -> bool:
    return root.parent.name.startswith("empty")


def test_bare_store_tests_what_it_can_and_says_what_is_missing(bare: Path) -> None:
    with open_store(bare) as store:
        assessed = load_dossier(store, store.records.assessments()[0]["id"]).assessment
    states = {one.control_id: one.state for one in assessed.controls}
    assert RequirementState.EVIDENCED not in {one.state for one in assessed.requirements}
    if _is_empty(bare):
        assert set(states.values()) == {State.NOT_TESTED}
        return
    assert State.PASS not in states.values()
    assert {states[key] for key in ("OVR-03", "POL-01", "AUD-01")} == {State.NOT_TESTED}
    open_ = {one.control_id: one for one in assessed.controls if one.state is State.UNDETERMINED}
    assert {"BND-01", "LIF-01", "LIF-03", "OWN-03", "RSK-01"} <= open_.keys()
    assert all("Missing: " in one.state_reason for one in open_.values())
    owners = next(one for one in assessed.controls if one.control_id == "OWN-01")
    assert (owners.state, owners.population, owners.exceptions) == (State.FAIL, 2, 1)


def test_pack_of_a_bare_store_promises_nothing(bare: Path) -> None:
    with open_store(bare) as store:
        inputs = gather_inputs(store, choose_report("evidence_pack"), Asked())
    content = content_of(inputs, "0" * 64, manifest_of("MP-0", inputs.described(), inputs.files))
    html = render_html(inputs.folder, content, inputs.language)
    told = unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html)))
    if _is_empty(bare):
        assert "No control was tested. Of the others, 44 were not tested." in told
    else:
        assert "no boundary is on record (2)" in told
    assert "Not tested: the population of the period is empty." in told
    assert not re.search(r"[1-9]\d* evidenced", told)


@pytest.mark.soak
def test_pack_of_a_bare_store_is_printed(bare: Path, tmp_path: Path) -> None:
    with open_store(bare) as store:
        built = build_report(store, "evidence_pack", base_url="", out_dir=tmp_path)
    assert "Not tested" in text_of(built.pdf_path)
