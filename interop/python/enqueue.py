"""Enqueues N rollouts at URL, polls until they are finished, and reads what came of them: `enqueue.py URL N`.

The tasks are `{"number": 0}` to `{"number": N - 1}` and one without a number. Prints a JSON line, one entry per rollout; exit
code 1 when they are not finished within 60 seconds. The reward is what the package's own `find_final_reward` finds.
"""

import asyncio
import json
import sys
import time

import reference  # noqa: F401
from agentlightning.emitter import find_final_reward, get_rewards_from_span, is_reward_span
from agentlightning.store.client_server import LightningStoreClient
from agentlightning.types import EnqueueRolloutRequest, PromptTemplate


async def main(url: str, count: int) -> int:
    store = LightningStoreClient(url)
    template = PromptTemplate(resource_type="prompt_template", template="the tenth of {number}", engine="f-string")
    resources = await store.add_resources({"prompt": template})
    tasks = [*({"number": number} for number in range(count)), {"no": "number"}]
    requests = [EnqueueRolloutRequest(input=task, mode="train", resources_id=resources.resources_id) for task in tasks]
    ids = [rollout.rollout_id for rollout in await store.enqueue_many_rollouts(requests)]
    deadline, finished = time.monotonic() + 60, []
    while len(finished) < len(ids) and time.monotonic() < deadline:
        await asyncio.sleep(0.1)
        finished = await store.wait_for_rollouts(rollout_ids=ids, timeout=0)
    results = []
    for rollout in finished:
        spans = await store.query_spans(rollout.rollout_id, "latest")
        attempt = await store.get_latest_attempt(rollout.rollout_id)
        results.append(
            {
                "input": rollout.input, "status": rollout.status, "attempt": attempt.status, "worker": attempt.worker_id,
                "reward": find_final_reward(spans), "names": [span.name for span in spans],
                "dimensions": [one.model_dump() for span in spans if is_reward_span(span) for one in get_rewards_from_span(span)],
            }
        )  # fmt: skip
    print(json.dumps(results))
    await store.close()
    return int(len(finished) < len(ids))


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main(sys.argv[1], int(sys.argv[2]))))
