"""Whether a table of columns is what its source map reads at all, told before any row is taken."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from muniment.catalog.sources import mappable_columns
from muniment.errors import InputError
from muniment.model.paths import IMPORT_TIME, MISSING, Path, Row, parse_path
from muniment.model.sources import SourceMap

_NAMES_SHOWN = 8


def check_header(file_name: str, header: Iterable[str], source: SourceMap) -> None:
    """Raise InputError where no column of the map can be read from a table with this header."""
    names = dict.fromkeys(header, "")
    wanted = [path for path in _paths(source) if path.start != IMPORT_TIME and path.steps]
    row = Row(names, None, names)
    # A column of objects shows its own name only, not what lies inside.
    if not wanted or any(
        str(path.steps[0]) in names or path.find(row) is not MISSING for path in wanted
    ):
        return
    raise InputError(
        f"`{file_name}` has none of the columns that source map `{source.id}` reads. Its header is "
        f"{_shown(names)}; the map reads {_shown(path.text for path in wanted)}. Choose the source "
        "map of its format with `--map`, or set `delimiter` in the map. Nothing was imported."
    )


def _paths(source: SourceMap) -> Iterator[Path]:
    for row_map in source.maps:
        if row_map.own_names is not None:
            for name in mappable_columns(row_map.record):
                yield parse_path(row_map.own_names + name)
        for field in row_map.columns.values():
            yield from map(parse_path, field.all_paths)


def _shown(names: Iterable[str]) -> str:
    each = [f"`{name[:40]}`" for name in names]
    more = f" and {len(each) - _NAMES_SHOWN:,} more" if len(each) > _NAMES_SHOWN else ""
    return ", ".join(each[:_NAMES_SHOWN]) + more
