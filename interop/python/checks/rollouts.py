import asyncio
import re
import time

from agentlightning.types import AttemptedRollout, EnqueueRolloutRequest, Rollout, RolloutConfig

from . import World, check, equal, make_span, refused, same

LOSSLESS = {
    "integer": 1, "float": 1.0, "zero": -0.0, "beyond doubles": 2**53 + 1, "beyond 64 bits": 2**70, "exponent": 1e22,
    "text": "é✓\u2028\n\"\\", "null": None, "list": [1, 1.0, [], {}], "true": True, "nested": {"a": {"b": [0.1]}}, "": 0,
}  # fmt: skip


@check()
async def health_and_capabilities(world: World):
    status, body, headers = await world.call("GET", "/health")
    equal((status, body), (200, {"status": "ok"}))
    equal(headers["Content-Type"].split(";")[0], "application/json")
    equal(world.client.otlp_traces_endpoint(), f"{world.url}/v1/traces")
    assert world.client.capabilities["otlp_traces"] is True


@check()
async def statistics_count_by_one(world: World):
    before = await world.client.statistics()
    rollout = await world.client.start_rollout(input=1)
    await world.client.add_span(make_span(rollout.rollout_id, rollout.attempt.attempt_id))
    await world.client.add_resources({})
    await world.client.update_worker(f"statistics-{time.time()}")
    after = await world.client.statistics()
    for name in ("total_rollouts", "total_attempts", "total_spans", "total_resources", "total_workers"):
        equal(after[name], before[name] + 1)
    assert after["uptime"] > before["uptime"], f"uptime {before['uptime']} then {after['uptime']}"
    assert isinstance(after["name"], str) and after["name"]


@check()
async def enqueue_rollout_answers_a_plain_queuing_rollout(world: World):
    before = time.time()
    rollout = await world.client.enqueue_rollout(
        input={"task": 1}, mode="train", config=RolloutConfig(timeout_seconds=60, max_attempts=2, retry_condition=["failed"]),
        metadata={"k": [1]},
    )  # fmt: skip
    assert type(rollout) is Rollout and not hasattr(rollout, "attempt")
    assert re.fullmatch(r"ro-[0-9A-Za-z]{8,}", rollout.rollout_id), rollout.rollout_id
    equal((rollout.status, rollout.mode, rollout.end_time), ("queuing", "train", None))
    equal(rollout.config.model_dump(), {"timeout_seconds": 60.0, "unresponsive_seconds": None, "max_attempts": 2, "retry_condition": ["failed"]})
    assert before - 0.002 <= rollout.start_time <= time.time() + 0.002, (before, rollout.start_time)
    same([rollout.input, rollout.metadata], [{"task": 1}, {"k": [1]}])
    assert type(await world.client.get_rollout_by_id(rollout.rollout_id)) is Rollout


@check()
async def numbers_and_texts_survive_in_input_and_metadata(world: World):
    started = await world.client.start_rollout(input=LOSSLESS, metadata=LOSSLESS)
    same([started.input, started.metadata], [LOSSLESS, LOSSLESS])
    read = await world.client.get_rollout_by_id(started.rollout_id)
    same([read.input, read.metadata], [LOSSLESS, LOSSLESS])
    changed = await world.client.update_rollout(started.rollout_id, input=[2**70, 1.0], metadata={"f": 2.0})
    same([changed.input, changed.metadata], [[2**70, 1.0], {"f": 2.0}])


@check()
async def not_a_number_is_accepted_and_answered_as_null(world: World):
    rollout = await world.client.enqueue_rollout(input={"n": float("nan")}, metadata={"i": float("-inf")})
    same([rollout.input, rollout.metadata], [{"n": None}, {"i": None}])


@check()
async def metadata_null_becomes_an_empty_object_at_creation(world: World):
    equal((await world.client.enqueue_rollout(input=None)).metadata, {})
    started = await world.client.start_rollout(input=None)
    equal((started.input, started.metadata, started.attempt.metadata), (None, {}, None))


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


@check()
async def start_rollout_makes_an_attempt_at_the_same_time(world: World):
    await world.drain()
    rollout = await world.client.start_rollout(input=1, mode="val", worker_id="starter", config=RolloutConfig(unresponsive_seconds=9))
    equal((rollout.status, rollout.mode, rollout.attempt.status), ("preparing", "val", "preparing"))
    equal((rollout.attempt.sequence_id, rollout.attempt.worker_id), (1, "starter"))
    equal(rollout.start_time, rollout.attempt.start_time)
    equal(rollout.config.unresponsive_seconds, 9.0)
    equal(await world.client.dequeue_rollout(), None)


@check()
async def query_filters_by_status_id_and_part_of_id(world: World):
    a, b = [await world.client.enqueue_rollout(input=number) for number in range(2)]
    c = await world.client.start_rollout(input=2)
    ids = [a.rollout_id, b.rollout_id, c.rollout_id]

    async def found(**filters):
        return [one.rollout_id for one in await world.client.query_rollouts(**filters)]

    equal(await found(rollout_id_in=ids), ids)
    equal(await found(rollout_id_in=ids, status_in=["preparing"]), [c.rollout_id])
    equal(await found(rollout_id_contains=b.rollout_id[4:]), [b.rollout_id])
    equal(await found(rollout_id_in=[a.rollout_id], rollout_id_contains=c.rollout_id[3:], filter_logic="or"), [a.rollout_id, c.rollout_id])
    equal(await found(rollout_id_in=[]), [])
    equal(await found(rollout_id_in=ids, status_in=[]), [])
    equal(await found(rollout_ids=ids, status=["queuing"]), ids[:2])
    equal(await found(rollout_ids=ids, rollout_id_in=[b.rollout_id]), [b.rollout_id])


