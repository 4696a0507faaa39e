"""Bad input at the command line: one clear sentence, an exit code, and a store as it was before."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from muniment.cli.main import run
from muniment.sealing.verify import verify_store
from muniment.store.open import open_store
from tests.builders.sources import events_of, json_lines

GOOD = {"id": "e1", "event_time": "2026-11-20T18:04:00Z", "agent_id": "bot"}
MAP = """id: mine
title: My log
reads: jsonl
source_class: gateway
maps:
  - record: event
    columns:
      agent_id: who
"""


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def _no_database_of_the_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MUNIMENT_DATABASE_URL", "MUNIMENT_STORE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def muniment(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    def call(*arguments: object) -> Ended:
        code = run([str(each) for each in arguments])
        said = capsys.readouterr()
        return Ended(code, said.out, said.err)

    return call


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store that holds one good event, and the file that it came from."""
    folder = tmp_path_factory.mktemp("filled")
    root, good = str(folder / "store"), json_lines(folder / "good.jsonl", GOOD)
    assert run(["init", "--store", root, "--organisation", "E", "--time-zone", "UTC"]) == 0
    command = ["ingest", str(good), "--source", "s", "--map", "gateway_jsonl", "--store", root]
    assert run(command) == 0
    return folder


@pytest.fixture
def root(tmp_path: Path, filled: Path) -> Path:
    """A store of one's own that holds one good event."""
    shutil.copytree(filled, tmp_path, dirs_exist_ok=True)
    return tmp_path / "store"


def check_one_sentence(ended: Ended, *parts: str) -> None:
    """One line on stderr that names the place and what to do, and nothing on stdout."""
    assert ended.code in (2, 3), ended
    assert ended.out == ""
    assert ended.err.startswith("muniment: ")
    assert ended.err.count("\n") == 1
    assert "Traceback" not in ended.err
    for part in parts:
        assert part in ended.err


def check_untouched(root: Path) -> None:
    with open_store(root) as store:
        assert [event["event_id"] for event in events_of(store)] != []
        assert len(events_of(store)) == 1
        assert [batch["status"] for batch in store.records.batches()] == ["done"]
        assert not list(store.layout.batches.glob("*"))
        assert verify_store(store, deep=True).ok


def a2a_cut(folder: Path) -> Path:
    path = folder / "card.json"
    path.write_text('{"name": "n", "version": "1", "skills": [{"id": ')
    return path


def csv_latin(folder: Path) -> Path:
    path = folder / "people.csv"
    path.write_bytes("person_id,name\nbo,Bjørn\n".encode("cp1252"))
    return path


def csv_utf16(folder: Path) -> Path:
    path = folder / "people16.csv"
    path.write_bytes("person_id,name\nbo,Bo\n".encode("utf-16"))
    return path


def csv_stranger(folder: Path) -> Path:
    path = folder / "invoices.csv"
    path.write_text("invoice,total\n1,2\n")
    return path


def csv_open_quote(folder: Path) -> Path:
    path = folder / "quote.csv"
    path.write_text('person_id,name\nbo,"Bo\nal,Al\n')
    return path


def parquet_cut(folder: Path) -> Path:
    path = folder / "rows.parquet"
    path.write_bytes(b"PAR1" + b"\x00" * 40)
    return path


def folder_itself(folder: Path) -> Path:
    path = folder / "logs"
    path.mkdir()
    return path


def empty_file(folder: Path) -> Path:
    path = folder / "nothing.jsonl"
    path.touch()
    return path


def absent_file(folder: Path) -> Path:
    return folder / "absent.jsonl"


BAD_FILES: list[tuple[Callable[[Path], Path], str | None, str]] = [
    (a2a_cut, "a2a_agent_card", "Fetch the file again"),
    (a2a_cut, None, "Name one with `--map`"),
    (csv_latin, "people_csv", "Save it as UTF-8"),
    (csv_utf16, "people_csv", "Save it as UTF-8"),
    (csv_stranger, "people_csv", "Choose the source map"),
    (csv_stranger, None, "Name one with `--map`"),
    (csv_open_quote, "people_csv", "Look for a quote"),
    (parquet_cut, None, "Fetch it again"),
    (folder_itself, "gateway_jsonl", "Name the files inside it"),
    (empty_file, "gateway_jsonl", "Export it again"),
    (absent_file, "gateway_jsonl", "Check the path"),
]


