import asyncio
import time

from agentlightning.types import Rollout

from . import World, check, equal


@check()
async def wait_answers_the_finished_in_the_order_asked(world: World):
    a, b, open_one = [await world.client.enqueue_rollout(input=number) for number in range(3)]
    for rollout in (a, b):
        await world.client.update_rollout(rollout.rollout_id, status="succeeded")
    ids = [b.rollout_id, "ro-unknown", open_one.rollout_id, a.rollout_id, b.rollout_id]
    for timeout in (0.0, 0.1, -1):
        began = time.monotonic()
        finished = await world.client.wait_for_rollouts(rollout_ids=ids, timeout=timeout)
        equal([one.rollout_id for one in finished], [b.rollout_id, a.rollout_id, b.rollout_id])
        assert all(type(one) is Rollout for one in finished)
        assert time.monotonic() - began < 1, f"timeout {timeout} took {time.monotonic() - began:.2f} s"
    equal(await world.client.wait_for_rollouts(rollout_ids=[], timeout=0), [])
    try:
        await world.client.wait_for_rollouts(rollout_ids=ids, timeout=0.2)
        raise AssertionError("expected a ValueError for a timeout over 0.1")
    except ValueError:
        pass


@check()
async def wait_without_timeout_wakes_at_the_end(world: World):
    rollout = await world.client.start_rollout(input=1)
    waits = [asyncio.create_task(world.client.wait_for_rollouts(rollout_ids=[rollout.rollout_id])) for _ in range(3)]
    await asyncio.sleep(0.2)
    assert not any(wait.done() for wait in waits), "a wait ended before the rollout did"
    ended = time.monotonic()
    await world.client.update_attempt(rollout.rollout_id, rollout.attempt.attempt_id, status="succeeded")
    for finished in await asyncio.wait_for(asyncio.gather(*waits), 5):
        equal([one.status for one in finished], ["succeeded"])
    assert time.monotonic() - ended < 1, f"woke after {time.monotonic() - ended:.2f} s"


@check()
async def a_wait_can_be_given_up(world: World):
    rollout = await world.client.start_rollout(input=1)
    wait = asyncio.create_task(world.client.wait_for_rollouts(rollout_ids=[rollout.rollout_id]))
    await asyncio.sleep(0.1)
    wait.cancel()
    equal([type(one) for one in await asyncio.gather(wait, return_exceptions=True)], [asyncio.CancelledError])
    equal((await world.client.get_rollout_by_id(rollout.rollout_id)).status, "preparing")


@check(better=True)
async def a_wait_after_a_reopening_waits(world: World):
    rollout = await world.client.start_rollout(input=1)
    await world.client.update_attempt(rollout.rollout_id, "latest", status="succeeded")
    equal(len(await world.client.wait_for_rollouts(rollout_ids=[rollout.rollout_id], timeout=0)), 1)
    await world.client.start_attempt(rollout.rollout_id)
    wait = asyncio.create_task(world.client.wait_for_rollouts(rollout_ids=[rollout.rollout_id]))
    await asyncio.sleep(0.2)
    assert not wait.done(), "the wait ended although the rollout runs again"
    await world.client.update_attempt(rollout.rollout_id, "latest", status="failed")
    equal([one.status for one in await asyncio.wait_for(wait, 5)], ["failed"])