@check()
async def query_rows_carry_the_latest_attempt_if_there_is_one(world: World):
    queued = await world.client.enqueue_rollout(input=0)
    started = await world.client.start_rollout(input=1)
    second = await world.client.start_attempt(started.rollout_id)
    rows = await world.client.query_rollouts(rollout_id_in=[queued.rollout_id, started.rollout_id])
    assert type(rows[0]) is Rollout and isinstance(rows[1], AttemptedRollout)
    equal((rows[1].attempt.attempt_id, rows[1].attempt.sequence_id), (second.attempt.attempt_id, 2))
    equal((await world.client.get_rollout_by_id(started.rollout_id)).attempt.attempt_id, second.attempt.attempt_id)


@check()
async def query_sorts_and_pages(world: World):
    ids = [(await world.client.enqueue_rollout(input=number, mode=mode)).rollout_id for number, mode in enumerate(["val", None, "train"])]

    async def page(**options):
        return await world.client.query_rollouts(rollout_id_in=ids, **options)

    equal([one.input for one in await page(sort_by="start_time", sort_order="desc")], [2, 1, 0])
    equal([one.mode for one in await page(sort_by="mode")], [None, "train", "val"])
    equal([one.mode for one in await page(sort_by="mode", sort_order="desc")], ["val", "train", None])
    part = await page(sort_by="start_time", limit=1, offset=1)
    equal(([one.input for one in part], part.limit, part.offset, part.total), ([1], 1, 1, 3))
    beyond = await page(offset=9)
    equal((list(beyond), beyond.limit, beyond.offset, beyond.total), ([], -1, 9, 3))


@check()
async def update_leaves_alone_what_is_not_given_and_sets_null_what_is(world: World):
    resources = await world.client.add_resources({})
    made = await world.client.enqueue_rollout(input=1, mode="train", resources_id=resources.resources_id, metadata={"a": 1})
    untouched = await world.client.update_rollout(made.rollout_id)
    equal(untouched.model_dump(), made.model_dump())
    nulled = await world.client.update_rollout(made.rollout_id, input=None, mode=None, resources_id=None, metadata=None)
    equal((nulled.input, nulled.mode, nulled.resources_id, nulled.metadata, nulled.status), (None, None, None, None, "queuing"))
    assert type(nulled) is Rollout
    configured = await world.client.update_rollout(made.rollout_id, config=RolloutConfig(max_attempts=4))
    equal((configured.config.max_attempts, configured.metadata), (4, None))


@check()
async def a_terminal_status_sets_the_end(world: World):
    for status in ("succeeded", "failed", "cancelled"):
        made = await world.client.enqueue_rollout(input=1)
        ended = await world.client.update_rollout(made.rollout_id, status=status)
        equal(ended.status, status)
        assert ended.end_time > ended.start_time, (ended.start_time, ended.end_time)


@check()
async def unknown_rollouts_are_none_empty_or_refused(world: World):
    client = world.client
    equal(await client.get_rollout_by_id("ro-unknown"), None)
    equal(await client.get_latest_attempt("ro-unknown"), None)
    attempts = await client.query_attempts("ro-unknown")
    equal((list(attempts), attempts.total), ([], 0))
    spans = await client.query_spans("ro-unknown")
    equal((list(spans), spans.total), ([], 0))
    equal(await client.wait_for_rollouts(rollout_ids=["ro-unknown"], timeout=0), [])
    for call in (
        client.update_rollout("ro-unknown", status="failed"), client.start_attempt("ro-unknown"),
        client.update_attempt("ro-unknown", "latest", status="failed"), client.add_span(make_span("ro-unknown", "at-1")),
    ):  # fmt: skip
        assert (await refused(call)).status in (404, 500)


@check(better=True)
async def unknown_rollouts_are_answered_at_once_with_404(world: World):
    began = time.monotonic()
    equal(await world.patient.get_rollout_by_id("ro-unknown"), None)
    equal((await refused(world.patient.start_attempt("ro-unknown"))).status, 404)
    equal((await refused(world.patient.update_rollout("ro-unknown", mode="val"))).status, 404)
    equal((await refused(world.patient.add_span(make_span("ro-unknown", "at-1")))).status, 404)
    assert time.monotonic() - began < 2, f"took {time.monotonic() - began:.1f} s"
    equal((await world.call("GET", "/rollouts/ro-unknown"))[:2], (200, None))


@check(better=True)
async def refusals_say_what_is_unknown(world: World):
    async def detail(path, body):
        status, answer, _ = await world.call("POST", path, body)
        equal(status, 404)
        assert "traceback" not in answer
        return answer["detail"]

    equal(await detail("/rollouts/nonexistent/attempts", {}), "Rollout nonexistent not found")
    assert re.search("Item.*does not exist", await detail("/rollouts/nonexistent", {"mode": "val"}))
    queued = await world.client.enqueue_rollout(input=1)
    path = f"/rollouts/{queued.rollout_id}/attempts"
    equal(await detail(f"{path}/latest", {"status": "failed"}), f"No attempts found for rollout {queued.rollout_id}")
    await world.client.start_attempt(queued.rollout_id)
    equal(await detail(f"{path}/attempt-missing", {"status": "failed"}), f"Attempt attempt-missing not found for rollout {queued.rollout_id}")
    span = make_span(queued.rollout_id, "attempt-missing").model_dump(mode="json")
    equal(await detail("/spans", span), f"Attempt attempt-missing not found for rollout {queued.rollout_id}")


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
