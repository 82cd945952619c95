"""What is pinned below the client: statuses, bodies and headers of plain requests, as the reference's REST tests send them."""

import asyncio

from . import World, check, equal, make_span

COLLECTIONS = {"/rollouts": "start_time", "/workers": "worker_id"}


@check()
async def creations_answer_201_and_changes_200(world: World):
    status, (rollout,), headers = await world.call("POST", "/queues/rollouts/enqueue", {"rollouts": [{"input": 1}]})
    equal((status, headers["Content-Type"].split(";")[0]), (201, "application/json"))
    path = f"/rollouts/{rollout['rollout_id']}"
    equal((await world.call("POST", "/queues/rollouts/enqueue", {"rollouts": []}))[:2], (201, []))
    equal((await world.call("POST", "/rollouts", {"input": None}))[0], 201)
    status, attempted, _ = await world.call("POST", f"{path}/attempts", {})
    equal(status, 201)
    equal((await world.call("POST", f"{path}/attempts/latest", {}))[0], 200)
    equal((await world.call("POST", path, {}))[0], 200)
    equal((await world.call("POST", "/resources", {}))[0], 201)
    equal((await world.call("POST", "/resources/chosen", {}))[0], 200)
    span = make_span(attempted["rollout_id"], attempted["attempt"]["attempt_id"]).model_dump(mode="json")
    equal((await world.call("POST", "/spans", span))[0], 201)
    status, body, headers = await world.call("POST", "/spans", span)
    equal((status, body, headers["Content-Type"].split(";")[0]), (201, None, "application/json"))
    ids = {"rollout_id": span["rollout_id"], "attempt_id": span["attempt_id"]}
    equal((await world.call("POST", "/spans/next", ids))[:2], (200, {"sequence_id": 2}))


@check()
async def what_is_missing_is_a_json_null(world: World):
    queued = await world.client.enqueue_rollout(input=1)
    for path in ("/workers/missing", "/resources/rs-missing", f"/rollouts/{queued.rollout_id}/attempts/latest"):
        status, body, headers = await world.call("GET", path)
        equal((path, status, body, headers["Content-Type"].split(";")[0]), (path, 200, None, "application/json"))


@check()
async def bodies_may_be_left_out_or_null(world: World):
    await world.drain()
    octets = {"Content-Type": "application/octet-stream"}
    for data, headers in ((None, None), (b"", octets), (b"null", {"Content-Type": "application/json"})):
        made = await world.client.enqueue_rollout(input=1)
        status, taken, _ = await world.call("POST", "/queues/rollouts/dequeue", data=data, headers=headers)
        equal((status, [one["rollout_id"] for one in taken]), (200, [made.rollout_id]))
        equal((await world.call("POST", f"/rollouts/{made.rollout_id}/attempts", data=data, headers=headers))[0], 201)
        equal((await world.call("POST", "/workers/bodyless", data=data, headers=headers))[0], 200)


@check()
async def a_limit_of_zero_leaves_the_queue_alone(world: World):
    await world.drain()
    made = await world.client.enqueue_rollout(input=1)
    for limit in (0, -1):
        equal((await world.call("POST", "/queues/rollouts/dequeue", {"limit": limit, "worker_id": "zero"}))[:2], (200, []))
    equal((await world.client.dequeue_rollout()).rollout_id, made.rollout_id)


@check()
async def wrong_pages_are_refused_with_400(world: World):
    for path in ("/rollouts", "/workers", "/resources", "/rollouts/ro-x/attempts", "/spans"):
        base = {"rollout_id": "ro-x"} if path == "/spans" else {}
        for wrong in ({"limit": 0}, {"limit": -2}, {"offset": -1}, {"sort_by": "nope"}, {"sort_by": ""}):
            status, body, _ = await world.call("GET", path, params={**base, **wrong})
            equal((path, wrong, status), (path, wrong, 400))
            if "sort_by" in wrong:
                beginning = f"Invalid sort_by: {wrong['sort_by']}, allowed fields are: "
                assert body["detail"].startswith(beginning), body
            if path != "/resources":
                equal((path, wrong, (await world.call("POST", f"{path}/search", {**base, **wrong}))[0]), (path, wrong, 400))


@check()
async def wrong_words_and_shapes_are_refused_with_422(world: World):
    for path, wrong in (
        ("/rollouts", {"filter_logic": "xor"}), ("/rollouts", {"status_in": "bad"}), ("/rollouts", {"sort_order": "up"}),
        ("/rollouts", {"limit": "many"}), ("/rollouts", {"limit": ""}), ("/workers", {"status_in": "bad"}), ("/spans", {}),
    ):  # fmt: skip
        status, body, _ = await world.call("GET", path, params=wrong)
        equal((path, wrong, status, type(body["detail"])), (path, wrong, 422, list))
    for path, wrong in (
        ("/rollouts/search", {"filter_logic": "xor"}), ("/spans/search", {}), ("/spans/next", {"rollout_id": "x"}),
        ("/queues/rollouts/enqueue", {}), ("/queues/rollouts/enqueue", {"rollouts": [{}]}), ("/rollouts", {}),
        ("/rollouts", {"input": 1, "mode": "other"}), ("/rollouts", {"input": 1, "config": {"max_attempts": 0}}),
        ("/waits/rollouts", {}), ("/resources", {"x": {}}), ("/resources", {"x": {"resource_type": "gadget"}}),
        ("/spans", {"rollout_id": "x"}),
    ):  # fmt: skip
        status, body, _ = await world.call("POST", path, wrong)
        equal((path, wrong, status, type(body["detail"])), (path, wrong, 422, list))
    json_type, text_type = {"Content-Type": "application/json"}, {"Content-Type": "text/plain"}
    equal((await world.call("POST", "/rollouts", data=b'{"input":', headers=json_type))[0], 422)
    equal((await world.call("POST", "/rollouts", data=b'{"input":1}', headers=text_type))[0], 422)
    equal((await world.call("POST", "/rollouts/search", data=b"", headers=json_type))[0], 422)


