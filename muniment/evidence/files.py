"""Writing a file in one step: complete under its name, or not there at all."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

from muniment.errors import MunimentError


def sha256(content: bytes) -> str:
    """SHA-256 of the bytes, as 64 lower-case hex digits."""
    return hashlib.sha256(content).hexdigest()


def write_in_one_step(path: Path, content: bytes, *, error: type[MunimentError], what: str) -> None:
    """Write to a temporary name beside `path`, sync it, and rename it over `path`.

    error: raised, with `what` named, when the folder cannot be written or the disk is full; the
    file that stood there before is then still whole.
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".incoming-")
        temporary = Path(name)
        with os.fdopen(handle, "wb") as target:
            target.write(content)
            target.flush()
            os.fsync(target.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as problem:
        raise error(
            f"{what} could not be written to `{path}`: {problem.strerror or problem}. "
            "Free space or fix permissions, then try again."
        ) from problem
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
