"""JSON as evidence needs it: exact numbers, no silent repair, arrays larger than memory.

A number keeps its digits (Decimal). A field that stands twice in one object and NaN are errors,
since two readers would disagree on them. Half characters (`\\ud800`) are kept, so that the row that
holds them can be refused; a stream parser that turns them into `?` would alter evidence in silence.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Generator, Iterator
from decimal import Decimal, InvalidOperation
from typing import Any, TextIO

import jiter

from muniment.errors import InputError
from muniment.ingest.rows import MAX_ROW_BYTES

_CHUNK = 1 << 16
_SKIP_DEPTH = 3


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"the field `{twice[:60]}` stands twice in one object")
    return result


def _constant(text: str) -> Any:
    raise ValueError(f"`{text}` is not a JSON number")


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ValueError(f"`{text[:60]}` is too large a number") from None


_DECODER = json.JSONDecoder(
    parse_float=_decimal, parse_constant=_constant, object_pairs_hook=_object
)


# Refuses a field that stands twice and keeps a number's digits, as the decoder above does.
_parse_quickly = functools.partial(
    jiter.from_json,
    allow_inf_nan=False,
    cache_mode="keys",
    catch_duplicate_keys=True,
    float_mode="decimal",
)


def parse_json(text: str) -> Any:
    """The value of a JSON text; ValueError or RecursionError for what is not exact JSON."""
    try:
        return _parse_quickly(text.encode())
    except ValueError:  # the decoder says what is wrong, or keeps half a character
        return _DECODER.decode(text)


def parse_json_line(line: bytes) -> Any:
    """As `parse_json`, of UTF-8 bytes; UnicodeDecodeError where they are none."""
    try:
        return _parse_quickly(line)
    except ValueError:
        return _DECODER.decode(line.decode())


class JsonCursor:
    """A reader of one large JSON document that holds one element of its array at a time.

    Raises InputError, naming file and line, where the document is broken or ends in the middle, and
    where a single element is larger than 16 MiB.
    """

    def __init__(self, stream: TextIO, name: str) -> None:
        self._stream = stream
        self._name = name
        self._text = ""
        self._at = 0
        self._ended = False
        self._lines = 0

    def elements(self, names: tuple[str, ...], keep: dict[str, Any]) -> Generator[Any, None, bool]:
        """Elements of the array that is reached by `names`, in order; returns whether it is there.

        keep: names of top-level members to collect on the way; they are filled in place and
        complete once the last element was given. The document is
        read to its end, and checked to end there.
        """
        try:
            found = yield from self._array_at(names, keep, top=True)
            if self.peek():
                raise self._wrong("has more text after its end")
        except RecursionError as error:
            raise self._wrong("is nested too deeply") from error
        return found

    def whole(self) -> Any:
        """The only value of the document, held in memory as one row."""
        try:
            value = self._value()
        except RecursionError as error:
            raise self._wrong("is nested too deeply") from error
        if self.peek():
            raise self._wrong("has more text after its end")
        return value

    def outline(self, depth: int = 4) -> Any:
        """The document with the first element of each array only; deep parts are left out."""
        first = self.peek()
        if first == "[":
            items = []
            for number, _ in enumerate(self._items()):
                if number:
                    self._skip()
                else:
                    items.append(self.outline(depth - 1))
            return items
        if first == "{" and depth:
            return {key: self.outline(depth - 1) for key in self._members()}
        return self._value()

    def peek(self) -> str:
        """The next character that is no white space; empty at the end."""
        while True:
            size = len(self._text)
            while self._at < size and self._text[self._at] in " \t\n\r":
                self._at += 1
            if self._at < size:
                return self._text[self._at]
            if not self._fill():
                return ""

    def _array_at(
        self, names: tuple[str, ...], keep: dict[str, Any], *, top: bool = False
    ) -> Generator[Any, None, bool]:
        found = False
        if not names:
            if self.peek() != "[":
                self._skip()
                return False
            for _ in self._items():
                yield self._value()
            return True
        if self.peek() != "{":
            self._skip()
            return False
        for key in self._members():
            if key == names[0] and not found:
                found = yield from self._array_at(names[1:], keep)
            elif top and key in keep:
                keep[key] = self._value()
            else:
                self._skip()
        return found

    def _items(self) -> Iterator[None]:
        """Stand before each element of the array in turn; the caller reads it."""
        self._take("[")
        if self.peek() == "]":
            self._take("]")
            return
        while True:
            yield
            if self.peek() != ",":
                self._take("]")
                return
            self._take(",")

    def _members(self) -> Iterator[str]:
        """Stand before each member's value in turn; gives its name."""
        self._take("{")
        seen: set[str] = set()
        while self.peek() != "}" or seen:
            key = self._value()
            if not isinstance(key, str) or key in seen:
                raise self._wrong(f"has no new field name at `{str(key)[:60]}`")
            seen.add(key)
            self._take(":")
            yield key
            if self.peek() != ",":
                break
            self._take(",")
        self._take("}")

    def _skip(self, depth: int = _SKIP_DEPTH) -> None:
        first = self.peek()
        if first == "[" and depth:
            for _ in self._items():
                self._skip(depth - 1)
        elif first == "{" and depth:
            for _ in self._members():
                self._skip(depth - 1)
        else:
            self._value()

    def _value(self) -> Any:
        self.peek()
        while True:
            start = self._at
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                if not self._fill():
                    raise self._wrong(f"is not whole, valid JSON ({error.msg})") from error
                continue
            except ValueError as error:
                raise self._wrong(f"is not exact JSON: {error}") from error
            # A number near the end of what was read so far may go on, as in `1.5e-` `7`.
            if end + 4 > len(self._text) and self._fill():
                continue
            self._at += end - start
            return value

    def _take(self, character: str) -> None:
        found = self.peek()
        if found != character:
            what = f"has `{found}`" if found else "ends"
            raise self._wrong(f"{what} where `{character}` should stand")
        self._at += 1

    def _fill(self) -> bool:
        if self._ended:
            return False
        left = len(self._text) - self._at
        if left > MAX_ROW_BYTES:
            raise self._wrong("is not valid JSON from here on, or holds a row larger than 16 MiB")
        self._lines += self._text.count("\n", 0, self._at)
        more = self._stream.read(max(_CHUNK, left))
        self._text, self._at = self._text[self._at :] + more, 0
        self._ended = not more
        return bool(more)

    def _wrong(self, what: str) -> InputError:
        line = self._lines + self._text.count("\n", 0, self._at) + 1
        return InputError(
            f"`{self._name}` line {line} {what}. Nothing was imported. "
            "Fetch the file again: it may have been cut off or edited."
        )
