import asyncio
import gzip

import aiohttp
from agentlightning.types import Span
from agentlightning.utils.otlp import LightningStoreOTLPExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult

from . import World, check, equal

TYPE = "application/x-protobuf"


async def post(world: World, request: ExportTraceServiceRequest | bytes, **headers: str):
    data = request if isinstance(request, bytes) else request.SerializeToString()
    sent = {"Content-Type": TYPE, "Accept-Encoding": "identity", **{name.replace("_", "-"): value for name, value in headers.items()}}
    async with aiohttp.ClientSession(auto_decompress=False) as session, session.post(f"{world.url}/v1/traces", data=data, headers=sent) as reply:
        return reply.status, await reply.read(), reply.headers


def payload(*spans: tuple[str, str | None, str | None, dict[str, object]]) -> ExportTraceServiceRequest:
    """Spans of (name, rollout id, attempt id, attributes) that carry their ids as attributes."""
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    for number, (name, rollout_id, attempt_id, attributes) in enumerate(spans, 1):
        span = scope.spans.add(name=name, trace_id=number.to_bytes(16, "big"), span_id=number.to_bytes(8, "big"))
        span.start_time_unix_nano, span.end_time_unix_nano = 1_700_000_000_123_456_789, 1_700_000_001_000_000_000
        ids = {"agentlightning.rollout_id": rollout_id, "agentlightning.attempt_id": attempt_id}
        for key, value in {**ids, **attributes}.items():
            if value is None:
                continue
            field = span.attributes.add(key=key).value
            setattr(field, {str: "string_value", bool: "bool_value", int: "int_value", float: "double_value"}[type(value)], value)
    return request


async def begin(world: World) -> tuple[str, str]:
    rollout = await world.client.start_rollout(input=1)
    return rollout.rollout_id, rollout.attempt.attempt_id


async def stored(world: World, rollout_id: str) -> list[Span]:
    return list(await world.client.query_spans(rollout_id))


@check()
async def the_package_exporter_delivers(world: World):
    ids = await begin(world)
    exporter = LightningStoreOTLPExporter(timeout=5)
    exporter.enable_store_otlp(world.client.otlp_traces_endpoint(), *ids)
    provider = TracerProvider(resource=Resource({"team": "t"}))
    provider.add_span_processor(SimpleSpanProcessor(exporter))

    def work():
        tracer = provider.get_tracer("scope")
        with tracer.start_as_current_span("parent", attributes={"i": 2**62 + 1, "f": 1.0, "l": ["a", "b"], "b": True}) as parent:
            parent.add_event("event", {"k": 1})
            with tracer.start_as_current_span("child"):
                pass
        return exporter.export([parent])

    # The parent goes twice: a duplicate is no error.
    equal(await asyncio.to_thread(work), SpanExportResult.SUCCESS)
    child, parent = await stored(world, ids[0])
    equal((child.name, child.sequence_id, child.parent_id), ("child", 1, parent.span_id))
    equal((parent.name, parent.sequence_id, parent.parent_id, parent.status.status_code), ("parent", 2, None, "UNSET"))
    equal(parent.attributes | {"i": int(parent.attributes["i"])}, {"i": 2**62 + 1, "f": 1.0, "l": ["a", "b"], "b": True})
    equal((parent.events[0].name, parent.events[0].attributes), ("event", {"k": 1}))
    equal(parent.resource.attributes["team"], "t")
    equal(parent.resource.attributes["agentlightning.attempt_id"], ids[1])
    equal((parent.context.span_id, parent.context.is_remote, parent.parent), (parent.span_id, False, None))
    equal((await world.client.get_rollout_by_id(ids[0])).status, "running")


