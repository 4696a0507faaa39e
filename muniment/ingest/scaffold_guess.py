"""Guessing which field of an unknown file fills which column, by its name and its values."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from muniment.catalog.sources import EVENT, mappable_columns
from muniment.ingest.scaffold_samples import Shape
from muniment.ingest.scaffold_times import AMBIGUOUS, spelling_of
from muniment.model.columns import Column, ColumnKind

_WORDS_SHOWN = 20
# For each column, what the last part of a field's name looks like, best first.
_ID = r"(_?(id|uid|uuid|ref|key|code|no))?"
_NAMES: tuple[tuple[str, str], ...] = (
    ("event_time", r"(event_?|start_?|log_?)?(time|timestamp|ts|date|at)|time_?stamp|when"
                   r"|(created|started|occurred|logged)(_?at)?"),
    ("end_time", r"end(ed)?_?(time|at|date)|(finished|completed)(_?at)?"),
    ("source_seq", r"seq(uence)?(_?(no|number))?|no|nr|number"),
    ("trace_id", rf"(trace|run|correlation|request){_ID}"),
    ("span_id", rf"(span|step|call){_ID}"),
    ("parent_span_id", rf"parent(_?(span|step))?{_ID}"),
    ("conversation_id", rf"(session|conversation|thread|chat){_ID}"),
    ("agent_id", rf"(agent|bot|assistant|actor){_ID}|service"),
    ("agent_name", r"(agent|bot|assistant)_?name"),
    ("agent_version", r"(agent|bot|assistant)_?(version|rev(ision)?)|version"),
    ("operation_name", r"operation(_?name)?|event(_?(type|name))?|action|op|kind|type|verb|method"),
    ("target_name", r"(tool|function|target|resource)(_?(name|called|used))?|endpoint"),
    ("target_ref", r"(target|resource)_?(id|ref|uri)|object(_?id)?|record_?id|url|uri|path"),
    ("target_system", r"system|host|server|destination|dest"),
    ("input_sanitised", r"arg(ument)?s|input|param(eter)?s|prompt|query|payload|body"),
    ("policy_result", r"(policy|guard(rail)?)_?(result|decision|verdict)|verdict|decision|policy"),
    ("policy_id", r"policy_?(id|name)|rule_?set"),
    ("policy_rule_id", r"rule(_?(id|name))?|matched_?rule"),
    ("approval_id", rf"(approval|ticket){_ID}"),
    ("outcome", r"outcome|status|result|success|succeeded|ok|state|ended"),
    ("error_type", r"error(_?(type|code|class))?|exception|failure(_?reason)?"),
    ("model", r"(model|engine|llm)(_?(name|id))?"),
    ("provider", r"provider|vendor"),
    ("input_tokens", r"(input|prompt|in)_?tok(en)?s?(_?count)?|tok(en)?s?_?(in|input|prompt)"),
    ("output_tokens", r"(output|completion|out)_?tok(en)?s?(_?count)?"
                      r"|tok(en)?s?_?(out|output|completion)"),
    ("cost_usd", r"cost(_?(usd|dollars))?|spend|price"),
    ("user_ref", r"(user|principal|caller|requester)(_?(id|name|e?_?mail|ref))?|login|e?mail"),
    ("team_id", r"(principal_?|user_?)?(team(_?id)?|department|dept|cost_?cent(er|re))"),
    ("org_id", r"org(anisation|anization)?(_?id)?|tenant(_?id)?"),
    ("client_app", r"app(lication)?(_?name)?|client(_?app)?|user_?agent"),
)  # fmt: skip
_KEY = re.compile(r"(?:.*[_.-])?(?:id|uid|uuid|guid|key)\Z|event_?id|.*Id\Z", re.I)
_OUTCOMES = {
    "success": r"ok|success\w*|succeeded|completed?|done|pass(ed)?|true|2\d\d|0",
    "failure": r"err(or)?|fail\w*|exception|timeout|false|[45]\d\d|1",
    "denied": r"den(y|ied)|block(ed)?|reject(ed)?|forbidden|refused|halted|stopped|403|401",
    "partial": r"partial\w*",
}
_POLICY = {
    "allow": r"allow(ed)?|permit(ted)?|pass(ed)?|approved?|grant(ed)?|true|ok",
    "deny": r"den(y|ied)|block(ed)?|reject(ed)?|forbid(den)?|refused|stop(ped)?|halt(ed)?|false",
    "warn": r"warn(ed|ing)?|flag(ged)?", "modify": r"modif(y|ied)|redact(ed)?|mask(ed)?",
    "escalate": r"escalat\w+|review|ask|pending",
}  # fmt: skip
_ACTIONS = {
    "model_call": r".*(chat|complet|llm|generat|embed|infer|model|prompt).*",
    "destructive": r".*(delete|drop|remove|destroy|purge|cancel|revoke).*",
    "approve": r".*(approv|sign_?off).*",
    "policy_check": r".*(policy|guardrail|check|authori[sz]e).*",
    "delegate": r".*(delegat|hand_?off|transfer).*",
    "write": r".*(write|creat|update|insert|put|post|send|edit|set|save|upload|pay|book|exec).*",
    "read": r".*(read|get|list|search|query|fetch|find|look_?up|view|download|retriev).*",
    "other": r".*tool.*",
    "message": r".*(message|reply|say).*", "run": r".*(run|start|invoke|session|job).*",
    "admin": r".*(config|admin|permission|role|login).*",
}  # fmt: skip
_KINDS = {
    ColumnKind.INTEGER: r"-?\d+\Z", ColumnKind.DECIMAL: r"-?\d+(\.\d+)?([eE]-?\d+)?\Z",
    ColumnKind.BOOLEAN: r"(?i:true|false|yes|no|1|0)\Z",
}  # fmt: skip


@dataclass(slots=True)
class Guess:
    """One column's field map, and what a person should look at."""

    column: str
    spec: dict[str, Any]
    todo: str = ""
    notes: list[str] = field(default_factory=list)


