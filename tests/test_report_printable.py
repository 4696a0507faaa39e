"""Text on paper: nothing hidden, nothing that two machines would draw apart."""

import pytest

from muniment.reporting.imports import file_name
from muniment.reporting.printable import (
    brief,
    drawable,
    moment,
    number,
    printable,
    rate,
    share,
    short_item_id,
)
from muniment.reporting.words import CONTROL_MARKS, READINESS_MARKS, REQUIREMENT_MARKS


def test_every_sign_of_the_vocabulary_has_a_glyph() -> None:
    marks = [*CONTROL_MARKS.values(), *REQUIREMENT_MARKS.values(), *READINESS_MARKS.values()]
    signs = {mark.sign for mark in marks} | set("✓½▲○?…✘–◊◉▽→¶\N{MINUS SIGN}·")
    assert {sign for sign in signs if ord(sign) not in drawable()} == set()


def test_all_of_printable_ascii_is_drawn() -> None:
    assert {*range(32, 127)} <= drawable()


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("invoice\u202exslx", "invoice\\u{202E}xslx"),
        ("a\u0000b\u001bc", "a\\u{0000}b\\u{001B}c"),
        ("zero\u200bwidth", "zero\\u{200B}width"),
        ("\u05d0\u05d1", "\\u{05D0}\\u{05D1}"),
        ("\u6f22\U0001f680", "\\u{6F22}\\u{1F680}"),
        ("two\nlines\tand", "two lines and"),
        ("Zoë Ångström Łódź Ωμέγα Иван", "Zoë Ångström Łódź Ωμέγα Иван"),
    ],
)
def test_text_is_printed_as_what_it_is(text: str, printed: str) -> None:
    assert printable(text) == printed
    assert printable(printable(text)) == printed


def test_flood_of_combining_marks_is_stopped() -> None:
    assert printable("e" + "\u0301" * 50).count("\u0301") == 2


def test_long_text_is_cut_and_says_how_long_it_was() -> None:
    printed = printable("x" * 10_000, 300)
    assert printed.startswith("x" * 300 + " …")
    assert "10,000 characters" in printed
    assert brief("y" * 301, 300) == "y" * 300 + " …"


def test_numbers_and_times_read_as_the_tokens_say() -> None:
    assert number(1_234_567) == "1,234,567"
    assert number(-3) == "\N{MINUS SIGN}3"
    assert (share(14, 3862), share(0, 0)) == ("14 of 3,862", "–")
    assert (rate(14, 3862), rate(0, 0), rate(1, 1_000_000)) == ("0.36 %", "–", "< 0.01 %")
    assert moment("2026-11-20T18:04:00.000000000Z") == "2026-11-20 18:04:00 UTC"
    local = moment("2026-11-20T18:04:00.000000000Z", "Europe/Amsterdam", seconds=False)
    assert local == "2026-11-20 19:04 Europe/Amsterdam"
    assert moment(None) == "–"


def test_only_event_ids_are_shortened() -> None:
    assert short_item_id("995a2b58" + "0" * 16 + "96fad966") == "995a2b58…96fad966"
    assert short_item_id("invoice-matcher-with-a-long-name") == "invoice-matcher-with-a-long-name"


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("file:///srv/exports/gateway%202026-11.jsonl", "gateway 2026-11.jsonl"),
        ("C:\\exports\\spend.jsonl", "spend.jsonl"),
        ("/srv/100%25.csv", "100%25.csv"),
        ("https://user:secret@host/a/b.json?token=x", "b.json"),
        ("", "unnamed"),
    ],
)
def test_file_name_keeps_no_folder_and_no_secret(uri: str, name: str) -> None:
    assert file_name(uri) == name
