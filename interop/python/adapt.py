"""What the package's adapters make of the golden traces: one JSON line per file.

    adapt.py FILE...

Each file holds `spans`, and `agent_match` or null. What an adapter raises is its answer.
"""

import json
import logging
import sys

import reference  # noqa: F401
from agentlightning.adapter.messages import TraceToMessages
from agentlightning.adapter.triplet import LlmProxyTraceToTriplet, TracerTraceToTriplet
from agentlightning.types import Span

logging.disable(logging.CRITICAL)


def attempt(adapter, spans):
    try:
        adapted = adapter.adapt(spans)
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}
    return [one.model_dump(mode="json") if hasattr(one, "model_dump") else one for one in adapted]


for file in sys.argv[1:]:
    with open(file, encoding="utf-8") as opened:
        golden = json.load(opened)
    spans = [Span.model_validate(span) for span in golden["spans"]]
    answer = {
        "triplets": attempt(TracerTraceToTriplet(agent_match=golden.get("agent_match")), spans),
        "proxy": attempt(LlmProxyTraceToTriplet(), spans),
        "messages": attempt(TraceToMessages(), spans),
    }
    print(json.dumps({"file": file, **answer}))
