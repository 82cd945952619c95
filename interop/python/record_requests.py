"""What the Python client sends, byte for byte: `record_requests.py URL > requests.golden.json`, URL being `agl.py store`.

A proxy between the two notes each request. Ids that the server chose stand as `$ro1$`, `$at1$`, `$rs1$`; `learn` says where
in the reply of an entry a replay finds them. In `reply` times stand as `$time$` and what varies as `$any$`. A replay sends the
entries in order.
"""

import asyncio
import base64
import json
import re
import sys

import reference  # noqa: F401
import aiohttp
from agentlightning.store.client_server import LightningStoreClient
from agentlightning.types import LLM, EnqueueRolloutRequest, PromptTemplate, ProxyLLM, RolloutConfig
from agentlightning.utils.otlp import LightningStoreOTLPExporter
from aiohttp import web
from checks import make_span
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SimpleSpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import Link, SpanContext, Status, StatusCode, TraceFlags, set_span_in_context
from yarl import URL

# The same in every request of the client, so said once.
COMMON = {"Accept": "*/*", "Accept-Encoding": "gzip, deflate"}
LEFT_OUT = {"Host", "Content-Length"}


class Recorder:
    def __init__(self, target: str):
        self.target, self.call, self.entries, self.names, self.common = target, "", [], {}, dict(COMMON)

    def named(self, text: str) -> str:
        for real, name in self.names.items():
            text = text.replace(real, name)
        # The client sends the SDK's own fields of a span as text, addresses in memory included.
        return re.sub(r" at 0x[0-9a-f]+>", " at 0x0>", text)

    def learn(self, value, path="") -> dict[str, str]:
        """New ids in a reply: placeholder → path."""
        found = {}
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
            at = f"{path}.{key}" if path else str(key)
            kind = re.fullmatch(r"(ro|at|rs)-[0-9a-f]{8,12}", inner) if isinstance(inner, str) else None
            if kind and inner not in self.names:
                self.names[inner] = f"${kind[1]}{1 + sum(name.startswith('$' + kind[1]) for name in self.names.values())}$"
                found[self.names[inner]] = at
            found |= self.learn(inner, at)
        return found

    def masked(self, value):
        if isinstance(value, dict):
            varying = {"uptime": "$any$"} | {key: "$time$" if key.endswith("_time") else "$any$" for key in value if key.endswith(("_time", "_bytes"))}
            return {key: self.masked(inner) if inner is None else varying.get(key, self.masked(inner)) for key, inner in value.items()}
        return [self.masked(inner) for inner in value] if isinstance(value, list) else self.named(value) if isinstance(value, str) else value

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        async with aiohttp.ClientSession(auto_decompress=False) as session:
            headers = {key: value for key, value in request.headers.items() if key not in LEFT_OUT}
            target = URL(self.target + request.raw_path, encoded=True)
            async with session.request(request.method, target, data=body, headers=headers) as reply:
                answer = await reply.read()
        self.common.setdefault("User-Agent", request.headers["User-Agent"])
        own = {key: value for key, value in headers.items() if self.common.get(key) != value}
        entry = {"call": self.call, "method": request.method, "path": self.named(request.raw_path), "headers": own}
        if request.path.startswith("/v1/agl"):
            parsed = json.loads(answer)
            entry |= {"body": self.named(body.decode()) if body or request.method == "POST" else None, "status": reply.status}
            entry |= {"learn": self.learn(parsed), "reply": self.masked(parsed)}
        else:
            # Ids cannot be replaced in protobuf: these are the ones that `otel_spans` was given, unknown to every server.
            entry |= {"bodyBase64": base64.b64encode(body).decode()}
        self.entries.append(entry)
        return web.Response(body=answer, status=reply.status, headers={"Content-Type": reply.headers["Content-Type"]})


class Numbered(IdGenerator):
    last = 0

    def generate_span_id(self) -> int:
        self.last += 1
        return 0xAB00000000000000 + self.last

    def generate_trace_id(self) -> int:
        return 0xCD000000000000000000000000000001


def otel_spans(exporter: SpanExporter | None = None):
    """A parent and its child with everything a span may carry, always the same."""
    provider = TracerProvider(resource=Resource({"service.name": "agent", "n": 1}, "https://schema"), id_generator=Numbered())
    if exporter is not None:
        provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("scope", "1.2.3")
    parent = tracer.start_span("parent", start_time=1_700_000_000_123_456_789)
    other = SpanContext(0xEF, 0xEE, is_remote=True, trace_flags=TraceFlags(1))
    attributes = {"s": "é", "b": True, "i": 2**62, "f": 1.0, "ss": ["a", "b"], "fs": [1.5, 2.0]}
    child = tracer.start_span("child", set_span_in_context(parent), attributes=attributes, links=[Link(other, {"k": "v"})], start_time=1_700_000_000_200_000_000)
    child.add_event("event", {"n": 1}, timestamp=1_700_000_000_300_000_000)
    child.set_status(Status(StatusCode.ERROR, "why"))
    child.end(1_700_000_001_000_000_000)
    parent.end(1_700_000_002_000_000_000)
    return parent, child


