/**
 * A program in `agent.mjs` is run as an agent, unchanged. The gateway between it and its model records every call for the
 * rollout it belongs to, and a function here, which the program cannot reach, scores what it printed.
 */
import { fileURLToPath } from 'node:url'
import { algo, collectRollouts } from '@agl/algorithms'
import { createLlmProxy } from '@agl/llm-proxy'
import { commandAgent } from '@agl/runner'
import { createTrainer } from '@agl/trainer'
import { type JsonValue, spanNames } from '@agl/types'
import { startModel } from './model.ts'

type Task = { readonly question: string; readonly expected: string }

const agent = commandAgent<Task>({
  command: process.execPath,
  args: [fileURLToPath(new URL('agent.mjs', import.meta.url))],
  needs: ['llm'],
  formatTask: ({ question }) => JSON.stringify({ question }),
  reward: ({ task, exitCode, stdout }) => (exitCode === 0 && stdout.trim() === task.expected ? 1 : 0),
})

/** Runs the agent on every task, and tells what it earned and how many of its model calls were recorded. */
const evaluate = algo('evaluate', async (context) => {
  const { resources_id } = await context.store.addResources({ resources: { model: await context.llmProxy!.asResource() } })
  const collected = await collectRollouts(
    context,
    Array.from(context.trainDataset, (input) => ({ input: input as JsonValue, resources_id })),
  )
  return collected.map(({ rollout, reward, spans }) => ({
    question: (rollout.input as Task).question,
    reward,
    calls: spans.filter(({ name }) => name === spanNames.chatCompletion).length,
  }))
})

const model = await startModel()
const llmProxy = createLlmProxy({ models: [{ name: 'capitals', endpoint: model.url }] })
const trainer = createTrainer({ algorithm: evaluate, llmProxy, runner: { concurrency: 2 } })
const results = await trainer.fit(agent, [
  { question: 'What is the capital of France?', expected: 'Paris' },
  { question: 'What is the capital of Italy?', expected: 'Rome' },
])
console.log(JSON.stringify(results))
await trainer.store.close()
model.close()
