"""Commands of the sealed log: seal, log, keys."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from muniment.cli.common import DEFAULT_STORE, ByOption, JsonOption, StoreOption, opened, person
from muniment.cli.output import Output
from muniment.evidence.proofs import proof_document
from muniment.integrity.headers import header_hash
from muniment.sealing.anchors import read_anchor
from muniment.sealing.certificates import (
    CERTIFICATE_VARIABLE,
    new_certificate,
    read_certificate,
)
from muniment.sealing.certificates import DEVELOPMENT_WARNING as CERTIFICATE_WARNING
from muniment.sealing.heads import SealedHead, seal_and_sign
from muniment.sealing.keys import DEVELOPMENT_WARNING, SigningKey, new_key, rotate_key
from muniment.sealing.log import AuditLog
from muniment.store.checkpoint_files import (
    checkpoint_sizes,
    latest_checkpoint,
    log_keys,
    receipts,
)
from muniment.store.open import Store

ToOption = Annotated[
    Path | None,
    typer.Option("--to", help="File for the private key, best outside the store."),
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module to the application."""
    for command in (seal, log):
        app.command()(command)
    keys = typer.Typer(help="The keys that sign the log's heads.")
    for each in (new, rotate, show, certificate):
        keys.command()(each)
    app.add_typer(keys, name="keys")


def seal(
    anchor: Annotated[
        list[str] | None,
        typer.Option(help="Copy the head there too: folder:PATH, git:PATH or tsa:URL."),
    ] = None,
    store: StoreOption = DEFAULT_STORE,
    json: JsonOption = False,
) -> None:
    """Seal what waits, sign the log's head, and copy the checkpoint to the anchors."""
    output = Output(as_json=json)
    anchors = tuple(read_anchor(text) for text in anchor or ())
    with opened(store) as opened_store:
        done = seal_and_sign(opened_store, anchors)
    for warning in done.warnings:
        output.warn(warning)
    output.say(
        f"{done.state.sealed_entries:,} entries sealed in {done.state.segments:,} segments; "
        f"{done.state.unsealed_entries:,} not sealed."
    )
    if done.checkpoint is not None:
        output.say(f"Signed head of {done.checkpoint.size:,} headers: {done.checkpoint.root.hex()}")
        output.say(f"Anchors: {', '.join(done.anchored) or 'none; the head is UNANCHORED'}.")
    output.document(_sealed(done))


def _sealed(done: SealedHead) -> dict[str, Any]:
    head = done.checkpoint
    return {
        "segments": done.state.segments,
        "sealed_entries": done.state.sealed_entries,
        "unsealed_entries": done.state.unsealed_entries,
        "checkpoint": head.content if head else None,
        "size": head.size if head else None,
        "root": head.root.hex() if head else None,
        "anchored": done.anchored,
        "warnings": done.warnings,
    }


def log(
    headers: Annotated[int, typer.Option(help="How many of the last headers to show.")] = 10,
    proof: Annotated[
        str | None, typer.Option(help="Print the proof of this entry (its event id) as JSON.")
    ] = None,
    checkpoint: Annotated[
        bool, typer.Option("--checkpoint", help="Print the newest checkpoint itself, to keep.")
    ] = False,
    store: StoreOption = DEFAULT_STORE,
    json: JsonOption = False,
) -> None:
    """Show headers, checkpoints, keys and anchors of the log, or one entry's proof."""
    output = Output(as_json=json or proof is not None)
    with opened(store) as opened_store:
        if proof is not None:
            output.document(proof_document(opened_store, proof))
            return
        head = latest_checkpoint(opened_store.layout)
        if checkpoint and head is not None and not json:
            typer.echo(head.content, nl=False)
            return
        document = _log(opened_store, headers)
    if document["headers"]:
        output.table(
            ("header", "entries", "sealed to", "hash", "state"),
            [[h["no"], h["entries"], h["to"], h["hash"], h["state"]] for h in document["headers"]],
        )
    for line in document["sentences"]:
        output.say(line)
    output.document(document)


