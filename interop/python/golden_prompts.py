"""What Python makes of prompt templates: `str.format` and Jinja.

    python=$(node interop/python/set-up.mjs)
    $python interop/python/golden_prompts.py packages/prompts/src/golden-prompts.json > new.json
    mv new.json packages/prompts/src/golden-prompts.json && pnpm run format

Reads the templates of the file, whatever it says they give, and prints the file with what they do give. To add a template, add it
with null. The sandbox of Jinja is the one for templates that are not trusted; a name without a value is an error, as in `str.format`.
"""

import copy
import json
import string
import sys

from jinja2 import StrictUndefined, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined)


def names_in(template):
    for _, name, spec, _ in string.Formatter().parse(template):
        if name is not None:
            yield name.replace("[", ".").split(".")[0]
            yield from names_in(spec)


def placeholders(engine, template):
    if engine == "f-string":
        return sorted(set(names_in(template)))
    return sorted(meta.find_undeclared_variables(environment.parse(template)))


def rendered(engine, template, values):
    values = copy.deepcopy(values)  # `indent` adds to a list that it is given.
    try:
        if engine == "f-string":
            text = template.format(**values)
        else:
            text = environment.from_string(template).render(**values)
        return {"text": text, "placeholders": placeholders(engine, template)}
    except Exception as error:  # Any kind of it: that there is none on the other side counts.
        return {"error": type(error).__name__}


def main(path):
    with open(path, encoding="utf-8") as file:
        cases = json.load(file)
    for engine in ("f-string", "jinja"):
        cases[engine] = {template: rendered(engine, template, cases["values"]) for template in cases[engine]}
    print(json.dumps(cases, ensure_ascii=True))


main(sys.argv[1])
