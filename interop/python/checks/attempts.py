import asyncio
import time

from agentlightning.types import RolloutConfig

from . import World, check, equal, make_span, refused, same

RETRY_ONCE = RolloutConfig(max_attempts=2, retry_condition=["failed", "timeout", "unresponsive"])


@check()
async def start_attempt_reopens_a_finished_rollout(world: World):
    first = await world.client.start_rollout(input=1)
    await world.client.update_attempt(first.rollout_id, "latest", status="succeeded")
    second = await world.client.start_attempt(first.rollout_id, worker_id="second")
    equal((second.status, second.attempt.sequence_id, second.attempt.worker_id), ("preparing", 2, "second"))
    assert second.attempt.attempt_id != first.attempt.attempt_id
    equal((await world.client.start_attempt(first.rollout_id)).attempt.sequence_id, 3)
    equal((await world.client.get_latest_attempt(first.rollout_id)).sequence_id, 3)


@check()
async def query_attempts_sorts_and_pages(world: World):
    rollout = await world.client.start_rollout(input=1)
    for _ in range(3):
        await world.client.start_attempt(rollout.rollout_id)

    async def page(**options):
        found = await world.client.query_attempts(rollout.rollout_id, **options)
        return [one.sequence_id for one in found], found.limit, found.offset, found.total

    equal(await page(), ([1, 2, 3, 4], -1, 0, 4))
    equal(await page(sort_order="desc", limit=2, offset=1), ([3, 2], 2, 1, 4))
    equal(await page(sort_by=None), ([1, 2, 3, 4], -1, 0, 4))
    equal(await page(sort_by="start_time", offset=9), ([], -1, 9, 4))


@check()
async def update_attempt_keeps_what_it_is_told(world: World):
    rollout = await world.client.start_rollout(input=1, worker_id="before")
    ids = (rollout.rollout_id, rollout.attempt.attempt_id)
    equal((await world.client.update_attempt(*ids)).model_dump(), rollout.attempt.model_dump())
    changed = await world.client.update_attempt(*ids, worker_id="", last_heartbeat_time=12.5, metadata={"a": {"b": 1}})
    equal((changed.worker_id, changed.last_heartbeat_time, changed.metadata, changed.status), ("", 12.5, {"a": {"b": 1}}, "preparing"))
    running = await world.client.update_attempt(rollout.rollout_id, "latest", status="running")
    equal((running.attempt_id, running.status, running.metadata), (ids[1], "running", {"a": {"b": 1}}))
    equal((await world.client.get_rollout_by_id(rollout.rollout_id)).status, "running")


@check()
async def numbers_survive_in_the_metadata_of_an_attempt(world: World):
    rollout = await world.client.start_rollout(input=1)
    metadata = {"f": 3.0, "i": 2**60, "beyond 64 bits": 2**70}
    same((await world.client.update_attempt(rollout.rollout_id, "latest", metadata=metadata)).metadata, metadata)
    same((await world.client.get_latest_attempt(rollout.rollout_id)).metadata, metadata)


@check()
async def null_metadata_of_an_attempt_is_refused(world: World):
    rollout = await world.client.start_rollout(input=1)
    equal((await refused(world.client.update_attempt(rollout.rollout_id, "latest", metadata=None))).status, 400)


@check()
async def the_end_of_the_latest_attempt_ends_the_rollout(world: World):
    for status in ("succeeded", "failed"):
        rollout = await world.client.start_rollout(input=1)
        attempt = await world.client.update_attempt(rollout.rollout_id, rollout.attempt.attempt_id, status=status)
        ended = await world.client.get_rollout_by_id(rollout.rollout_id)
        equal((attempt.status, ended.status), (status, status))
        assert attempt.end_time > attempt.start_time, (attempt.start_time, attempt.end_time)
        assert ended.end_time >= attempt.end_time, (attempt.end_time, ended.end_time)


@check()
async def timeout_and_unresponsive_fail_the_rollout_and_have_no_end(world: World):
    for status in ("timeout", "unresponsive"):
        rollout = await world.client.start_rollout(input=1)
        attempt = await world.client.update_attempt(rollout.rollout_id, "latest", status=status)
        equal((attempt.status, attempt.end_time), (status, None))
        equal((await world.client.get_rollout_by_id(rollout.rollout_id)).status, "failed")


@check()
async def an_older_attempt_does_not_move_the_rollout(world: World):
    first = await world.client.start_rollout(input=1)
    await world.client.start_attempt(first.rollout_id)
    old = await world.client.update_attempt(first.rollout_id, first.attempt.attempt_id, status="failed")
    now = await world.client.get_rollout_by_id(first.rollout_id)
    equal((old.status, now.status, now.attempt.sequence_id, now.attempt.status), ("failed", "preparing", 2, "preparing"))


