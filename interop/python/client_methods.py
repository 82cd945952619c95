"""Runs the real LightningStoreClient through every method against a store server: `client_methods.py URL [--reference]`.

One JSON line per check, `{check, ok, detail, better, seconds}`; exit code 1 when one failed. With `--reference` (the server is the
package's own) checks marked better are expected to fail and do not count.
"""

import asyncio
import json
import logging
import sys
import time
import traceback

import reference  # noqa: F401
import aiohttp
from agentlightning.store.base import LightningStore
from checks import CHECKS, Check, RecordingClient, World
from checks import rollouts, queue, waits, attempts, spans, resources, workers, otlp, wire  # noqa: F401

# Everything that a store can be asked; `otlp_traces_endpoint` and `capabilities` are answered by the client itself.
METHODS = {name for name, value in vars(LightningStore).items() if not name.startswith("_") and (callable(value) or isinstance(value, property))}


async def attempt(one: Check, world: World) -> dict[str, object]:
    began = time.monotonic()
    try:
        await asyncio.wait_for(one.run(world), 60)
        detail = ""
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)
        line = next((frame.lineno for frame in reversed(where) if "/checks/" in frame.filename and "__init__" not in frame.filename), None)
        detail = f"line {line}: {type(error).__name__}: {error}"
    result = {"check": one.name, "ok": detail == "", "detail": detail, "better": one.is_better, "seconds": round(time.monotonic() - began, 3)}
    print(json.dumps(result, ensure_ascii=False), flush=True)
    return result


async def main(url: str, is_reference: bool) -> int:
    hurried = RecordingClient(url, retry_delays=(), health_retry_delays=())
    patient = RecordingClient(url)
    async with aiohttp.ClientSession() as http:
        world = World(url.rstrip("/"), hurried, patient, http)
        results = [await attempt(one, world) for one in CHECKS if not one.is_slow]
        results += await asyncio.gather(*(attempt(one, world) for one in CHECKS if one.is_slow))
    for client in (hurried, patient):
        await client.close()
    missed = sorted(METHODS - RecordingClient.called)
    covered = {"check": "every method of the client was called", "ok": not missed, "detail": ", ".join(missed), "better": False}
    print(json.dumps(covered), flush=True)
    return int(any(not one["ok"] for one in [*results, covered] if not (is_reference and one["better"])))


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    raise SystemExit(asyncio.run(main(sys.argv[1], "--reference" in sys.argv)))
