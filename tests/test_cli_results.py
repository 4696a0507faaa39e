"""`muniment results`: a stored assessment read again, control by control and item by item."""

from __future__ import annotations

import json

import pytest

from muniment.cli.main import run
from tests.builders.demo_pack import DemoPack


def _document(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


def test_results_without_a_control_lists_every_control_with_its_counts(
    demo_pack: DemoPack, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["results", "--store", str(demo_pack.store), "--json"]) == 0
    document = _document(capsys)
    rows = {row["control"]: row for row in document["controls"]}  # type: ignore[attr-defined]
    assert rows["OVR-03"]["state"] == "fail"
    assert rows["OVR-03"]["exceptions"] > 0


def test_results_of_a_control_names_items_with_reason_and_evidence(
    demo_pack: DemoPack, capsys: pytest.CaptureFixture[str]
) -> None:
    store = str(demo_pack.store)
    assert run(["results", "ovr-03", "--store", store, "--json"]) == 0
    document = _document(capsys)
    (test,) = document["tests"]  # type: ignore[misc]
    failed = [item for item in test["items"] if item["outcome"] == "exception"]
    assert len(failed) == test["exceptions"] > 0
    assert all(item["reason"] and item["evidence"] and item["attributes"] for item in failed)
    assert run(["results", "OVR-03", "--store", store, "--items", "1"]) == 0
    said = capsys.readouterr().out
    assert "Approval came before execution" in said
    assert f"{len(test['items']) - 1} more items." in said


def test_results_of_an_unknown_control_names_those_that_there_are(
    demo_pack: DemoPack, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["results", "XYZ-99", "--store", str(demo_pack.store)]) == 3
    said = capsys.readouterr().err
    assert "`XYZ-99`" in said
    assert "OVR-03" in said