def guesses(shape: Shape, record: str) -> list[Guess]:
    """What may fill the columns of a record, each path used once."""
    if record == EVENT:
        return list(_with_actions(_of_events(shape), shape))
    return list(_of_record(shape, record))


def key_of(shape: Shape) -> str | None:
    """A field that looks like an id and differs in every row."""
    for path, values in shape.fields.items():
        name = path.rpartition(".")[2]
        texts = [str(value) for value in values]
        if _KEY.match(name) and len(texts) == shape.count == len(set(texts)) and all(texts):
            return path
    return None


def words_of(values: Sequence[Any]) -> list[str]:
    """The different words of a field as a map compares them, the first few."""
    spelt = [("true" if v else "false") if isinstance(v, bool) else str(v) for v in values]
    return list(dict.fromkeys(spelt))[: _WORDS_SHOWN + 1]


def _of_events(shape: Shape) -> list[Guess]:
    """By names first, for every column; then by values, for those that no name fills."""
    used: set[str] = set()
    made: dict[str, Guess] = {}
    for by_name in (True, False):
        for name, pattern in _NAMES:
            if name not in made:
                paths = _named(shape, name, pattern) if by_name else _by_values(shape, name)
                found = _first(shape, name, [path for path in paths if path not in used])
                if found is not None:
                    made[name] = found
                    used.add(found.spec["path"])
    return [made[name] for name, _ in _NAMES if name in made]


def _named(shape: Shape, column: str, pattern: str) -> list[str]:
    objects = shape.objects if column == "input_sanitised" else {}
    return [*_candidates(objects, pattern), *_candidates(shape.fields, pattern)]


def _first(shape: Shape, column: str, paths: list[str]) -> Guess | None:
    for path in paths:
        values = shape.fields.get(path) or shape.objects.get(path, [])
        made = _guess(mappable_columns(EVENT)[column], path, values)
        if made is not None:
            return made
    return None


def _by_values(shape: Shape, column: str) -> list[str]:
    """Where no name tells: fields whose values are times, or words that we know, nearest first."""
    near = sorted(shape.fields, key=lambda path: path.startswith(("^", "$")))
    if column == "event_time":
        return [path for path in near if spelling_of(shape.fields[path])]
    tables = {"operation_name": _ACTIONS, "outcome": _OUTCOMES, "policy_result": _POLICY}
    found = []
    for path in near if column in tables else ():
        words = words_of(shape.fields[path])
        known = [word for word in words if _ours(word, tables[column]) and not word.isdigit()]
        if len(words) <= _WORDS_SHOWN and 2 * len(known) >= len(words):
            found.append(path)
    return found


def _candidates(fields: Iterable[str], pattern: str) -> list[str]:
    """Paths whose last one or two names look so; outer names count less, nearer rows more."""
    wanted = re.compile(rf"(?:{pattern})\Z", re.I)
    found: list[tuple[int, int, str]] = []
    for place, path in enumerate(fields):
        names = re.findall(r"[^.\[\]\"^$]+", path)
        ends = [names[-1], "_".join(names[-2:])]
        if names[-1] in ("id", "name", "type") and len(names) > 1:
            ends = ends[1:] + names[-2:-1]
        hits = [rank for rank, end in enumerate(ends) if wanted.match(end)]
        if hits:
            found.append((path.startswith(("^", "$")), min(hits) * 100 + place, path))
    return [path for *_, path in sorted(found)]


def _guess(column: Column, path: str, values: list[Any]) -> Guess | None:
    there = [value for value in values if value not in (None, "", "-")]
    if not there:
        return None
    if column.kind is ColumnKind.TIME:
        return _time(column, path, there)
    if column.kind in _KINDS:
        fits = all(re.match(_KINDS[column.kind], str(value)) for value in there)
        return _number(column, path, there) if fits else None
    if column.name == "input_sanitised":
        if all(re.match(r"-?[\d.]+\Z", str(value)) for value in there):
            return None
        return Guess(column.name, {"path": path, "sanitise": True, "cut": 20000})
    scalar = not any(isinstance(value, (dict, list)) for value in there)
    return _text(column, path, there) if scalar else None


