import { expect, test } from 'vitest'
import { mark, marksOf } from './marks.ts'
import { readModelCall } from './read.ts'

const said = { 'gen_ai.prompt.0.role': 'user', 'gen_ai.prompt.0.content': 'Hello' }

test('spans that say what else they are hold what a call said, and are none', () => {
  const others = [
    { 'traceloop.span.kind': 'workflow' },
    { 'agentops.span.kind': 'agent' },
    { 'langsmith.span.kind': 'chain' },
    { 'openinference.span.kind': 'CHAIN' },
    { 'langfuse.observation.type': 'agent' },
    { 'ai.operationId': 'ai.generateText' },
    { 'gen_ai.operation.name': 'invoke_agent' },
  ]
  expect(others.map((other) => readModelCall({ name: 'x', attributes: { ...said, ...other } }))).toEqual(others.map(() => null))
})

test('a call is one, whatever it is part of', () => {
  const kinds = [{}, { 'agentops.span.kind': 'llm' }, { 'traceloop.span.kind': 'task', 'gen_ai.operation.name': 'Chat' }]
  const calls = kinds.map((kind) => readModelCall({ name: 'x', attributes: { ...said, ...kind } }))
  expect(calls.every((call) => call?.messages.length === 1)).toBe(true)
})

test('names that only begin alike leave no mark', () => {
  const attributes = {
    gen_ai: 1,
    'gen_aix.prompt': 1,
    llm: 1,
    air: 1,
    'agentlightning.reward.0.value': 1,
    prompt_token_ids_: 1,
    p: 1,
    '': 1,
  }
  expect(marksOf({ name: 'x', attributes })).toBe(0)
  expect(marksOf({ name: 'x', attributes: { 'gen_ai.prompts.0': 1 } })).toBe(mark.genAi)
})
