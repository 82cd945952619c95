"""OTLP payloads as Python writes them, and the spans that the Python package makes of them.

    python=$(node interop/python/set-up.mjs)
    $python interop/python/golden_traces.py > packages/store-http/src/otlp/golden-traces.json && pnpm run format

`exporter` is what the official exporter posts for spans of the SDK; the other payloads are built of the messages, for what an
SDK does not send. A sequence id of -1 stands for one that the store has to give.
"""

import asyncio
import json

import reference  # noqa: F401
from agentlightning.utils.otlp import spans_from_proto
from google.protobuf import text_format
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, TraceFlags, TraceState
from opentelemetry.trace.status import Status, StatusCode

ROLLOUT, ATTEMPT, SEQUENCE = (
    "agentlightning.rollout_id",
    "agentlightning.attempt_id",
    "agentlightning.span_sequence_id",
)


def context(trace_id, span_id, remote=False):
    return SpanContext(trace_id, span_id, remote, TraceFlags(1), TraceState([("vendor", "x")]))


def exported():
    resource = Resource({"service.name": "agent", ROLLOUT: "ro-1", ATTEMPT: "at-1"}, "https://opentelemetry.io/schemas/1.38.0")
    scope = InstrumentationScope("scope", "1.2.3", "https://example.com/scope")
    call = ReadableSpan(
        name="openai.chat.completion",
        context=context(0x0AF7651916CD43DD8448EB211C80319C, 0x00F067AA0BA902B7),
        parent=context(0x0AF7651916CD43DD8448EB211C80319C, 0x0000000000000001, True),
        resource=resource,
        attributes={
            "text": "Grüße, 世界 🌍",
            "empty": "",
            "yes": True,
            "no": False,
            "zero": 0,
            "int": 300,
            "minus": -1,
            "largest": 2**53 - 1,
            "smallest": 1 - 2**53,
            "double": 0.1,
            "whole": 3.0,
            "bytes": b"\x00\xff\x10",
            "texts": ["stop", "länge"],
            "flags": [True, False],
            "prompt_token_ids": [0, 1, 127, 128, 16383, 16384, 151643, 2**21, 2**28, 2**35, -5],
            "doubles": [0.5, -1.25, 1e300],
            "none": [],
            "日本": "key",
            "__proto__": "key",
        },
        events=[
            Event("first", {"n": 1}, 1_731_672_000_123_456_789),
            Event("second", None, 1_731_672_001_000_000_000),
        ],
        links=[
            Link(context(0xABC, 0xDEF), {"kind": "follows"}),
            Link(context(2**127 + 1, 2**63 + 1)),
        ],
        kind=SpanKind.CLIENT,
        instrumentation_scope=scope,
        status=Status(StatusCode.ERROR, "it broke"),
        start_time=1_731_672_000_000_000_001,
        end_time=1_731_672_002_345_678_901,
    )
    root = ReadableSpan(
        name="root",
        context=context(0x0AF7651916CD43DD8448EB211C80319C, 1),
        resource=resource,
        attributes={ROLLOUT: "ro-2", SEQUENCE: "12"},
        instrumentation_scope=scope,
        status=Status(StatusCode.OK),
        start_time=1_731_672_000_000_000_000,
        end_time=1_731_672_000_999_999_999,
    )
    return encode_spans([call, root])


def spans(*texts, resource=""):
    joined = " ".join(f"spans {{ {text} }}" for text in texts)
    payload = ExportTraceServiceRequest()
    text_format.Parse(f"resource_spans {{ {resource} scope_spans {{ {joined} }} }}", payload)
    return payload


def attribute(key, value):
    return f'attributes {{ key: "{key}" value {{ {value} }} }}'


def text(key, value):
    return attribute(key, f'string_value: "{value}"')


def owned(value=None):
    sequence = "" if value is None else attribute(SEQUENCE, value)
    return " ".join([text(ROLLOUT, "r"), text(ATTEMPT, "a"), sequence])


PAYLOADS = {
    "exporter": exported(),
    "empty": ExportTraceServiceRequest(),
    "sequence ids": spans(
        *(
            owned(value)
            for value in [
                None, "int_value: 0", "int_value: 5", "int_value: -1", "string_value: '0'", "string_value: '41'",
                "string_value: ' 42 '", "string_value: '+43'", "string_value: '-44'", "string_value: '4.5'",
                "string_value: ''", "string_value: 'x'", "string_value: '0x10'", "string_value: '1e3'", "bool_value: true",
                "double_value: 2.5", "bytes_value: 'x'",
            ]
        )
    ),  # fmt: skip
    "sequence id of the resource": spans(
        owned(), owned("int_value: 3"), resource=f"resource {{ {attribute(SEQUENCE, 'int_value: 9')} }}"
    ),
    "attribution": spans(
        "name: 'of the resource'",
        f"name: 'own rollout' {text(ROLLOUT, 'own')}",
        f"name: 'own attempt' {text(ATTEMPT, 'own')}",
        f"name: 'numbers' {attribute(ROLLOUT, 'int_value: 7')} {attribute(ATTEMPT, 'int_value: -8')}",
        f"name: 'empty text' {text(ROLLOUT, '')}",
        resource=f"resource {{ {text(ROLLOUT, 'ro')} {text(ATTEMPT, 'at')} }}",
    ),
    "no attempt": spans("name: 'lost'", text(ROLLOUT, "r"), text(ATTEMPT, "a"), owned()),
    "ids": spans(
        owned(),
        f'trace_id: "\\001" span_id: "\\253" parent_span_id: "\\377" {owned()}',
        f'trace_id: "{"a" * 20}" span_id: "{"b" * 10}" parent_span_id: "{"c" * 9}" {owned()}',
        f'parent_span_id: "\\000" {owned()} links {{}}',
    ),
    "times": spans(
        *(
            f"start_time_unix_nano: {start} end_time_unix_nano: {end} events {{ time_unix_nano: {start} }} {owned()}"
            for start, end in [
                (0, 1), (1_731_672_000, 10**12), (10**12 + 1, 999_999_999_999), (2**53, 2**53 + 1), (2**64 - 1, 2**63),
                (1_731_672_000_999_999_999, 1_731_672_001_000_000_001), (4_294_967_295_999_999_999, 4_294_967_296_000_000_000),
            ]
        )
    ),  # fmt: skip
    "status": spans(*(f"status {{ code: {code} message: '{text}' }} {owned()}" for code, text in [(0, "a"), (1, ""), (2, "b")])),
    "resource": spans(
        owned(), resource='resource { attributes { key: "a" value { int_value: 1 } } } schema_url: "https://example.com/1"'
    ),
    "keys twice": spans(f"{owned()} {attribute('k', 'int_value: 1')} {text('k', 'last')}"),
}


async def give_later(requests):
    return [-1 for _ in requests]


def case(payload):
    found = asyncio.run(spans_from_proto(payload, give_later))
    return {"hex": payload.SerializeToString().hex(), "spans": [span.model_dump(mode="json") for span in found]}


print(json.dumps({name: case(payload) for name, payload in PAYLOADS.items()}, ensure_ascii=False, indent=1))