def _text(column: Column, path: str, values: list[Any]) -> Guess | None:
    tables = {"outcome": (_OUTCOMES, "unknown"), "policy_result": (_POLICY, None)}
    if column.name in tables:
        words, default = tables[column.name]
        made = _translated(column.name, path, values, words, default)
        # A field in which no word is known is something else.
        return made if made.spec["values"] else None
    return None if column.choices else Guess(column.name, {"path": path})


def _time(column: Column, path: str, values: list[Any]) -> Guess | None:
    found = spelling_of(values)
    if found is None:
        return None
    spelling, stated = found
    spec: dict[str, Any] = {"path": path} | ({} if spelling == "iso" else {"time": spelling})
    made = Guess(column.name, spec)
    if not stated:
        spec["zone"] = "UTC"
        made.todo = "these times state no zone; UTC is a guess"
    if spelling in AMBIGUOUS:
        made.todo = f"month first or day first? else {AMBIGUOUS[spelling]}"
    return made


def _number(column: Column, path: str, values: list[Any]) -> Guess:
    made = Guess(column.name, {"path": path})
    if column.kind is ColumnKind.DECIMAL and any(_decimals(value) > 9 for value in values):
        made.spec["round"] = 9
    if column.name == "input_tokens":
        made.todo = "if the source counts cached input apart, use sum_of"
    if column.name == "cost_usd":
        made.todo = "in US dollars? else leave it out"
    return made


def _decimals(value: Any) -> int:
    try:
        exponent = Decimal(str(value)).normalize().as_tuple().exponent
    except InvalidOperation:
        return 0
    return -exponent if isinstance(exponent, int) else 0


def _translated(
    name: str, path: str, values: list[Any], table: dict[str, str], default: str | None
) -> Guess:
    words = words_of(values)
    told = {word: ours for word in words for ours in [_ours(word, table)] if ours is not None}
    made = Guess(name, {"path": path, "values": told, "default": default})
    unknown = [word for word in words if word not in told][:_WORDS_SHOWN]
    made.todo = f"not translated: {', '.join(unknown)[:200]}" if unknown else "check each word"
    return made


def _ours(word: str, table: dict[str, str]) -> str | None:
    hits = [ours for ours, pattern in table.items() if re.match(rf"(?:{pattern})\Z", word, re.I)]
    return hits[-1] if hits and table is _OUTCOMES else hits[0] if hits else None


def _with_actions(found: list[Guess], shape: Shape) -> Iterator[Guess]:
    """The same, and action_type by the words of the operation, or of the tool."""
    paths = {}
    for made in found:
        paths[made.column] = made.spec["path"]
        yield made
        if made.column == "input_sanitised":
            digest = Guess("input_sha256", {"path": made.spec["path"], "digest": True})
            values = shape.fields.get(made.spec["path"]) or shape.objects[made.spec["path"]]
            if any(re.search(r"\*{3,}|redacted|masked", str(value), re.I) for value in values):
                digest.todo = "parts are masked: this is no digest of what ran, so leave it out"
            yield digest
        if made.column == "outcome":
            yield _executed(made)
    told: list[tuple[int, Guess]] = []
    for column in ("operation_name", "target_name"):
        if column in paths:
            values = shape.fields[paths[column]]
            if len(words_of(values)) <= _WORDS_SHOWN:
                made = _translated("action_type", paths[column], values, _ACTIONS, "other")
                told.append((len(made.spec["values"]), made))
    if told and max(told, key=lambda pair: pair[0])[0]:
        yield max(told, key=lambda pair: pair[0])[1]
    else:
        yield Guess(
            "action_type", {"const": "other"}, "say which field tells what kind of act it is"
        )


def _executed(outcome: Guess) -> Guess:
    """Whether the act took effect, by the words of the outcome: a denied act did not."""
    words = {word: ours != "denied" for word, ours in outcome.spec["values"].items()}
    spec = {"path": outcome.spec["path"], "values": words, "default": None}
    return Guess("executed", spec, "did acts with these words take effect?")


def _of_record(shape: Shape, record: str) -> Iterator[Guess]:
    names = {re.sub(r"\W", "_", path.rpartition(".")[2]).lower(): path for path in shape.fields}
    for column in mappable_columns(record).values():
        near = difflib.get_close_matches(column.name, list(names), n=1, cutoff=0.75)
        if not near and column.required:
            near = [name for name in names if name.endswith(("id", "name"))][:1] or list(names)[:1]
        made = _guess(column, names[near[0]], shape.fields[names[near[0]]]) if near else None
        if made is None and near and column.required:
            made = Guess(column.name, {"path": names[near[0]]})
        if made is not None:
            if near[0] != column.name:
                made.todo = made.todo or "a guess by the name"
            yield made