def _log(store: Store, shown: int) -> dict[str, Any]:
    state, sizes = AuditLog(store).state(), checkpoint_sizes(store.layout)
    signed = sizes[-1] if sizes else 0
    copies = receipts(store.layout)
    anchored = max((receipt.checkpoint_size for receipt in copies), default=0)
    rows = []
    for segment in store.audit.segments()[-shown:] if shown > 0 else []:
        place = "anchored" if segment.no <= anchored else "signed, not anchored"
        rows.append({
            "no": segment.no, "entries": segment.header["entry_count"],
            "to": segment.header["ingested_to"], "hash": header_hash(segment.header),
            "state": place if segment.no <= signed else "unsigned",
        })  # fmt: skip
    head = latest_checkpoint(store.layout)
    sentences = [
        f"{state.segments:,} headers; signed to {signed:,}, anchored to {anchored:,} by the "
        f"operator's own receipts; {state.unsealed_entries:,} entries are not sealed."
    ]
    if head is not None:
        sentences.append(f"Head of {head.size:,} headers, root {head.root.hex()}.")
    keys = [
        {"number": key.number, "fingerprint": key.key.fingerprint, "after_size": key.after_size,
         "made_at": key.made_at, "endorsed": key.endorsed, "vkey": key.key.vkey}
        for key in log_keys(store.layout)
    ]  # fmt: skip
    sentences += [f"Key {key['number']}: {key['fingerprint']}" for key in keys]
    sentences += [f"Anchor {r.kind}:{r.place}, {r.checkpoint_size} headers" for r in copies[-5:]]
    return {
        "headers": rows, "sizes_signed": sizes, "checkpoint": head.content if head else None,
        "keys": keys, "sentences": sentences,
        "anchors": [
            {"kind": r.kind, "place": r.place, "size": r.checkpoint_size, "token": r.token}
            for r in copies
        ],
    }  # fmt: skip


def new(
    to: ToOption = None,
    store: StoreOption = DEFAULT_STORE,
    by: ByOption = None,
    json: JsonOption = False,
) -> None:
    """Make the log's first signing key."""
    output = Output(as_json=json)
    with opened(store) as opened_store:
        _tell(output, new_key(opened_store, by=person(by), to=to))


def rotate(
    to: ToOption = None,
    lost: Annotated[
        bool, typer.Option("--lost", help="The old key is gone; nobody signs for the new one.")
    ] = False,
    store: StoreOption = DEFAULT_STORE,
    by: ByOption = None,
    json: JsonOption = False,
) -> None:
    """Make the next signing key; what the old ones signed keeps verifying."""
    output = Output(as_json=json)
    with opened(store) as opened_store:
        _tell(output, rotate_key(opened_store, by=person(by), to=to, lost=lost))


def show(store: StoreOption = DEFAULT_STORE, json: JsonOption = False) -> None:
    """List the log's keys with the fingerprints that verifiers confirm."""
    output = Output(as_json=json)
    with opened(store) as opened_store:
        keys = log_keys(opened_store.layout)
    columns = ("key", "fingerprint", "signs heads above", "made", "signed for by the one before")
    rows = [
        (k.number, k.key.fingerprint, k.after_size, k.made_at, "yes" if k.endorsed else "no")
        for k in keys
    ]
    output.table(columns, rows)
    output.document({"keys": [dict(zip(columns, row, strict=True)) for row in rows]})


def certificate(
    file: Annotated[Path, typer.Argument(help="PKCS#12 file with the certificate and its key.")],
    make: Annotated[
        str | None, typer.Option("--make", help="Make a development certificate of this name.")
    ] = None,
    store: StoreOption = DEFAULT_STORE,
    by: ByOption = None,
    json: JsonOption = False,
) -> None:
    """Check the certificate that signs the PDF of a signed-off pack, and note it in the log."""
    output = Output(as_json=json)
    with opened(store) as opened_store:
        found = new_certificate(file, make) if make else read_certificate(file)
        note = {"id": found.fingerprint, "subject": found.subject, "valid_until": found.valid_until}
        with opened_store.records.writing() as writer:
            writer.note("pdf_certificate", note, person(by))
    if make:
        output.warn(CERTIFICATE_WARNING)
    output.say(f"Certificate of {found.subject}, valid until {found.valid_until}.")
    output.say(f"SHA-256: {found.fingerprint}. Publish it beside the log's fingerprint.")
    output.say(f"To sign with it: export {CERTIFICATE_VARIABLE}={found.path}")
    output.document({**note, "path": str(found.path), "development": bool(make)})


def _tell(output: Output, key: SigningKey) -> None:
    if key.development:
        output.warn(DEVELOPMENT_WARNING)
    output.say(f"Private key: {key.path} (mode 0600).")
    output.say(f"Fingerprint: {key.public.fingerprint}")
    output.say("Publish the fingerprint where auditors find it without asking the store's owner.")
    output.document(
        {
            "path": str(key.path),
            "fingerprint": key.public.fingerprint,
            "vkey": key.public.vkey,
            "development": key.development,
        }
    )
