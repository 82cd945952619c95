"""What the Python package accepts and keeps, as golden cases for the schemas of @agl/types.

    python=$(node interop/python/set-up.mjs)
    $python interop/python/golden_records.py > packages/types/src/wire/golden-records.json && pnpm run format

Each record starts from a valid value; then each field in turn is left out and set to each candidate. The reference's HTTP
server validates parsed JSON the way `model_validate` does here.
"""

import json
import sys

import reference  # noqa: F401
from agentlightning.types import core, resources, tracer
from pydantic import TypeAdapter, ValidationError

CANDIDATES = [
    None, True, False, 0, 1, -1, 2.5, 1e3, "", "x", "2", " 2 ", "2.0", "2.5", "-3", "1e3", "true", "no",
    [], [1], ["x"], [1, 2.5], [True, 1], [True, 2], ["x", 1], [None], {}, {"a": 1}, {"a": None},
]  # fmt: skip

config = {"timeout_seconds": 60.5, "unresponsive_seconds": None, "max_attempts": 2, "retry_condition": ["failed"]}
attempt = {
    "rollout_id": "ro-1", "attempt_id": "at-1", "sequence_id": 1, "start_time": 1.5, "end_time": None, "status": "running",
    "worker_id": None, "last_heartbeat_time": 2.5, "metadata": {"a": 1},
}  # fmt: skip
rollout = {
    "rollout_id": "ro-1", "input": {"q": 1}, "start_time": 1.5, "end_time": None, "mode": "train", "resources_id": None,
    "status": "running", "config": config, "metadata": None,
}  # fmt: skip
context = {"trace_id": "t", "span_id": "s", "is_remote": False, "trace_state": {"k": "v"}}
llm = {"resource_type": "llm", "endpoint": "http://e", "model": "m", "api_key": None, "sampling_parameters": {"temperature": 1}}
span = {
    "rollout_id": "ro-1", "attempt_id": "at-1", "sequence_id": 3, "trace_id": "t", "span_id": "s", "parent_id": None,
    "name": "n", "status": {"status_code": "OK", "description": None}, "attributes": {"a": 1}, "events": [], "links": [],
    "start_time": 1.5, "end_time": None, "context": None, "parent": None, "resource": {"attributes": {}, "schema_url": ""},
}  # fmt: skip

RECORDS = {
    "RolloutConfig": (core.RolloutConfig, config, []),
    "Attempt": (core.Attempt, attempt, []),
    "Rollout": (core.Rollout, rollout, []),
    "AttemptedRollout": (core.AttemptedRollout, {**rollout, "attempt": attempt}, []),
    "EnqueueRolloutRequest": (
        core.EnqueueRolloutRequest,
        {"input": 1, "mode": None, "resources_id": None, "config": config, "metadata": {"a": 1}},
        [],
    ),
    "Worker": (
        core.Worker,
        {
            "worker_id": "w", "status": "busy", "heartbeat_stats": {"cpu": 1}, "last_heartbeat_time": 1.5,
            "last_dequeue_time": None, "last_busy_time": None, "last_idle_time": None, "current_rollout_id": None,
            "current_attempt_id": None,
        },
        [],
    ),  # fmt: skip
    "Resource": (
        resources.ResourceUnion,
        llm,
        [
            {**llm, "resource_type": "proxy_llm"}, {**llm, "resource_type": "gadget"}, {**llm, "extra": 1},
            {"resource_type": "prompt_template", "template": "x", "engine": "jinja"},
            {"resource_type": "prompt_template", "template": "x"},
            {"resource_type": "prompt_template", "template": "x", "engine": "mustache"},
            {"resource_type": "llm", "endpoint": "e", "model": "m"},
        ],
    ),  # fmt: skip
    "ResourcesUpdate": (
        resources.ResourcesUpdate,
        {"resources_id": "rs-1", "create_time": 1.5, "update_time": 2.5, "version": 1, "resources": {"llm": llm}},
        [],
    ),
    "Span": (
        tracer.Span,
        span,
        [
            {**span, "extra": {"kept": True}},
            {**span, "status": {"status_code": "OK", "extra": 1}},
            {**span, "status": {"status_code": "FINE", "description": None}},
            {**span, "context": {**context, "extra": 1}, "parent": context},
            {**span, "context": {**context, "is_remote": "yes"}},
            {**span, "context": {**context, "is_remote": 2}},
            {**span, "context": {**context, "trace_state": {"k": 1}}},
            {**span, "events": [{"name": "e", "attributes": {"a": "b"}, "extra": 1}]},
            {**span, "events": [{"name": "e", "attributes": {}, "timestamp": "1.5"}]},
            {**span, "events": [{"name": "e"}]},
            {**span, "links": [{"context": context, "extra": 1}]},
            {**span, "links": [{"context": context, "attributes": {"a": 1}}]},
            {**span, "resource": {"attributes": {"a": 1}, "schema_url": "u", "extra": 1}},
            {**span, "resource": {"attributes": {}}},
            *[{**span, "attributes": {"a": value}} for value in CANDIDATES],
        ],
    ),
}


def keep(adapter, value):
    """[kept] for what is accepted, [] for what is refused, None where the reference itself crashes."""
    try:
        return [adapter.dump_python(adapter.validate_python(value), mode="json")]
    except ValidationError:
        return []
    except Exception as error:
        print(f"{value}: {error!r}", file=sys.stderr)
        return None


def golden(record, base, more):
    """`fields`: per field, [candidate] or [candidate, what is kept of it]; `missing`: fields that may be left out."""
    adapter = TypeAdapter(record)
    fields = {}
    for field in base:
        kept = [(value, keep(adapter, {**base, field: value})) for value in CANDIDATES]
        fields[field] = [[value, *[whole[field] for whole in result]] for value, result in kept if result is not None]
    without = {field: keep(adapter, {key: value for key, value in base.items() if key != field}) for field in base}
    return {
        "base": base,
        "fields": fields,
        "missing": {field: result[0][field] for field, result in without.items() if result},
        "more": [[value, *result] for value in more if (result := keep(adapter, value)) is not None],
    }


everything = {name: golden(*parts) for name, parts in RECORDS.items()}
json.dump(everything, sys.stdout, ensure_ascii=False, separators=(",", ":"))
