"""Anchors: places out of the operator's reach to which each checkpoint is copied.

A verifier who reads the copies there needs to trust neither the store nor its clock. Three kinds:

folder:PATH   a folder that can be added to and not changed (write-once storage, another machine's
              share): one file per checkpoint, never written over
git:PATH      a git repository's work tree: one commit per checkpoint; push it where others pull
tsa:URL       a time-stamp authority (RFC 3161); its answer lies in the store (`timestamps.py`)

The first two keep `<log>/<size>.note`. anchors.toml in the store names them:
`anchors = ["folder:/mnt/worm", "git:/srv/anchors"]`.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path

from muniment.errors import EvidenceBrokenError, StoreError, UsageError
from muniment.integrity.checkpoints import Checkpoint, read_checkpoint
from muniment.model.times import now
from muniment.sealing.disk import replace_durably, write_temporary
from muniment.sealing.timestamps import TSA, request_stamp
from muniment.store.checkpoint_files import Receipt, read_checkpoint_file
from muniment.store.layout import StoreLayout

FOLDER, GIT = "folder", "git"
_GIT_SECONDS = 60
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,200}")


@dataclass(frozen=True, slots=True)
class Anchor:
    """One place. `place` is the path as it was given."""

    kind: str
    place: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.place}"

    def keep(self, checkpoint: Checkpoint) -> Receipt:
        """Copy a checkpoint there and say so; StoreError where that cannot be done.

        A copy that is there already is left; EvidenceBrokenError where it is another head.
        """
        if self.kind == TSA:
            token, stamp = request_stamp(self.place, checkpoint)
            return Receipt(self.kind, self.place, checkpoint.size, token, now(), stamp)
        _copies(self, checkpoint.origin)
        if self.kind == GIT:
            _need_repository(Path(self.place))
        path = _folder_of(self, checkpoint.origin) / f"{checkpoint.size:010d}.note"
        try:
            token = _add(path, checkpoint)
            if self.kind == GIT:
                token = _commit(Path(self.place), path, checkpoint)
        except OSError as error:
            raise StoreError(
                f"the anchor `{self}` cannot be written: {error.strerror or error}. The checkpoint "
                "is signed and kept; mend the anchor, then run `muniment seal` again."
            ) from error
        return Receipt(self.kind, self.place, checkpoint.size, token, now())


def read_anchor(text: str) -> Anchor:
    """The anchor that `folder:PATH`, `git:PATH` or `tsa:…` names; UsageError for anything else."""
    kind, _, place = text.partition(":")
    if kind not in {FOLDER, GIT, TSA} or not place:
        raise UsageError(f"`{text[:120]}` is no anchor. Write folder:PATH or git:PATH or tsa:URL.")
    return Anchor(kind, place)


def configured_anchors(layout: StoreLayout) -> tuple[Anchor, ...]:
    """The anchors that the store's anchors.toml names; none where there is no such file."""
    path = layout.anchors_file
    if not path.exists():
        return ()
    try:
        listed = tomllib.loads(path.read_text("utf-8")).get("anchors")
        if not isinstance(listed, list) or not all(isinstance(each, str) for each in listed):
            raise ValueError("`anchors` is no list of texts")
        return tuple(read_anchor(each) for each in listed)
    except (OSError, ValueError, UsageError) as error:
        raise StoreError(
            f'`{path}` cannot be used: {error}. Write anchors = ["folder:PATH", "git:PATH"].'
        ) from error


def held_at(anchor: Anchor, origin: str) -> list[Checkpoint]:
    """Every checkpoint of one log that an anchor holds, by size.

    From a git repository they are read as committed, not as they lie in the work tree, and one that
    a later commit changed or removed still counts. Raises StoreError where the place cannot be
    read, EvidenceBrokenError for a copy that is no checkpoint, UsageError for a time-stamp
    authority, which keeps no copies.
    """
    if anchor.kind == TSA:
        raise UsageError(f"`{anchor}` keeps no copies: its stamps lie in the store. Verify that.")
    if not _PLAIN.fullmatch(origin):
        return []  # no log of ours; the name could lead elsewhere
    if anchor.kind == GIT:
        return _committed(Path(anchor.place), origin)
    return [read_checkpoint_file(path) for path in _copies(anchor, origin)]


