/**
 * An algorithm of one's own, whole: each prompt becomes a snapshot of resources, the agent is run with each on every task,
 * and the prompt with the highest mean reward is kept. The "model" is a rule, so that this runs anywhere in a second.
 */
import { algo, collectRollouts, estimateMean } from '@agl/algorithms'
import { rollout } from '@agl/runner'
import { createTrainer } from '@agl/trainer'

const prompts = ['Answer.', 'Answer in one word.', 'Answer in one word, in lower case.']

/** Stands in for a model that follows instructions: put your own call here. */
function model(prompt: string, question: string): string {
  const answer = question.endsWith('France?') ? 'Paris' : 'Rome'
  const said = prompt.includes('one word') ? answer : `It is ${answer}.`
  return prompt.includes('lower case') ? said.toLowerCase() : said
}

const agent = rollout<{ question: string; expected: string }>(({ question, expected }, { promptTemplate }) => {
  return model(promptTemplate.template, question) === expected ? 1 : 0
})

const pickPrompt = algo('pick-prompt', async (context) => {
  const scored = []
  for (const template of prompts) {
    const { resources_id } = await context.store.addResources({
      resources: { instructions: { resource_type: 'prompt_template', template, engine: 'f-string' } },
    })
    const tasks = Array.from(context.trainDataset, (input) => ({ input: input as { question: string }, resources_id }))
    const collected = await collectRollouts(context, tasks)
    const reward = estimateMean(collected.flatMap(({ score }) => (score === null ? [] : [score])))
    scored.push({ template, resources_id, reward: reward.mean })
  }
  return scored.toSorted((a, b) => b.reward - a.reward)[0]!
})

const trainer = createTrainer({ algorithm: pickPrompt, runner: { concurrency: 4 } })
const best = await trainer.fit(agent, [
  { question: 'What is the capital of France?', expected: 'paris' },
  { question: 'What is the capital of Italy?', expected: 'rome' },
])
console.log(JSON.stringify({ prompt: best.template, reward: best.reward, rollouts: (await trainer.store.queryRollouts()).total }))
await trainer.store.close()
