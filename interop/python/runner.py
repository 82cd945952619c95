"""A real LitAgentRunner that executes N rollouts of the store at URL and ends: `runner.py URL N`.

The task is `{"number": n}`. The agent calls no model: it opens two spans with its OpenTelemetry tracer, which the package's
exporter sends by OTLP, and emits n / 10 as reward. A task without a number makes it fail. Prints a JSON line at the end.
"""

import asyncio
import json
import logging
import sys
import time

import reference  # noqa: F401
from agentlightning.emitter import emit_message, emit_reward
from agentlightning.litagent import LitAgent
from agentlightning.runner.agent import LitAgentRunner
from agentlightning.store.client_server import LightningStoreClient
from agentlightning.tracer.otel import OtelTracer
from opentelemetry.trace import get_tracer


class TenthAgent(LitAgent):
    def __init__(self, store: LightningStoreClient):
        super().__init__()
        self.store = store

    async def validation_rollout_async(self, task, resources, rollout):
        # The first heartbeat comes after a while; nothing here takes that long.
        deadline = time.monotonic() + 10
        while (await self.store.get_worker_by_id("Worker-0")).heartbeat_stats is None and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        with get_tracer("interop").start_as_current_span("think", attributes={"number": task["number"], "exact": 1.0}) as span:
            span.add_event("thought", {"resources": sorted(resources)})
            with get_tracer("interop").start_as_current_span("answer", attributes={"tokens": [1, 2, 3]}):
                pass
        emit_message(f"the tenth of {task['number']}")
        emit_reward(task["number"] / 10)

    training_rollout_async = validation_rollout_async


async def main(url: str, count: int) -> None:
    store = LightningStoreClient(url)
    runner = LitAgentRunner(OtelTracer(), max_rollouts=count, poll_interval=0.2, heartbeat_interval=0.2, interval_jitter=0.05)
    with runner.run_context(agent=TenthAgent(store), store=store):
        await runner.iter()
    worker = await store.get_worker_by_id("Worker-0")
    print(json.dumps({"rollouts": count, "worker": worker.model_dump(exclude={"heartbeat_stats"}), "stats": sorted(worker.heartbeat_stats or {})}))
    await store.close()


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