def last_at(anchor: Anchor, origin: str) -> Checkpoint | None:
    """The checkpoint of the largest size that an anchor holds now; errors as `held_at`."""
    if anchor.kind == TSA:
        return None
    if anchor.kind == GIT:
        _need_repository(Path(anchor.place))
    copies = _copies(anchor, origin)
    return read_checkpoint_file(copies[-1]) if copies else None


def _copies(anchor: Anchor, origin: str) -> list[Path]:
    if not Path(anchor.place).is_dir():
        raise StoreError(
            f"the anchor `{anchor}` is not a folder that can be read. Mount it, or correct "
            "anchors.toml."
        )
    return sorted(_folder_of(anchor, origin).glob("*.note"))


def drop_receipt(layout: StoreLayout, receipt: Receipt) -> None:
    """Note in the store that a copy was made; the copy itself is the proof."""
    name = hashlib.sha256(f"{receipt.kind}:{receipt.place}".encode()).hexdigest()[:12]
    path = layout.anchors / f"{receipt.checkpoint_size:010d}-{name}.json"
    content = json.dumps(asdict(receipt), sort_keys=True, indent=1).encode() + b"\n"
    replace_durably(write_temporary(path, lambda file: file.write(content)), path)


def _folder_of(anchor: Anchor, origin: str) -> Path:
    return Path(anchor.place) / origin.replace("/", "-")


def _add(path: Path, checkpoint: Checkpoint) -> str:
    """Write the copy once; the token is its digest."""
    content = checkpoint.content.encode()
    token = hashlib.sha256(content).hexdigest()
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o444)
    except FileExistsError:
        if path.read_bytes() != content:
            raise EvidenceBrokenError(
                f"`{path}` holds another head of {checkpoint.size} headers: the log was forked. "
                "Find out which of the two was shown to whom."
            ) from None
        return token
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return token


def _git(repository: Path, *words: str) -> str:
    program = shutil.which("git")
    if program is None:
        raise StoreError("a git anchor needs the program `git`. Install it, or use folder:PATH.")
    quiet = ("-c", "core.hooksPath=/dev/null", "-c", "commit.gpgsign=false")
    who = ("-c", "user.name=muniment", "-c", "user.email=muniment@localhost")
    try:
        done = subprocess.run(  # noqa: S603
            [program, "-C", str(repository), *quiet, *who, *words],
            capture_output=True, text=True, timeout=_GIT_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise StoreError(f"git at `{repository}` did not end in {_GIT_SECONDS} s.") from error
    if done.returncode:
        raise StoreError(
            f"git at `{repository}` failed: {done.stderr.strip()[:200]}. Mend the repository; the "
            "checkpoint is signed and kept."
        )
    return done.stdout


def _need_repository(repository: Path) -> None:
    if not (repository / ".git").exists():
        raise StoreError(
            f"the anchor `git:{repository}` is no git work tree. Make it with `git init`."
        )


def _commit(repository: Path, path: Path, checkpoint: Checkpoint) -> str:
    """Commit the copy unless it is committed; the token is the commit's name."""
    name = path.relative_to(repository).as_posix()
    if _git(repository, "status", "--porcelain", "--ignored", "--", name).strip():
        _git(repository, "add", "--force", "--", name)
        words = f"Checkpoint of {checkpoint.origin}: {checkpoint.size} headers"
        _git(repository, "commit", "--quiet", "-m", words, "--", name)
    return _git(repository, "rev-list", "-1", "HEAD", "--", name).strip()


def _committed(repository: Path, origin: str) -> list[Checkpoint]:
    _need_repository(repository)
    if not _git(repository, "rev-list", "--all", "--max-count=1").strip():
        return []
    folder = origin.replace("/", "-")
    listed = _git(repository, "log", "--all", "--format=", "--raw", "--no-abbrev", "--", folder)
    lines = (line.split() for line in listed.splitlines() if line.startswith(":"))
    blobs = sorted({line[3] for line in lines if set(line[3]) != {"0"}})
    found = []
    for blob in blobs:
        try:
            found.append(read_checkpoint(_git(repository, "cat-file", "blob", blob)))
        except ValueError as error:
            raise EvidenceBrokenError(
                f"`{blob}` in `{repository}` is no checkpoint: {error}."
            ) from error
    return sorted(found, key=lambda checkpoint: checkpoint.size)
