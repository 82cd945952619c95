import time

from . import World, check, equal


@check()
async def a_heartbeat_makes_an_unknown_worker(world: World):
    name = f"Worker {time.time()}"
    equal(await world.client.get_worker_by_id(name), None)
    before = time.time()
    made = await world.client.update_worker(name)
    equal((made.worker_id, made.status, made.heartbeat_stats, made.current_rollout_id), (name, "unknown", None, None))
    assert before - 0.002 <= made.last_heartbeat_time <= time.time() + 0.002
    equal((await world.client.get_worker_by_id(name)).model_dump(), made.model_dump())
    stats = {"cpu_usage_pct": 1.0, "cores": 2, "gpus": [{"util_pct": 0}], "bytes": 2**50}
    equal((await world.client.update_worker(name, heartbeat_stats=stats)).heartbeat_stats, stats)
    again = await world.client.update_worker(name)
    equal(again.heartbeat_stats, stats)
    assert again.last_heartbeat_time > made.last_heartbeat_time
    equal((await world.client.update_worker(name, heartbeat_stats={"inf": float("inf")})).heartbeat_stats, {"inf": None})


@check()
async def a_worker_follows_its_work(world: World):
    await world.drain()
    name = f"busy-{time.time()}"
    await world.client.update_worker(name, heartbeat_stats={"kept": True})
    equal(await world.client.dequeue_rollout(worker_id=name), None)
    idle = await world.client.get_worker_by_id(name)
    equal(idle.status, "idle")
    assert idle.last_dequeue_time is not None and idle.last_idle_time is not None
    await world.client.enqueue_rollout(input=1)
    taken = await world.client.dequeue_rollout(worker_id=name)
    busy = await world.client.get_worker_by_id(name)
    equal((busy.status, busy.current_rollout_id, busy.current_attempt_id), ("busy", taken.rollout_id, taken.attempt.attempt_id))
    assert busy.last_busy_time is not None and busy.last_dequeue_time >= idle.last_dequeue_time
    equal((busy.heartbeat_stats, busy.last_heartbeat_time), (idle.heartbeat_stats, idle.last_heartbeat_time))
    await world.client.update_attempt(taken.rollout_id, taken.attempt.attempt_id, status="succeeded")
    done = await world.client.get_worker_by_id(name)
    equal((done.status, done.current_rollout_id, done.current_attempt_id, done.heartbeat_stats), ("idle", None, None, {"kept": True}))


@check()
async def started_and_assigned_work_makes_a_worker_busy(world: World):
    name = f"assigned-{time.time()}"
    started = await world.client.start_rollout(input=1, worker_id=name)
    equal((await world.client.get_worker_by_id(name)).current_attempt_id, started.attempt.attempt_id)
    again = await world.client.start_attempt(started.rollout_id, worker_id=name)
    equal((await world.client.get_worker_by_id(name)).current_attempt_id, again.attempt.attempt_id)
    other = await world.client.start_rollout(input=1)
    await world.client.update_attempt(other.rollout_id, "latest", worker_id=f"{name}-b")
    worker = await world.client.get_worker_by_id(f"{name}-b")
    equal((worker.status, worker.current_rollout_id), ("busy", other.rollout_id))


@check()
async def workers_are_queried(world: World):
    mark = f"query-{time.time()}"
    for number in (2, 1, 3):
        await world.client.update_worker(f"{mark}-{number}")
    await world.client.start_rollout(input=1, worker_id=f"{mark}-3")

    async def found(**options):
        page = await world.client.query_workers(**options)
        return [one.worker_id[-1] for one in page if one.worker_id.startswith(mark)]

    equal(await found(worker_id_contains=mark), ["2", "1", "3"])
    equal(await found(worker_id_contains=mark, sort_by="worker_id", sort_order="desc"), ["3", "2", "1"])
    equal(await found(worker_id_contains=mark, status_in=["busy"]), ["3"])
    equal(await found(worker_id_contains=f"{mark}-1", status_in=["busy"], filter_logic="or"), ["1", "3"])
    equal(await found(worker_id_contains=mark, status_in=[]), [])
    page = await world.client.query_workers(worker_id_contains=mark)
    equal((page.limit, page.offset, page.total), (-1, 0, 3))