@check()
async def forbidden_nulls_are_refused_with_400(world: World):
    rollout = await world.client.start_rollout(input=1)
    path = f"/rollouts/{rollout.rollout_id}"
    for where, fields in ((path, ("status", "config")), (f"{path}/attempts/latest", ("status", "worker_id", "last_heartbeat_time", "metadata"))):
        for field in fields:
            status, body, _ = await world.call("POST", where, {field: None})
            equal((status, body["detail"]), (400, f"{field} is invalid; it cannot be a null value."))
    equal((await world.call("POST", "/workers/nulled", {"heartbeat_stats": None}))[0], 400)


@check()
async def unknown_paths_and_methods(world: World):
    equal((await world.call("POST", "/rollouts/ro-x/attempts/at-x/nothing/here", {}))[0] in (404, 405), True)
    status, _, headers = await world.call("PUT", "/rollouts", {})
    equal((status, "Allow" in headers), (405, True))


@check()
async def numeric_texts_and_unknown_fields_are_accepted(world: World):
    config = {"timeout_seconds": "60", "max_attempts": 2.0, "unknown": 1}
    status, body, _ = await world.call("POST", "/rollouts", {"input": 1, "config": config, "unknown": {}})
    equal(status, 201)
    equal((body["config"]["timeout_seconds"], body["config"]["max_attempts"]), (60.0, 2))
    status, body, _ = await world.call("POST", "/rollouts", data=b'{"input": {"n": NaN, "i": -Infinity}}', headers={"Content-Type": "application/json"})
    equal((status, body["input"]), (201, {"n": None, "i": None}))


@check()
async def replies_are_records_with_every_field(world: World):
    _, body, _ = await world.call("POST", "/rollouts", {"input": 1})
    equal(set(body), {"rollout_id", "input", "start_time", "end_time", "mode", "resources_id", "status", "config", "metadata", "attempt"})
    equal(
        set(body["attempt"]),
        {"rollout_id", "attempt_id", "sequence_id", "start_time", "end_time", "status", "worker_id", "last_heartbeat_time", "metadata"},
    )
    equal(set(body["config"]), {"timeout_seconds", "unresponsive_seconds", "max_attempts", "retry_condition"})
    _, worker, _ = await world.call("POST", "/workers/fields")
    times = {f"last_{name}_time" for name in ("heartbeat", "dequeue", "busy", "idle")}
    equal(set(worker), {"worker_id", "status", "heartbeat_stats", "current_rollout_id", "current_attempt_id", *times})
    _, update, _ = await world.call("POST", "/resources", {})
    equal(set(update), {"resources_id", "create_time", "update_time", "version", "resources"})


@check()
async def get_and_search_answer_the_same(world: World):
    rollouts = [await world.client.start_rollout(input=number, worker_id=f"w{number}") for number in range(3)]
    ids = [one.rollout_id for one in rollouts]
    await world.client.add_span(make_span(ids[0], rollouts[0].attempt.attempt_id, name="wanted"))
    cases = [
        ("/rollouts", [("rollout_id_in", ids[0]), ("rollout_id_in", ids[2]), ("status_in", "preparing"), ("status_in", "running"), ("sort_by", "start_time"), ("sort_order", "desc"), ("limit", 1)]),
        ("/workers", [("worker_id_contains", "w"), ("status_in", "busy"), ("filter_logic", "or"), ("sort_by", "worker_id"), ("limit", 2), ("offset", 1)]),
        (f"/rollouts/{ids[0]}/attempts", [("sort_by", "sequence_id"), ("limit", 5)]),
        ("/spans", [("rollout_id", ids[0]), ("attempt_id", "latest"), ("name_contains", "want")]),
    ]  # fmt: skip
    for path, params in cases:
        body = {}
        for key, value in params:
            body[key] = [*body.get(key, []), value] if key.endswith("_in") else value
        got, searched = await world.call("GET", path, params=params), await world.call("POST", f"{path}/search", body)
        equal((got[0], searched[0]), (200, 200))
        equal(got[1], searched[1])
        assert got[1]["items"], f"{path} found nothing"
    equal((await world.call("POST", "/rollouts/search", {"status_in": None, "rollout_id_in": ids}))[1]["total"], 3)


@check(slow=True)
async def a_connection_may_idle_for_six_seconds(world: World):
    host, port = world.url.split("//")[1].split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    for pause in (6, 0):
        writer.write(f"GET /v1/agl/health HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        assert head.startswith(b"HTTP/1.1 200"), head
        length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
        await reader.readexactly(length)
        await asyncio.sleep(pause)
    writer.close()
