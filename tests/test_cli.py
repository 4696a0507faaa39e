"""The commands as a newcomer types them: exit codes, JSON, and the way from files to a pack."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from muniment.cli.main import run
from muniment.cli.output import _line
from muniment.jobs.assess import make_clock
from muniment.model.times import local_day
from muniment.store.open import open_store
from tests.builders.demo_pack import DemoPack
from tests.builders.records import agent, put

POLICY = "Policy 3.1, approved by the board."


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    """The exit code and the one JSON document of a command."""
    capsys.readouterr()
    code = run([*arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


@pytest.fixture
def place(tmp_path: Path, empty_sqlite: Path) -> str:
    """The folder of an empty store."""
    return str(shutil.copytree(empty_sqlite, tmp_path / "store"))


def test_init_makes_a_store_that_status_reads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = str(tmp_path / "store")
    code = run(["init", "--organisation", "Example", "--time-zone", "UTC", "--store", place])
    assert code == 0
    code, document = said(capsys, "status", "--store", place)
    assert (code, document["unsealed_entries"]) == (0, 1)


def test_command_unknown_ends_with_usage_and_not_with_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["nonsense"]) == 3
    assert "No such command 'nonsense'" in capsys.readouterr().err


def test_option_unknown_or_missing_ends_with_usage(tmp_path: Path) -> None:
    assert run(["init", "--store", str(tmp_path / "s")]) == 3
    assert run(["status", "--nonsense"]) == 3
    assert not (tmp_path / "s").exists()


def test_init_with_unknown_time_zone_makes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = str(tmp_path / "s")
    code = run(["init", "--organisation", "E", "--time-zone", "Mars/Base", "--store", place])
    assert code == 3
    assert "`Mars/Base` is unknown" in capsys.readouterr().err
    assert not (tmp_path / "s").exists()


def test_status_of_no_store_says_how_to_make_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["status", "--store", str(tmp_path)]) == 2
    assert "muniment init" in capsys.readouterr().err


def test_empty_store_is_not_tested_everywhere(
    place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, document = said(capsys, "assess", "--store", place)
    states = {row["control"]: row["state"] for row in document["controls"]}
    assert code == 2
    assert set(states.values()) == {"not_tested"}
    assert {row["state"] for row in document["requirements"]}.isdisjoint({"evidenced"})


def test_registry_alone_tests_owners_and_names_what_is_missing(
    place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (tmp_path / "agents.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["agent_id", "name", "lifecycle_status", "valid_from"])
        writer.writerow(["a-1", "Matcher", "active", "2026-01-01T00:00:00Z"])
    code = run(["ingest", str(tmp_path / "agents.csv"), "--source", "registry", "--map",
                "registry_csv", "--store", place])  # fmt: skip
    assert code == 0
    _, document = said(capsys, "assess", "--store", place)
    owners = next(row for row in document["controls"] if row["control"] == "OWN-01")
    assert (owners["state"], owners["population"], owners["undetermined"]) == ("undetermined", 1, 1)
    assert "owner_ref" in owners["why"]


def test_attestation_makes_its_control_attested_and_keeps_the_file(
    place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "policy.txt").write_text(POLICY)
    code, document = said(
        capsys, "attest", "GOV-01", "--statement", "Approved", "--evidence",
        str(tmp_path / "policy.txt"), "--by", "chair@example.org", "--store", place,
    )  # fmt: skip
    assert code == 0
    kept = Path(place) / "evidence_files" / document["evidence_sha256"]
    assert kept.read_text() == POLICY
    _, document = said(capsys, "assess", "--store", place)
    state = next(row["state"] for row in document["controls"] if row["control"] == "GOV-01")
    assert state == "attested"


def test_attest_refuses_a_control_that_data_decides(
    place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run(["attest", "OVR-03", "--statement", "x", "--evidence", "y", "--store", place])
    assert code == 3
    assert "tested from data, not attested" in capsys.readouterr().err


def test_attest_with_an_empty_file_is_refused_and_records_nothing(
    place: str, tmp_path: Path
) -> None:
    (tmp_path / "empty.txt").touch()
    code = run(["attest", "GOV-01", "--statement", "x", "--evidence", str(tmp_path / "empty.txt"),
                "--store", place])  # fmt: skip
    assert code == 2
    with open_store(Path(place)) as store:
        assert store.records.all_rows("attestation") == []


def test_clock_of_now_knows_every_record_written_before_it(place: str) -> None:
    with open_store(Path(place)) as store:
        put(store, "agent", agent())
        clock = make_clock(store, as_of=None, known_at="2199-01-01", days=90)
        assert clock.known_at < "2199"
        assert [row["agent_id"] for row in store.records.history("agent", clock.known_at)]
        put(store, "agent", agent(agent_id="later"))
        later = [row["agent_id"] for row in store.records.history("agent", clock.known_at)]
    assert later == ["billing-bot"]


def test_last_nanosecond_of_a_day_belongs_to_that_day() -> None:
    assert local_day("2026-11-20T22:59:59.999999999Z", "Europe/Copenhagen") == "2026-11-20"
    assert local_day("2026-11-20T23:00:00.000000000Z", "Europe/Copenhagen") == "2026-11-21"


def test_hostile_name_reaches_the_terminal_as_visible_text() -> None:
    assert _line("ev\x1b]0;pwn\x07il\nrow\u202e") == "ev\\x1b]0;pwn\\x07il\\nrow\\u202e"


def test_assess_of_the_future_is_refused(place: str) -> None:
    assert run(["assess", "--as-of", "2199-01-01", "--store", place]) == 3


def test_demo_fails_controls_and_its_store_verifies(
    demo_pack: DemoPack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = str(shutil.copytree(demo_pack.store, tmp_path / "store"))
    code, document = said(capsys, "status", "--verify", "--store", place)
    assert code == 0
    assert document["verification"]["ok"]
    assert document["unsealed_entries"] == 0
    code, document = said(capsys, "assess", "--as-of", "2026-11-20T18:00Z", "--store", place)
    assert code == 1
    assert len(demo_pack.failing) > 20
    assert demo_pack.failing <= {
        row["control"] for row in document["controls"] if row["state"] == "fail"
    }


def test_command_starts_without_what_only_other_commands_need() -> None:
    heavy = {"openpyxl", "pandas", "sqlglot", "weasyprint", "muniment.evaluation.engine"}
    program = f"import sys, muniment.cli.main; print({heavy!r} & sys.modules.keys())"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout == "set()\n", done.stderr


def test_demo_into_a_used_folder_is_refused_and_touches_nothing(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    assert run(["demo", str(tmp_path)]) == 3
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_edited_segment_ends_status_with_broken_evidence(
    place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "policy.txt").write_text(POLICY)
    run(["attest", "GOV-01", "--statement", "x", "--evidence", str(tmp_path / "policy.txt"),
         "--store", place])  # fmt: skip
    segment = next(Path(place).rglob("seg-*.parquet"))
    content = bytearray(segment.read_bytes())
    content[len(content) // 2] ^= 1
    segment.write_bytes(content)
    code, document = said(capsys, "status", "--verify", "--store", place)
    assert code == 4
    assert not document["verification"]["ok"]