@check()
async def numbers_are_given_in_the_order_of_the_payload(world: World):
    a, b = await begin(world), await begin(world)
    sequence = "agentlightning.span_sequence_id"
    request = payload(("a1", *a, {}), ("b1", *b, {}), ("a2", *a, {sequence: 7}), ("a3", *a, {sequence: "9"}), ("b2", *b, {sequence: -1}))
    equal((await post(world, request))[:2], (200, b""))
    equal([(one.name, one.sequence_id) for one in await stored(world, a[0])], [("a1", 1), ("a2", 7), ("a3", 9)])
    equal([(one.name, one.sequence_id) for one in await stored(world, b[0])], [("b1", 1), ("b2", 2)])
    (first, *_) = await stored(world, a[0])
    equal((first.trace_id, first.span_id), (f"{1:032x}", f"{1:016x}"))
    assert abs(first.start_time - 1_700_000_000.123456789) < 1e-6
    equal(first.attributes["agentlightning.rollout_id"], a[0])


@check()
async def span_attributes_beat_resource_attributes(world: World):
    a, b = await begin(world), await begin(world)
    request = payload(("of a", *a, {}), ("of b", None, None, {}))
    attributes = request.resource_spans[0].resource.attributes
    for key, value in (("agentlightning.rollout_id", b[0]), ("agentlightning.attempt_id", b[1])):
        attributes.add(key=key).value.string_value = value
    request.resource_spans[0].schema_url = "https://schema"
    equal((await post(world, request))[0], 200)
    equal([one.name for one in await stored(world, a[0])], ["of a"])
    (of_b,) = await stored(world, b[0])
    equal((of_b.name, of_b.resource.schema_url), ("of b", "https://schema"))


@check()
async def gzip_goes_both_ways(world: World):
    ids = await begin(world)
    data = gzip.compress(payload(("zipped", *ids, {})).SerializeToString())
    status, body, headers = await post(world, data, Content_Encoding="gzip", Accept_Encoding="gzip")
    equal((status, headers["Content-Type"]), (200, TYPE))
    equal(gzip.decompress(body) if headers.get("Content-Encoding") == "gzip" else body, b"")
    equal([one.name for one in await stored(world, ids[0])], ["zipped"])


@check()
async def spans_without_ids_are_left_out(world: World):
    ids = await begin(world)
    equal((await post(world, payload(("stray", None, None, {}), ("kept", *ids, {}))))[0], 200)
    equal([one.name for one in await stored(world, ids[0])], ["kept"])
    equal((await post(world, b""))[0], 200)


@check()
async def what_is_no_protobuf_is_refused(world: World):
    status, _, headers = await post(world, b"\xff\xff\xff not protobuf")
    equal((status, headers["Content-Type"]), (400, TYPE))
    equal((await post(world, b"<a/>", Content_Type="text/xml"))[0], 400)
    for path in ("metrics", "logs", "development/profiles"):
        async with world.http.post(f"{world.url}/v1/{path}", data=b"", headers={"Content-Type": TYPE}) as reply:
            equal((path, reply.status), (path, 501))


@check(better=True)
async def one_unknown_id_does_not_lose_the_rest(world: World):
    ids = await begin(world)
    request = payload(("lost", "ro-unknown", "at-unknown", {}), ("kept", *ids, {}), ("lost too", ids[0], "at-unknown", {}))
    status, body, _ = await post(world, request)
    equal(status, 200)
    equal(ExportTraceServiceResponse.FromString(body).partial_success.rejected_spans, 2)
    equal([one.name for one in await stored(world, ids[0])], ["kept"])


@check(better=True)
async def odd_attributes_do_not_lose_the_batch(world: World):
    ids = await begin(world)
    request = payload(("odd", *ids, {}), ("plain", *ids, {}))
    span = request.resource_spans[0].scope_spans[0].spans[0]
    span.attributes.add(key="none")
    span.attributes.add(key="map").value.kvlist_value.values.add(key="k").value.int_value = 1
    mixed = span.attributes.add(key="mixed").value.array_value.values
    mixed.add().int_value = 1
    mixed.add().string_value = "x"
    span.attributes.add(key="nan").value.double_value = float("nan")
    equal((await post(world, request))[0], 200)
    equal([one.name for one in await stored(world, ids[0])], ["odd", "plain"])
