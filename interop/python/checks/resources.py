import re
import time

from agentlightning.types import LLM, PromptTemplate, ProxyLLM

from . import World, check, equal, same


def template(text: str):
    return {"prompt": PromptTemplate(resource_type="prompt_template", template=text, engine="f-string")}


@check()
async def the_three_kinds_come_back_as_sent(world: World):
    sampling = {"temperature": 0.5, "top_k": 1, "stop": ["a"], "nested": {"x": None}}
    given = {
        "llm": LLM(resource_type="llm", endpoint="http://e", model="m", api_key="k", sampling_parameters=sampling),
        "proxy": ProxyLLM(resource_type="proxy_llm", endpoint="http://p/v1", model="pm"),
        **template("a {b}"),
    }
    added = await world.client.add_resources(given)
    read = await world.client.get_resources_by_id(added.resources_id)
    for update in (added, read):
        equal({name: (type(one), one.model_dump()) for name, one in update.resources.items()}, {name: (type(one), one.model_dump()) for name, one in given.items()})
    equal(list(read.resources), list(given))


@check()
async def numbers_survive_in_sampling_parameters(world: World):
    sampling = {"temperature": 1.0, "top_k": 1, "seed": 2**63}
    added = await world.client.add_resources({"llm": LLM(resource_type="llm", endpoint="http://e", model="m", sampling_parameters=sampling)})
    read = await world.client.get_resources_by_id(added.resources_id)
    for update in (added, read):
        same(update.resources["llm"].sampling_parameters, sampling)


@check()
async def added_resources_are_the_latest(world: World):
    before = time.time()
    added = await world.client.add_resources(template("one"))
    assert re.fullmatch(r"rs-[0-9a-z]{12}", added.resources_id), added.resources_id
    equal((added.version, added.create_time), (1, added.update_time))
    assert before - 0.002 <= added.create_time <= time.time() + 0.002
    equal((await world.client.get_latest_resources()).resources_id, added.resources_id)
    empty = await world.client.add_resources({})
    equal((empty.resources, (await world.client.get_latest_resources()).resources_id), ({}, empty.resources_id))


@check()
async def an_update_replaces_everything_and_is_the_latest(world: World):
    added = await world.client.add_resources(template("one"))
    await world.client.add_resources(template("other"))
    updated = await world.client.update_resources(added.resources_id, {"new": template("two")["prompt"]})
    equal((list(updated.resources), updated.version, updated.create_time), (["new"], 2, added.create_time))
    assert updated.update_time > added.update_time, (added.update_time, updated.update_time)
    equal((await world.client.get_latest_resources()).model_dump(), updated.model_dump())
    equal((await world.client.get_resources_by_id(added.resources_id)).model_dump(), updated.model_dump())


@check()
async def an_update_of_an_unknown_id_makes_it(world: World):
    name = f"chosen-{time.time()}"
    made = await world.client.update_resources(name, template("x"))
    equal((made.resources_id, made.version), (name, 1))
    equal((await world.client.get_latest_resources()).resources_id, name)
    equal(await world.client.get_resources_by_id("rs-unknown"), None)


@check()
async def resources_are_queried(world: World):
    mark = f"query-{time.time()}"
    for number in (2, 1, 3):
        await world.client.update_resources(f"{mark}-{number}", template(str(number)))

    async def page(**options):
        found = await world.client.query_resources(**options)
        return [one.resources_id[-1] for one in found], found.limit, found.offset, found.total

    equal(await page(resources_id_contains=mark), (["2", "1", "3"], -1, 0, 3))
    equal(await page(resources_id=f"{mark}-1"), (["1"], -1, 0, 1))
    equal(await page(resources_id_contains=mark, sort_by="resources_id", sort_order="desc", limit=2, offset=1), (["2", "1"], 2, 1, 3))
    equal(await page(resources_id_contains=mark, sort_by="update_time"), (["2", "1", "3"], -1, 0, 3))
    equal(await page(resources_id=f"{mark}-1", resources_id_contains="nothing"), ([], -1, 0, 0))


@check()
async def rollouts_take_the_latest_resources_or_the_id_they_are_given(world: World):
    latest = (await world.client.add_resources(template("one"))).resources_id
    enqueued = await world.client.enqueue_rollout(input=1)
    equal((enqueued.resources_id, (await world.client.start_rollout(input=1)).resources_id), (latest, latest))
    equal((await world.client.enqueue_rollout(input=1, resources_id="rs-unknown")).resources_id, "rs-unknown")
    await world.client.add_resources(template("two"))
    equal((await world.client.get_rollout_by_id(enqueued.rollout_id)).resources_id, latest)
