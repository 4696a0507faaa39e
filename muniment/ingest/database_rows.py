"""Rows of a database table, read in place: page by page in one order, from where it was left.

Only the columns that the map reads are fetched, so that a table's megabytes of payload stay where
they are. A page follows the last by the values it ended with (keyset paging), which costs the same
at the end of a table as at its start. Rows that share those values are never parted by a page's
end, so none is lost where they are not unique.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    URL,
    Column,
    ColumnElement,
    Connection,
    DateTime,
    Engine,
    MetaData,
    Table,
    and_,
    create_engine,
    inspect,
    literal,
    make_url,
    null,
    or_,
    select,
    tuple_,
)
from sqlalchemy.exc import ArgumentError, NoSuchTableError, SQLAlchemyError
from sqlalchemy.pool import NullPool
from sqlalchemy.types import NullType

from muniment.catalog.sources import mappable_columns
from muniment.errors import InputError, UsageError
from muniment.ingest.fields import path_of
from muniment.ingest.json_text import parse_json
from muniment.ingest.readers import plain
from muniment.model.sources import SourceMap

PAGE_ROWS = 5_000
PAGE_BYTES = 32 << 20  # logs of prompts hold rows of megabytes
CONNECT_SECONDS = 10
_SECRET_KEYS = ("password", "passfile", "sslpassword", "sslkey")
_DRIVERS = {
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "sqlite": "sqlite",
}
Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """Rows in order, and the values that the last of them ended with."""

    rows: list[dict[str, Any]]
    ended: Key


class DatabaseTable:
    """A table (or view) of another system, opened for reading only.

    Raises InputError, which never repeats a password, where the database cannot be reached, the
    table is not there, or nothing orders its rows.
    """

    def __init__(
        self, address: str, table: str, source: SourceMap, order_by: Sequence[str]
    ) -> None:
        url = _url(address)
        self._secrets = _secrets(url)
        self.place = without_password(url)
        self.name = table
        self._engine = _engine(url)
        with self._explained():
            self._table = _reflected(self._engine, table)
        self.order_by = tuple(order_by) or _primary_key(self._engine, self._table)
        self._order = [self._column(name) for name in self.order_by]
        self._fetched = _wanted(source, self._table, self.order_by)

    def close(self) -> None:
        """Give the connection back."""
        self._engine.dispose()

    @property
    def columns(self) -> list[str]:
        """The columns that are fetched."""
        return [column.name for column in self._fetched]

    def pages(
        self,
        after: Key | None = None,
        *,
        overlap: timedelta = timedelta(),
        since: str | None = None,
    ) -> Iterator[Page]:
        """Pages from behind `after` on; the time before it that `overlap` names is read again.

        since: where reading begins while there is no `after`, if the first column is a time. SQLite
        has no times, only texts: there `since` compares as text, and nothing is read again.
        """
        start, strictly = self._start(after, overlap, since)
        with self._explained(), self._engine.connect() as connection:
            while True:
                rows, full = self._page(connection, start, strictly=strictly)
                if not rows:
                    return
                whole = self._whole_groups(rows) if full else rows
                start, strictly = self._key(whole[-1]), True
                yield Page([self._plain(row) for row in whole], start)
                if not full:
                    return

    def unordered(self) -> Iterator[dict[str, Any]]:
        """Rows with no value in a column that orders them: no page holds them."""
        wanted = or_(*(column.is_(null()) for column in self._order))
        with self._explained(), self._engine.connect() as connection:
            for row in connection.execute(select(*self._fetched).where(wanted)).yield_per(1_000):
                yield self._plain(dict(row._mapping))

    def _start(
        self, after: Key | None, overlap: timedelta, since: str | None
    ) -> tuple[Key | None, bool]:
        """From which values to go on: behind the last ones, or again a while before them."""
        if after is not None:
            again = overlap and isinstance(after[0], datetime)
            return ((after[0] - overlap,), False) if again else (after, True)
        if since is None:
            return None, True
        kind = self._order[0].type
        if isinstance(kind, NullType):
            return (since,), False
        if not isinstance(kind, DateTime):
            raise UsageError(f"`{self.order_by[0]}` is no time, so --since says nothing of it.")
        return (_moment_of(since, aware=bool(kind.timezone)),), False

    def _page(
        self, connection: Connection, start: Key | None, *, strictly: bool
    ) -> tuple[list[dict[str, Any]], bool]:
        """The next rows, and whether more may follow: a page ends by its rows or by its bytes."""
        bounds: list[ColumnElement[bool]] = [column.is_not(null()) for column in self._order]
        if start is not None:
            columns = self._order[: len(start)]
            values = [literal(v, c.type) for v, c in zip(start, columns, strict=True)]
            left, right = tuple_(*columns), tuple_(*values)
            bounds.append(left > right if strictly else left >= right)
        query = select(*self._fetched).where(and_(*bounds)).order_by(*self._order).limit(PAGE_ROWS)
        rows: list[dict[str, Any]] = []
        size = 0
        streamed = connection.execution_options(stream_results=True, max_row_buffer=200)
        with streamed.execute(query) as result:
            for row in result:
                rows.append(dict(row._mapping))
                size += sum(_size(value) for value in row)
                if size >= PAGE_BYTES:
                    return rows, True
        return rows, len(rows) >= PAGE_ROWS

    def _whole_groups(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The rows without the last group of equal values, which may go on behind the page."""
        last = self._key(rows[-1])
        kept = [row for row in rows if self._key(row) != last]
        if not kept:
            raise InputError(
                f"`{self.name}` of `{self.place}`: {len(rows):,} rows or more share their "
                f"{', '.join(f'`{n}`' for n in self.order_by)}. Name a further column to order by."
            )
        return kept

    def _key(self, row: dict[str, Any]) -> Key:
        return tuple(row[name] for name in self.order_by)

    def _plain(self, row: dict[str, Any]) -> dict[str, Any]:
        return {name: _value(value) for name, value in row.items()}

    def _column(self, name: str) -> Column[Any]:
        if name not in self._table.c:
            raise InputError(
                f"`{self.name}` of `{self.place}` has no column `{name}`. It has "
                f"{', '.join(f'`{each.name}`' for each in list(self._table.c)[:12])}."
            )
        return self._table.c[name]

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except NoSuchTableError as error:
            raise InputError(
                f"`{self.place}` has no table `{self.name}`. Write its name as the database has "
                "it, with the schema before it where it is not the usual one."
            ) from error
        except SQLAlchemyError as error:
            reason = " ".join(str(getattr(error, "orig", None) or error).split())[:300]
            for secret in self._secrets:
                reason = reason.replace(secret, "***")
            raise InputError(
                f"`{self.place}` cannot be read: {reason}. Check the address, and that this user "
                "may read the table. What was imported so far is kept."
            ) from None


