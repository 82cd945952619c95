"""The Python package's own APO on a simulated world: `apo_world.py '{...}'`, driven by bench/apo/measure-python.ts.

As its example for room booking does it: Trainer with the default strategy (a store server, runners in processes of their own), the
default tracer, TraceToMessages, an agent that makes a client per call. The package is used as it is; what is counted is counted in a
subclass that only watches. Prints one JSON line at the end.
"""

import json
import logging
import os
import random
import re
import sys
import time

asked = json.loads(sys.argv[1])
os.environ.update(OPENAI_API_KEY="none", OPENAI_BASE_URL=asked["base_url"], LITELLM_LOCAL_MODEL_COST_MAP="True")

import agentlightning as agl  # noqa: E402
from agentlightning.adapter import TraceToMessages  # noqa: E402
from agentlightning.algorithm.apo import APO  # noqa: E402
from openai import AsyncOpenAI, OpenAI  # noqa: E402


@agl.rollout
def clerk(task: dict, prompt_template: agl.PromptTemplate) -> float:
    """One call; paid 1.0 for the right code, as rewardOf of the world does it."""
    message = {"role": "user", "content": prompt_template.format(task=task["text"])}
    reply = OpenAI().chat.completions.create(model="actor", messages=[message], temperature=0.0)
    codes = re.findall(rf"Answer for {task['id']}: ([A-Z]{{4}})\b", reply.choices[0].message.content or "")
    return 1.0 if codes[-1:] == [task["answer"]] else 0.0


class WatchedAPO(APO):
    """APO that notes after each evaluation what it has spent and which prompt it would answer with."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.rollouts = 0
        self.unfinished = 0
        self.notes = []

    def note(self):
        best = self._history_best_prompt
        self.notes.append(
            {
                "rollouts": self.rollouts,
                "wall_seconds": round(time.monotonic() - self.began, 3),
                "prompt": None if best is None else best.template,
            }
        )

    async def evaluate_prompt_on_batch(self, prompt, resource_name, dataset, mode, **kwargs):
        results, score = await super().evaluate_prompt_on_batch(prompt, resource_name, dataset, mode, **kwargs)
        self.rollouts += len(dataset)
        self.unfinished += len(dataset) - len(results)
        self.note()
        return results, score

    async def _update_best_prompt(self, *args, **kwargs):
        # The evaluation of the leader was noted within, before its score counted.
        await super()._update_best_prompt(*args, **kwargs)
        self.note()

    async def run(self, *args, **kwargs):
        self.began = time.monotonic()
        await super().run(*args, **kwargs)


def main():
    random.seed(asked["seed"])
    algorithm = WatchedAPO(AsyncOpenAI(), gradient_model="critic", apply_edit_model="editor", **asked["settings"])
    trainer = agl.Trainer(
        algorithm=algorithm,
        n_runners=asked["runners"],
        initial_resources={"prompt_template": agl.PromptTemplate(template=asked["seed_prompt"], engine="f-string")},
        adapter=TraceToMessages(),
        port=asked["port"],
    )
    began = time.monotonic()
    trainer.fit(agent=clerk, train_dataset=asked["train"], val_dataset=asked["val"])
    print(
        json.dumps(
            {
                "version": agl.__version__,
                "prompt": algorithm.get_best_prompt().template,
                "reported_score": algorithm._history_best_score,
                "rollouts": algorithm.rollouts,
                "unfinished": algorithm.unfinished,
                "wall_seconds": algorithm.notes[-1]["wall_seconds"],
                "fit_seconds": round(time.monotonic() - began, 3),
                "trajectory": algorithm.notes,
            }
        )
    )


if __name__ == "__main__":
    logging.basicConfig(level=asked.get("log_level", "ERROR"))
    main()
