"""Files that can be made anew: written beside their place and renamed, never half there."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from muniment.errors import StoreError


@contextmanager
def renamed_into_place(path: Path) -> Iterator[Path]:
    """A temporary path for a file or folder, which takes its place when the block ends well.

    Another process may do the same at once: what lies there already wins, since both hold the same.
    Raises StoreError where the disk refuses.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        if temporary.is_dir() and path.exists():
            shutil.rmtree(temporary)
        else:
            os.replace(temporary, path)  # noqa: PTH105 - a folder too
    except OSError as error:
        raise StoreError(
            f"writing `{path}` failed: {error.strerror or error}. It can be made anew; free space "
            "or fix permissions, then repeat the command."
        ) from error
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            temporary.unlink(missing_ok=True)
