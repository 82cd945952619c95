"""Who gets which arm of an experiment, computed with nothing of ours.

    python3 interop/python/golden_assignments.py > packages/algorithms/src/experiments/golden-assignments.json && pnpm run format
"""

import hashlib
import json
import math


def arm_of(experiment, weights, key):
    def rings_at(arm):
        digest = hashlib.sha256(f"{experiment}\0{arm}\0{key}".encode()).digest()
        bits = int.from_bytes(digest[:8], "big") >> 12
        return -math.log((bits + 0.5) / 2**52) / weights[arm]

    return min((arm for arm in weights if weights[arm] > 0), key=rings_at)


halves = {"control": 1, "candidate": 1}
cases = [
    ("checkout", halves),
    ("search", halves),
    ("checkout", {"control": 95, "candidate": 5}),
    ("checkout", {"control": 0.75, "candidate": 0.25}),
    ("checkout", {"control": 1, "candidate": 1, "other": 1}),
    ("checkout", {"control": 0, "candidate": 1, "other": 0.001}),
]
keys = [f"customer-{number}" for number in range(9)] + ["0", "42", "Zoë", "日本", "🙂", "a b\tc", "x" * 200]


def case(experiment, weights):
    """Some keys by name, and ten thousand by the hash of their arms, one in a line."""
    many = "".join(arm_of(experiment, weights, number) + "\n" for number in range(10_000))
    arms = {key: arm_of(experiment, weights, key) for key in keys}
    return {"experiment": experiment, "weights": weights, "arms": arms, "first10000": hashlib.sha256(many.encode()).hexdigest()}


print(json.dumps([case(*each) for each in cases], ensure_ascii=False, indent=2))
