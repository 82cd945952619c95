import re
import time

from agentlightning.types import AttemptedRollout, Rollout, RolloutConfig

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
