"""What the Python emitters write, and what the Python readers make of spans that TypeScript emitted.

    python emitters.py <file with a JSON list of spans>

Prints a line per span read, `{"read": ...}`, then one per span written, `{"written": ...}`.
"""

import json
import sys

import reference  # noqa: F401

from agentlightning.emitter import (
    emit_annotation,
    emit_object,
    emit_reward,
    find_final_reward,
    get_message_value,
    get_object_value,
    get_rewards_from_span,
    operation,
)
from agentlightning.tracer.dummy import DummyTracer
from agentlightning.types import Span
from agentlightning.utils.otel import (
    extract_links_from_attributes,
    extract_tags_from_attributes,
    filter_and_unflatten_attributes,
    make_link_attributes,
    make_tag_attributes,
    query_linked_spans,
)


def shown(value):
    return list(value) if isinstance(value, bytes) else value


def read(span, spans):
    links = extract_links_from_attributes(span.attributes) if any(".link." in key for key in span.attributes) else []
    return {
        "name": span.name,
        "rewards": [reward.model_dump() for reward in get_rewards_from_span(span)],
        "message": get_message_value(span),
        "object": shown(get_object_value(span)),
        "tags": extract_tags_from_attributes(span.attributes) if any(".tag." in key for key in span.attributes) else [],
        "linked": [other.span_id for other in query_linked_spans(spans, links)] if links else [],
        "output": filter_and_unflatten_attributes(span.attributes, "agentlightning.operation.output"),
    }


with open(sys.argv[1], encoding="utf8") as file:
    given = [Span.model_validate(span) for span in json.load(file)]
for each in given:
    print(json.dumps({"read": read(each, given)}))
print(json.dumps({"final": find_final_reward(given)}))

written = [
    emit_reward(0.5, propagate=False),
    emit_reward(
        {"speed": 2, "quality": 1},
        primary_key="quality",
        attributes={**make_link_attributes({"gen_ai.response.id": "r-1"}), **make_tag_attributes(["grader"])},
        propagate=False,
    ),
    emit_annotation({"step": {"index": 1, "labels": ["a", "b"]}, "list": [1, "x"]}, propagate=False),
    *[emit_object(value, propagate=False) for value in ["text", 3, 0.5, True, b"\x00\xff", {"a": [1, None]}, [1, "x"], None, float("inf")]],
]
for each in written:
    print(json.dumps({"written": each.model_dump()}))