def without_password(url: URL) -> str:
    """The address as it may be stored and printed."""
    public = URL.create(
        url.get_backend_name(), url.username, None, url.host, url.port, url.database, url.query
    )
    return public.difference_update_query(_SECRET_KEYS).render_as_string(hide_password=False)


def _url(address: str) -> URL:
    try:
        url = make_url(address)
        driver = _DRIVERS.get(url.get_backend_name())
    except ArgumentError:
        driver = None
    if driver is None:
        raise UsageError(
            "the database address is neither of PostgreSQL nor of SQLite. Write it as "
            "`postgresql://user@host:5432/database` or `sqlite:///file.db`."
        )
    return url.set(drivername=driver)


def _secrets(url: URL) -> tuple[str, ...]:
    given = [url.password, *(url.query.get(key) for key in _SECRET_KEYS)]
    return tuple(str(each) for each in given if each)


def _engine(url: URL) -> Engine:
    """An engine that cannot write: the source is somebody else's."""
    if url.get_backend_name() == "sqlite":
        url = url.set(database=f"file:{url.database}").update_query_dict(
            {"mode": "ro", "uri": "true"}
        )
        return create_engine(url, poolclass=NullPool, json_deserializer=_json)
    return create_engine(
        url, poolclass=NullPool, json_deserializer=_json,
        connect_args={"connect_timeout": CONNECT_SECONDS},
        execution_options={"postgresql_readonly": True},
    )  # fmt: skip


def _json(data: str | bytes) -> Any:
    """JSON with exact numbers, as the driver gives it."""
    return parse_json(data if isinstance(data, str) else data.decode("utf-8"))


