"""What the Python client and its own tests observe of a store server, one function per observation.

`@check()` collects them in order; `better=True` marks those where our server differs from the reference on purpose and
does what its client needs better, so they fail there; `slow=True` those that mostly wait, which run together at the end.
"""

import json
import time
from dataclasses import dataclass
from typing import Any, Awaitable, Callable

import aiohttp
from agentlightning.store.client_server import LightningStoreClient
from agentlightning.types import OtelResource, Span, TraceStatus


@dataclass
class Check:
    name: str
    run: Callable[["World"], Awaitable[None]]
    is_better: bool
    is_slow: bool


CHECKS: list[Check] = []


def check(*, better: bool = False, slow: bool = False):
    def add(function):
        name = f"{function.__module__.split('.')[-1]}: {function.__name__.replace('_', ' ')}"
        CHECKS.append(Check(name, function, better, slow))
        return function

    return add


class RecordingClient(LightningStoreClient):
    """The real client; notes the names of what is called on it."""

    called: set[str] = set()

    def __getattribute__(self, name: str):
        if not name.startswith("_"):
            RecordingClient.called.add(name)
        return super().__getattribute__(name)


@dataclass
class World:
    """The server under test: `client` gives up at the first error, `patient` retries as the package does by default."""

    url: str
    client: LightningStoreClient
    patient: LightningStoreClient
    http: aiohttp.ClientSession

    async def drain(self) -> None:
        while await self.client.dequeue_many_rollouts(limit=100):
            pass

    async def call(self, method: str, path: str, body: Any = None, *, data: bytes | None = None, headers=None, params=None):
        """A request without the client: status, parsed body, headers."""
        given = {"json": body} if body is not None else {"data": data}
        async with self.http.request(method, f"{self.url}/v1/agl{path}", params=params, headers=headers, **given) as reply:
            text = await reply.text()
            is_json = reply.headers.get("Content-Type", "").startswith("application/json")
            return reply.status, json.loads(text) if is_json else text, reply.headers


async def refused(awaitable: Awaitable[Any]) -> aiohttp.ClientResponseError:
    try:
        answer = await awaitable
    except aiohttp.ClientResponseError as error:
        return error
    raise AssertionError(f"expected a refusal, got {answer!r}")


def same(actual: Any, expected: Any) -> None:
    """Equal as JSON text: 1 is not 1.0, True is not 1."""
    actual_text, expected_text = (json.dumps(value, sort_keys=True) for value in (actual, expected))
    assert actual_text == expected_text, f"expected {expected_text}, got {actual_text}"


def equal(actual: Any, expected: Any) -> None:
    if actual == expected:
        return
    if isinstance(actual, dict) and isinstance(expected, dict):
        # Only what differs: records are long.
        actual, expected = ({key: value for key, value in one.items() if key not in other or other[key] != value} for one, other in ((actual, expected), (expected, actual)))
    raise AssertionError(f"expected {expected!r}, got {actual!r}")


def make_span(rollout_id: str, attempt_id: str, sequence_id: int = 1, **fields: Any) -> Span:
    now = time.time()
    given = {
        "trace_id": f"{sequence_id:032x}", "span_id": f"{sequence_id:016x}", "parent_id": None, "name": f"span-{sequence_id}",
        "status": TraceStatus(status_code="OK"), "attributes": {}, "events": [], "links": [], "start_time": now, "end_time": now,
        "context": None, "parent": None, "resource": OtelResource(attributes={}, schema_url=""), **fields,
    }  # fmt: skip
    return Span(rollout_id=rollout_id, attempt_id=attempt_id, sequence_id=sequence_id, **given)