@pytest.mark.parametrize(("make", "chosen", "remedy"), BAD_FILES)
def test_ingest_bad_file_is_one_sentence_and_leaves_the_store_as_it_was(
    root: Path,
    muniment: Callable[..., Ended],
    make: Callable[[Path], Path],
    chosen: str | None,
    remedy: str,
) -> None:
    path = make(root.parent)
    named = ("--map", chosen) if chosen else ()
    ended = muniment("ingest", path, "--source", "s", "--store", root, *named)
    check_one_sentence(ended, path.name, remedy)
    assert ended.code == 2
    check_untouched(root)


def test_ingest_unknown_map_lists_the_known_ones(
    root: Path, tmp_path: Path, muniment: Callable[..., Ended]
) -> None:
    good = tmp_path / "good.jsonl"
    ended = muniment("ingest", good, "--source", "s", "--map", "gatway", "--store", root)
    check_one_sentence(ended, "`gatway`", "gateway_jsonl")
    assert ended.code == 3
    check_untouched(root)


WRONG_MAPS = [
    (MAP.replace("agent_id: who", "agent_idd: who"), "line 8", "Did you mean `agent_id`"),
    (MAP.replace("agent_id: who", "agent_idd: who"), "line 8", "muniment sources columns event"),
    (MAP.replace("reads: jsonl", "raeds: jsonl"), "line 3", "Did you mean `reads`"),
    (MAP.replace("reads: jsonl", "raeds: jsonl"), "line 3", "Use one of: delimiter, encoding"),
    (
        MAP.replace("agent_id: who", "agent_id: on"),
        "line 8",
        "YAML reads what stands here as `true`",
    ),
    (
        MAP.replace("agent_id: who", "outcome: {path: a, values: {off: denied}}"),
        "line 8",
        "in quotes",
    ),
    (MAP.replace("who", "'a..b'"), "line 8", "docs/sources.md"),
    (MAP + "   broken: [", "line 9", "not valid YAML"),
    ("", "mine.yaml", ""),
]


@pytest.mark.parametrize(("content", "place", "remedy"), WRONG_MAPS)
def test_ingest_wrong_map_file_is_one_sentence_with_line_and_nearest_name(
    root: Path, muniment: Callable[..., Ended], content: str, place: str, remedy: str
) -> None:
    chosen = root.parent / "mine.yaml"
    chosen.write_text(content)
    good = root.parent / "good.jsonl"
    ended = muniment("ingest", good, "--source", "s", "--map", chosen, "--store", root)
    check_one_sentence(ended, "mine.yaml", place, remedy)
    assert ended.code == 2
    check_untouched(root)


def test_ingest_absent_map_file_is_one_sentence(
    root: Path, tmp_path: Path, muniment: Callable[..., Ended]
) -> None:
    good, chosen = tmp_path / "good.jsonl", tmp_path / "absent.yaml"
    ended = muniment("ingest", good, "--source", "s", "--map", chosen, "--store", root)
    check_one_sentence(ended, "absent.yaml")
    check_untouched(root)


def test_ingest_reserved_source_name_is_usage(
    root: Path, tmp_path: Path, muniment: Callable[..., Ended]
) -> None:
    good = tmp_path / "good.jsonl"
    ended = muniment("ingest", good, "--source", "muniment", "--map", "gateway_jsonl",
                     "--store", root)  # fmt: skip
    check_one_sentence(ended, "source id `muniment`", "short name")
    assert ended.code == 3
    check_untouched(root)


@pytest.mark.parametrize("content", [None, "", "format_version = 'x", "format_version = '99'\n"])
def test_ingest_into_what_is_no_store_makes_nothing(
    tmp_path: Path, muniment: Callable[..., Ended], content: str | None
) -> None:
    root = tmp_path / "no-store"
    root.mkdir()
    if content is not None:
        (root / "muniment.toml").write_text(content)
    before = sorted(root.rglob("*"))
    good = json_lines(tmp_path / "good.jsonl", GOOD)
    ended = muniment("ingest", good, "--source", "s", "--map", "gateway_jsonl", "--store", root)
    check_one_sentence(ended, "no-store")
    assert sorted(root.rglob("*")) == before


