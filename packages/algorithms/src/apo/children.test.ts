import { silentLogger } from '@agl/types'
import { expect, it } from 'vitest'
import type { Evaluation } from '../run/evaluate.ts'
import { createNursery } from './children.ts'
import { resolveApoOptions } from './options.ts'

it('shows each child other flaws, so that what costs half a reward is seen beside what costs a whole one', async () => {
  const seen: string[][] = []
  const model = { name: 'none', chat: async () => ({ text: '', usage: null, finishReason: 'stop' as const }) }
  const chat = {
    async ask(_model: unknown, _name: string, { text }: { readonly text: string }) {
      seen.push([...text.matchAll(/^Task: (.+)$/gm)].map(([, task]) => task!))
      return ''
    },
  }
  const nursery = createNursery(chat, resolveApoOptions({ model }), silentLogger)
  const trials = [0, 0, 0, 0.5, 0.5, 0.5, 0.5, 0.5, 1, 1, 1, 1].map((score, place) => trialOf(`${score}-${place}`, score))
  const template = { resource_type: 'prompt_template', engine: 'f-string', template: 'Solve {task}.' } as const
  const draft = { templates: { prompt: template }, parents: [], round: 0, target: null, critique: null, rationale: null }
  for (let place = 0; place < 16; place += 1) {
    const birth = await nursery.mutate({ id: 'p0', key: 'k', ...draft }, trials, {
      name: `1/${place}`,
      round: 1,
      target: 'prompt',
    })
    expect(birth).toEqual({ skip: 'empty_answer' })
  }

  const flawed = seen.map((tasks) => tasks.filter((task) => !task.startsWith('1-')))
  // Of four experiments one went right.
  expect(flawed.map((tasks) => tasks.length)).toEqual(Array.from({ length: 16 }, () => 3))
  expect(new Set(flawed.flat())).toEqual(new Set(trials.slice(0, 8).map(({ rolloutId }) => rolloutId)))
  const times = (start: string): number => flawed.flat().filter((task) => task.startsWith(start)).length
  // Three tasks of the one kind, five of the other: each of the worst is shown more often.
  expect(times('0-') / 3).toBeGreaterThan(times('0.5-') / 5)
})

it('tells a parent without a flaw from one that nothing is known of', async () => {
  const model = { name: 'none', chat: async () => ({ text: '', usage: null, finishReason: 'stop' as const }) }
  const nursery = createNursery({ ask: async () => '' }, resolveApoOptions({ model }), silentLogger)
  const draft = { templates: {}, parents: [], round: 0, target: null, critique: null, rationale: null }
  const born = (trials: readonly Evaluation[]) =>
    nursery.mutate({ id: 'p0', key: 'k', ...draft }, trials, { name: '1/0', round: 1, target: 'prompt' })
  expect(await born([trialOf('a', 1)])).toEqual({ skip: 'no_flaw' })
  expect(await born([{ ...trialOf('b', 0), score: null, outcome: 'infra_error' }])).toEqual({ skip: 'unscored' })
})

function trialOf(name: string, score: number): Evaluation {
  const transcript = { input: name, status: 'scored', reward: score, messages: [], feedback: '' }
  return { score, outcome: 'scored', rolloutId: name, transcript }
}
