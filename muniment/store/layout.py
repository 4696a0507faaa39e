"""Where everything lies in a store's folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class StoreLayout:
    """The paths inside one store's folder; nothing is created here."""

    root: Path

    @property
    def config_file(self) -> Path:
        """Settings; its presence makes the folder a store."""
        return self.root / "muniment.toml"

    @property
    def records_file(self) -> Path:
        """The records, where they are kept in SQLite."""
        return self.root / "records.sqlite"

    @property
    def audit(self) -> Path:
        """The audit log."""
        return self.root / "audit"

    @property
    def wal_file(self) -> Path:
        """Entries that are acknowledged and not yet in a segment."""
        return self.audit / "wal" / "current.wal"

    @property
    def segments(self) -> Path:
        """Sealed segments, one folder per day of intake."""
        return self.audit / "segments"

    @property
    def leaves(self) -> Path:
        """Leaf hashes of each segment."""
        return self.audit / "leaves"

    @property
    def headers(self) -> Path:
        """Headers of the chain; a header's appearance commits its segment."""
        return self.audit / "headers"

    @property
    def index(self) -> Path:
        """Event ids of each segment; can be rebuilt."""
        return self.audit / "index"

    @property
    def checkpoints(self) -> Path:
        """Signed heads of the header log, named by their size."""
        return self.audit / "checkpoints"

    @property
    def key_notes(self) -> Path:
        """Public keys that sign heads, each introduced by a signed note."""
        return self.audit / "keys"

    @property
    def anchors(self) -> Path:
        """Receipts of checkpoints that were copied elsewhere."""
        return self.audit / "anchors"

    @property
    def cache(self) -> Path:
        """What can be made anew from log and records: read copies and partials."""
        return self.root / "cache"

    @property
    def partials(self) -> Path:
        """Partials of control tests, one folder for each run that computed some."""
        return self.cache / "partials"

    @property
    def facts(self) -> Path:
        """Facts of units, and which partitions of sequence tests lie in each."""
        return self.cache / "facts"

    @property
    def tested(self) -> Path:
        """Items of SELECT tests, under keys over all that was read for them."""
        return self.cache / "tested"

    def read_copy(self, digest: str) -> Path:
        """The copy of small segments whose files' digests give this one."""
        return self.cache / "copies" / f"{digest}.parquet"

    @property
    def anchors_file(self) -> Path:
        """Places to which each new checkpoint is copied."""
        return self.root / "anchors.toml"

    @property
    def people_file(self) -> Path:
        """Which operating-system user is which person."""
        return self.root / "people.toml"

    @property
    def development_key(self) -> Path:
        """A signing key kept beside the data, where no better place was named."""
        return self.root / "signing_key.pem"

    @property
    def cursors(self) -> Path:
        """Where the reading of each database table ended."""
        return self.root / "cursors"

    @property
    def batches(self) -> Path:
        """Rejected rows of each import."""
        return self.root / "batches"

    @property
    def assessments(self) -> Path:
        """One folder per assessment."""
        return self.root / "assessments"

    @property
    def evidence_files(self) -> Path:
        """Files that people attested with, named by their SHA-256."""
        return self.root / "evidence_files"

    @property
    def packs(self) -> Path:
        """Evidence packs."""
        return self.root / "packs"

    def segment_file(self, ingest_day: str, number: int) -> Path:
        """A segment's Parquet file; `ingest_day` is YYYY-MM-DD."""
        return self.segments / f"ingest_day={ingest_day}" / f"seg-{number:010d}.parquet"

    def leaves_file(self, number: int) -> Path:
        """A segment's leaf hashes."""
        return self.leaves / f"seg-{number:010d}.leaves"

    def header_file(self, number: int) -> Path:
        """A segment's header."""
        return self.headers / f"{number:010d}.json"

    def index_file(self, number: int) -> Path:
        """A segment's event ids."""
        return self.index / f"seg-{number:010d}.ids"

    def checkpoint_file(self, size: int) -> Path:
        """The checkpoint over the first `size` headers."""
        return self.checkpoints / f"{size:010d}.note"

    def key_note(self, number: int) -> Path:
        """The note that introduces a key."""
        return self.key_notes / f"{number:010d}.note"

    def rejects_file(self, batch_id: str) -> Path:
        """The rejected rows of one import."""
        return self.batches / f"{batch_id}.rejects.jsonl"

    def assessment_folder(self, assessment_id: str) -> Path:
        """One assessment's document and items."""
        return self.assessments / assessment_id
