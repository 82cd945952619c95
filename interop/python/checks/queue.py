import asyncio
import re

from agentlightning.types import AttemptedRollout, EnqueueRolloutRequest

from . import World, check, equal


@check()
async def enqueue_many_keeps_the_order(world: World):
    await world.drain()
    equal(await world.client.enqueue_many_rollouts([]), [])
    many = await world.client.enqueue_many_rollouts([EnqueueRolloutRequest(input=number) for number in range(20)])
    equal([rollout.input for rollout in many], list(range(20)))
    equal(len({rollout.rollout_id for rollout in many}), 20)
    taken = [await world.client.dequeue_rollout() for _ in range(20)]
    equal([rollout.rollout_id for rollout in taken], [rollout.rollout_id for rollout in many])


@check()
async def dequeue_makes_the_first_attempt(world: World):
    await world.drain()
    queued = await world.client.enqueue_rollout(input="x")
    taken = await world.client.dequeue_rollout(worker_id="Worker-7")
    assert isinstance(taken, AttemptedRollout)
    equal((taken.rollout_id, taken.status, taken.start_time), (queued.rollout_id, "preparing", queued.start_time))
    attempt = taken.attempt
    assert re.fullmatch(r"at-[0-9A-Za-z]{8,}", attempt.attempt_id), attempt.attempt_id
    equal((attempt.sequence_id, attempt.status, attempt.worker_id, attempt.metadata), (1, "preparing", "Worker-7", None))
    equal((attempt.end_time, attempt.last_heartbeat_time), (None, None))
    assert attempt.start_time >= queued.start_time


@check()
async def an_empty_queue_answers_none_each_time(world: World):
    await world.drain()
    for _ in range(3):
        equal(await world.client.dequeue_rollout(worker_id="idle"), None)
        equal(list(await world.client.dequeue_many_rollouts(limit=5)), [])


@check()
async def dequeue_many_takes_up_to_the_limit_for_one_worker(world: World):
    await world.drain()
    await world.client.enqueue_many_rollouts([EnqueueRolloutRequest(input=number) for number in range(5)])
    first = await world.client.dequeue_many_rollouts(limit=3, worker_id="many")
    equal([(one.input, one.attempt.worker_id) for one in first], [(0, "many"), (1, "many"), (2, "many")])
    equal([one.input for one in await world.client.dequeue_many_rollouts(limit=10)], [3, 4])
    equal(list(await world.client.dequeue_many_rollouts(limit=0)), [])


@check()
async def racing_dequeues_never_take_one_twice(world: World):
    await world.drain()
    await world.client.enqueue_many_rollouts([EnqueueRolloutRequest(input=number) for number in range(20)])
    taken = await asyncio.gather(*(world.client.dequeue_rollout() for _ in range(30)))
    equal(sorted(one.input for one in taken if one is not None), list(range(20)))


@check()
async def entries_that_left_the_queue_are_skipped(world: World):
    await world.drain()
    cancelled, started, kept = [await world.client.enqueue_rollout(input=number) for number in range(3)]
    await world.client.update_rollout(cancelled.rollout_id, status="cancelled")
    await world.client.start_attempt(started.rollout_id)
    equal((await world.client.dequeue_rollout()).rollout_id, kept.rollout_id)
    equal(await world.client.dequeue_rollout(), None)


@check()
async def requeuing_puts_a_rollout_in_the_queue_once(world: World):
    await world.drain()
    rollout = await world.client.start_rollout(input=1)
    equal(await world.client.dequeue_rollout(), None)
    for _ in range(2):
        equal((await world.client.update_rollout(rollout.rollout_id, status="requeuing")).status, "requeuing")
    again = await world.client.dequeue_rollout()
    equal((again.rollout_id, again.attempt.sequence_id, again.status), (rollout.rollout_id, 2, "preparing"))
    equal(await world.client.dequeue_rollout(), None)