def test_database_out_of_reach_is_one_sentence_without_password(
    tmp_path: Path, muniment: Callable[..., Ended]
) -> None:
    pytest.importorskip("psycopg", reason="no PostgreSQL driver: install psycopg")
    root = tmp_path / "store"
    url = "postgresql://clerk:hush-hush@127.0.0.1:1/muniment"
    ended = muniment("init", "--store", root, "--organisation", "E", "--time-zone", "UTC",
                     "--database", url)  # fmt: skip
    check_one_sentence(ended, "127.0.0.1:1")
    assert "hush-hush" not in ended.err
    assert ended.code == 2
    assert not (root / "muniment.toml").exists()


def test_ingest_with_its_database_out_of_reach_is_one_sentence(
    root: Path, tmp_path: Path, muniment: Callable[..., Ended]
) -> None:
    pytest.importorskip("psycopg", reason="no PostgreSQL driver: install psycopg")
    config = root / "muniment.toml"
    kept = config.read_text()
    assert 'database = "sqlite"' in kept
    config.write_text(kept.replace('"sqlite"', '"postgresql://clerk@127.0.0.1:1/m"'))
    good = tmp_path / "good.jsonl"
    ended = muniment("ingest", good, "--source", "s", "--map", "gateway_jsonl", "--store", root)
    check_one_sentence(ended, "127.0.0.1:1")
    config.write_text(kept)
    check_untouched(root)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MiB; skips where this user may not mount one."""
    place, mount = tmp_path / "disk", shutil.which("mount")
    place.mkdir()
    options = ["-t", "tmpfs", "-o", "size=3m", "tmpfs", str(place)]
    if mount is None or os.geteuid() or subprocess.run([mount, *options], check=False).returncode:
        pytest.skip("no small disk: mounting tmpfs needs root")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_ingest_on_a_full_disk_keeps_what_was_acknowledged_and_completes_later(
    small_disk: Path, tmp_path: Path, muniment: Callable[..., Ended]
) -> None:
    root = small_disk / "store"
    muniment("init", "--store", root, "--organisation", "E", "--time-zone", "UTC")
    rows = [GOOD | {"id": n, "input_sanitised": f"{n}" * 300} for n in range(12_000)]
    path = json_lines(tmp_path / "big.jsonl", *rows)
    command = ("ingest", path, "--source", "s", "--map", "gateway_jsonl", "--store", root)
    check_one_sentence(muniment(*command), str(root), "Free space")
    subprocess.run(["mount", "-o", "remount,size=200m", str(small_disk)], check=True)
    with open_store(root) as store:
        assert verify_store(store, deep=True).ok
    assert muniment(*command).code == 0
    with open_store(root) as store:
        assert len(events_of(store)) == 12_000
        assert verify_store(store, deep=True).ok
        assert {batch["status"] for batch in store.records.batches()} <= {
            "failed", "interrupted", "done",
        }  # fmt: skip


def test_ingest_json_is_one_document_with_counts_that_add_up(
    root: Path, tmp_path: Path, muniment: Callable[..., Ended]
) -> None:
    path = json_lines(
        tmp_path / "more.jsonl", GOOD, GOOD | {"id": "e2"}, {"id": "e3", "executed": 7}
    )
    ended = muniment("ingest", path, path, "--source", "s", "--map", "gateway_jsonl",
                     "--store", root, "--json")  # fmt: skip
    assert (ended.code, ended.err) == (0, "")
    batches: list[dict[str, Any]] = json.loads(ended.out)["batches"]
    names = ("file", "source_id", "source_map", "read", "imported", "rejected", "duplicate",
             "superseding")  # fmt: skip
    assert [tuple(one[name] for name in names) for one in batches] == [
        (str(path), "s", "gateway_jsonl", 3, 1, 1, 1, 0),
        (str(path), "s", "gateway_jsonl", 3, 0, 1, 2, 0),
    ]
    assert batches[0]["reject_reasons"] == {"executed: not true or false": 1}
    assert Path(batches[0]["rejects_file"]).is_file()
    assert batches[0]["min_event_time"] == "2026-11-20T18:04:00.000000000Z"
    assert batches[0]["batch_id"] != batches[1]["batch_id"]


def test_ingest_json_of_a_bad_file_is_one_document_with_the_same_sentence(
    root: Path, tmp_path: Path, muniment: Callable[..., Ended]
) -> None:
    path = empty_file(tmp_path)
    ended = muniment("ingest", path, "--source", "s", "--store", root, "--json")
    assert ended.code == 2
    assert ended.err == f"muniment: {json.loads(ended.out)['error']}\n"
    check_untouched(root)