def _reflected(engine: Engine, name: str) -> Table:
    schema, _, plain_name = name.rpartition(".")
    if inspect(engine).has_table(name):
        schema, plain_name = "", name
    table = Table(plain_name, MetaData(), schema=schema or None, autoload_with=engine)
    if engine.dialect.name == "sqlite":
        # Its times are texts in any spelling: only the stored text compares with another.
        for column in table.c:
            column.type = NullType()
    return table


def _primary_key(engine: Engine, table: Table) -> tuple[str, ...]:
    found = inspect(engine).get_pk_constraint(table.name, schema=table.schema)
    names = tuple(found.get("constrained_columns") or ())
    if not names:
        raise InputError(
            f"`{table.name}` has no primary key. Say with --order-by which columns tell older rows "
            "from newer ones, e.g. the time and the id."
        )
    return names


def _wanted(source: SourceMap, table: Table, order_by: tuple[str, ...]) -> list[Column[Any]]:
    """The columns that the map reads, and those that order the rows."""
    names: set[str] = {name.partition(".")[0] for name in source.json_texts}
    own: set[str] = set()
    paths: list[str] = []
    for row_map in source.maps:
        fields = [*row_map.columns.values(), *([row_map.valid_from] if row_map.valid_from else [])]
        paths += [path for field in fields for path in (*field.all_paths, *field.masked_by)]
        paths += [each.path for each in row_map.where] + [each.path for each in row_map.require]
        paths += row_map.natural_key
        if row_map.own_names is not None:
            own |= {
                f"{row_map.own_names}{n}".partition(".")[0]
                for n in mappable_columns(row_map.record)
            }
    parsed = [path_of(path) for path in paths]
    names |= {str(path.steps[0]) for path in parsed if path.steps}
    everything = any(path.start == "$" and not path.steps for path in parsed)
    chosen = [c for c in table.c if everything or c.name in names | own]
    if not chosen:
        raise InputError(
            f"`{table.name}` has none of the columns that source map `{source.id}` reads. It has "
            f"{', '.join(f'`{c.name}`' for c in list(table.c)[:12])}. Name another with `--map`."
        )
    return chosen + [table.c[n] for n in order_by if n in table.c and table.c[n] not in chosen]


def _value(value: Any) -> Any:
    """A value of the database as parsed JSON would have it; exact, and no binary fraction."""
    if isinstance(value, (str, int, bool, Decimal)) or value is None:
        return value if not isinstance(value, Decimal) or value.is_finite() else None
    if isinstance(value, timedelta):
        return Decimal(value // timedelta(microseconds=1)) / 1_000_000
    if isinstance(value, (dict, list, float, datetime, date, time, bytes)):
        return plain(value)
    if isinstance(value, memoryview):
        return bytes(value).hex()
    return str(value)  # a UUID, an address, a range


def as_text(value: Any) -> list[str]:
    """A value that ended a page, as it can be kept."""
    for kind, name in ((bool, "bool"), (int, "int"), (datetime, "datetime"), (date, "date")):
        if isinstance(value, kind):
            return [name, value.isoformat() if isinstance(value, date) else str(int(value))]
    if isinstance(value, (Decimal, UUID)):
        return [type(value).__name__.lower(), str(value)]
    return ["str", str(value)]


_READS: dict[str, Callable[[str], Any]] = {
    "bool": lambda text: text == "1", "int": int, "datetime": datetime.fromisoformat,
    "date": date.fromisoformat, "decimal": Decimal, "uuid": UUID, "str": str,
}  # fmt: skip


def of_text(kept: list[str]) -> Any:
    """The value again."""
    kind, text = kept
    return _READS[kind](text)


def _moment_of(text: str, *, aware: bool) -> datetime:
    """A bound that a person wrote, UTC unless it says otherwise."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            f"`{text[:40]}` is no time. Write it like 2026-11-20T18:00:00Z."
        ) from error
    stated = found if found.tzinfo else found.replace(tzinfo=UTC)
    return stated if aware else stated.astimezone(UTC).replace(tzinfo=None)


def _size(value: Any) -> int:
    """About how many bytes a value takes; payloads are texts, bytes or parsed JSON."""
    if isinstance(value, (str, bytes)):
        return len(value)
    return len(str(value)) if isinstance(value, (dict, list)) else 8