@check()
async def unknown_attempts_are_refused(world: World):
    rollout = await world.client.enqueue_rollout(input=1)
    assert (await refused(world.client.update_attempt(rollout.rollout_id, "latest", status="failed"))).status in (404, 500)
    await world.client.start_attempt(rollout.rollout_id)
    assert (await refused(world.client.update_attempt(rollout.rollout_id, "at-unknown", status="failed"))).status in (404, 500)
    assert (await refused(world.client.add_span(make_span(rollout.rollout_id, "at-unknown")))).status in (404, 500)


@check()
async def a_failed_attempt_is_retried_as_configured(world: World):
    await world.drain()
    rollout = await world.client.enqueue_rollout(input=1, config=RETRY_ONCE)
    for sequence_id, status in ((1, "requeuing"), (2, "failed")):
        taken = await world.client.dequeue_rollout()
        equal((taken.rollout_id, taken.attempt.sequence_id), (rollout.rollout_id, sequence_id))
        await world.client.update_attempt(rollout.rollout_id, taken.attempt.attempt_id, status="failed")
        equal((await world.client.get_rollout_by_id(rollout.rollout_id)).status, status)
    equal(await world.client.dequeue_rollout(), None)


@check()
async def only_listed_outcomes_are_retried(world: World):
    rollout = await world.client.start_rollout(input=1, config=RolloutConfig(max_attempts=3, retry_condition=["timeout"]))
    await world.client.update_attempt(rollout.rollout_id, "latest", status="failed")
    equal((await world.client.get_rollout_by_id(rollout.rollout_id)).status, "failed")


@check()
async def an_attempt_that_resumes_takes_its_rollout_out_of_the_queue(world: World):
    await world.drain()
    rollout = await world.client.start_rollout(input=1, config=RETRY_ONCE)
    ids = (rollout.rollout_id, rollout.attempt.attempt_id)
    await world.client.update_attempt(*ids, status="unresponsive")
    equal((await world.client.get_rollout_by_id(rollout.rollout_id)).status, "requeuing")
    await world.client.add_span(make_span(*ids))
    now = await world.client.get_rollout_by_id(rollout.rollout_id)
    equal((now.status, now.attempt.status, now.attempt.sequence_id), ("running", "running", 1))
    equal(await world.client.dequeue_rollout(), None)
    await world.client.update_attempt(*ids, status="succeeded")
    equal((await world.client.get_rollout_by_id(rollout.rollout_id)).status, "succeeded")


@check(better=True)
async def a_late_span_of_a_failed_attempt_does_not_strand_the_retry(world: World):
    await world.drain()
    rollout = await world.client.start_rollout(input=1, config=RETRY_ONCE)
    await world.client.update_attempt(rollout.rollout_id, "latest", status="failed")
    await world.client.add_span(make_span(rollout.rollout_id, rollout.attempt.attempt_id))
    equal((await world.client.get_rollout_by_id(rollout.rollout_id)).status, "requeuing")
    equal((await world.client.dequeue_rollout()).attempt.sequence_id, 2)


@check(better=True)
async def cancelled_sticks(world: World):
    rollout = await world.client.start_rollout(input=1)
    await world.client.update_rollout(rollout.rollout_id, status="cancelled")
    await world.client.update_attempt(rollout.rollout_id, "latest", metadata={"late": True})
    equal((await world.client.get_rollout_by_id(rollout.rollout_id)).status, "cancelled")
    await world.client.update_attempt(rollout.rollout_id, "latest", status="succeeded")
    equal((await world.client.get_rollout_by_id(rollout.rollout_id)).status, "cancelled")


async def until(world: World, rollout_id: str, status: str):
    """The scan comes with calls (at most one in 10 s) or by a timer; both are fine."""
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        rollout = await world.client.get_rollout_by_id(rollout_id)
        if rollout.attempt.status == status:
            return rollout
        await asyncio.sleep(0.1)
    raise AssertionError(f"expected the attempt to become {status} within 15 s, got {rollout.attempt.status}")


@check(slow=True)
async def an_attempt_times_out(world: World):
    started = await world.client.start_rollout(input=1, worker_id="late", config=RolloutConfig(timeout_seconds=0.1))
    await world.client.update_attempt(started.rollout_id, "latest", status="running")
    rollout = await until(world, started.rollout_id, "timeout")
    equal((rollout.status, rollout.attempt.end_time), ("failed", None))
    worker = await world.client.get_worker_by_id("late")
    equal((worker.status, worker.current_rollout_id), ("unknown", None))
    await world.client.add_span(make_span(started.rollout_id, started.attempt.attempt_id))
    attempt = await world.client.get_latest_attempt(started.rollout_id)
    equal(attempt.status, "timeout")
    assert attempt.last_heartbeat_time > started.start_time


@check(slow=True)
async def a_silent_attempt_is_unresponsive_until_a_span_comes(world: World):
    started = await world.client.start_rollout(input=1, config=RolloutConfig(unresponsive_seconds=0.1))
    rollout = await until(world, started.rollout_id, "unresponsive")
    equal((rollout.status, rollout.attempt.end_time), ("failed", None))
    await world.client.add_span(make_span(started.rollout_id, started.attempt.attempt_id))
    equal((await world.client.update_attempt(started.rollout_id, "latest", status="succeeded")).status, "succeeded")