async def scenario(client: LightningStoreClient, recorder: Recorder, url: str) -> None:
    async def call(method, /, *args, label="", **kwargs):
        recorder.call = f"{method} {label}".strip()
        return await getattr(client, method)(*args, **kwargs)

    recorder.call = "health probe"
    await client._wait_until_healthy(await client._get_session())
    await call("statistics")
    await call("get_latest_resources", label="without any")
    llm = LLM(resource_type="llm", endpoint="http://e", model="m", sampling_parameters={"temperature": 1.0})
    proxy = ProxyLLM(resource_type="proxy_llm", endpoint="http://p/v1", model="pm", api_key="k")
    template = PromptTemplate(resource_type="prompt_template", template="é {x}", engine="f-string")
    added = await call("add_resources", {"m": llm, "p": proxy, "t": template})
    await call("update_resources", added.resources_id, {"t": template})
    await call("update_resources", "chosen", {}, label="of an unknown id, empty")
    await call("get_resources_by_id", added.resources_id)
    await call("get_resources_by_id", "rs-unknown", label="unknown")
    await call("get_latest_resources")
    await call("query_resources")
    await call("query_resources", label="with everything", resources_id="a", resources_id_contains="b", sort_by="update_time", sort_order="desc", limit=1, offset=2)
    await call("enqueue_rollout", {"task": "é", "n": 1.0, "big": 2**70, "nan": float("nan")})
    config = RolloutConfig(timeout_seconds=60, unresponsive_seconds=30.5, max_attempts=2, retry_condition=["failed", "timeout"])
    everything = {"mode": "train", "resources_id": added.resources_id, "config": config, "metadata": {"m": 1}}
    await call("enqueue_many_rollouts", [EnqueueRolloutRequest(input=None), EnqueueRolloutRequest(input=[1], **everything)])
    await call("dequeue_rollout")
    taken = await call("dequeue_rollout", label="with a worker", worker_id="Worker-0")
    await call("dequeue_many_rollouts", limit=4, worker_id="Worker-0")
    await call("dequeue_many_rollouts", label="from an empty queue", limit=4)
    started = await call("start_rollout", 1)
    ids = (started.rollout_id, started.attempt.attempt_id)
    await call("start_rollout", "x", label="with everything", worker_id="Worker-1", **everything)
    await call("start_attempt", taken.rollout_id)
    await call("start_attempt", taken.rollout_id, label="with a worker", worker_id="Worker-1")
    await call("query_rollouts", label="first of all", limit=1)
    await call("query_rollouts", label="with everything", status_in=["preparing"], rollout_id_in=[ids[0]], rollout_id_contains="nothing", filter_logic="or", sort_by="start_time", sort_order="desc", limit=3, offset=1)
    await call("query_attempts", taken.rollout_id)
    await call("query_attempts", taken.rollout_id, label="as stored", sort_by=None, limit=2)
    await call("get_latest_attempt", ids[0])
    await call("get_rollout_by_id", ids[0])
    await call("update_rollout", ids[0], label="nothing")
    await call("update_rollout", ids[0], label="with everything", input=None, mode=None, resources_id=None, status="running", config=RolloutConfig(), metadata=None)
    await call("get_next_span_sequence_id", *ids)
    context = {"trace_id": "a" * 32, "span_id": "b" * 16, "is_remote": False, "trace_state": {}}
    fixed = {"start_time": 1700000000.25, "end_time": None, "context": context}
    span = make_span(*ids, 2, attributes={"s": "é", "b": True, "i": 2**62, "f": 1.0, "l": [1.0, 2.5]}, **fixed)
    await call("add_span", span)
    await call("add_span", span, label="again")
    queued = await call("enqueue_rollout", None, label="for a span with NaN")
    other = await call("start_attempt", queued.rollout_id, label="for a span with NaN")
    try:
        await call("add_span", make_span(other.rollout_id, other.attempt.attempt_id, attributes={"n": float("nan")}, **fixed), label="with NaN")
    except ValueError:
        pass  # The reply carries null for NaN, which this very client cannot read.
    _, child = otel_spans()
    await call("add_otel_span", *ids, child)
    await call("query_spans", ids[0], "latest", label="of the latest attempt, by name", name="child", limit=1)
    filters = {f"{name}{how}": f"{name[0]}{how}" for name in ("trace_id", "span_id", "parent_id", "name") for how in ("", "_contains")}
    await call("query_spans", ids[0], ids[1], label="with everything", filter_logic="or", limit=1, offset=2, sort_by="start_time", sort_order="desc", **filters)
    await call("query_spans", ids[0], label="as stored", sort_by=None, name="nothing")
    await call("update_attempt", *ids, label="with everything", status="running", worker_id="Worker-2", last_heartbeat_time=1.5, metadata={"a": 1})
    await call("update_attempt", ids[0], "latest", status="succeeded")
    await call("wait_for_rollouts", rollout_ids=[ids[0], "ro-unknown"], timeout=0)
    await call("wait_for_rollouts", label="without timeout", rollout_ids=[ids[0]])
    await call("update_worker", "Worker-2")
    await call("update_worker", "Worker 1", label="with stats", heartbeat_stats={"cpu": float("inf"), "mem": 1.0})
    await call("get_worker_by_id", "Worker-2")
    await call("get_worker_by_id", "w 1 ü", label="unknown")
    await call("query_workers", worker_id_contains="nothing")
    await call("query_workers", label="with everything", status_in=["busy"], worker_id_contains="r 1", filter_logic="or", sort_by="worker_id", sort_order="desc")
    recorder.call = "OTLP export of a finished span"
    exporter = LightningStoreOTLPExporter(timeout=0.5)
    exporter.enable_store_otlp(f"{url}/v1/traces", "ro-000000000001", "at-00000001")
    await asyncio.to_thread(otel_spans, exporter)


async def main(target: str) -> None:
    recorder = Recorder(target.rstrip("/"))
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", recorder.handle)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"
    client = LightningStoreClient(url, retry_delays=(), health_retry_delays=(0.1,))
    try:
        await scenario(client, recorder, url)
    finally:
        await client.close()
        await runner.cleanup()
    lines = ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in recorder.entries)
    print(f'{{\n"headers": {json.dumps(recorder.common)},\n"requests": [\n{lines}\n]\n}}')


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
