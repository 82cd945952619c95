import { draw, drawByWeight } from './draw.ts'
import { type Point, readPoints } from './critic.ts'
import { placeholder } from './laws.ts'
import type { World } from './world.ts'

/** What the editor reads in a request: the prompt's sentences, in order, and what is to be changed. */
export interface EditRequest {
  readonly sentences: readonly string[]
  readonly points: readonly Point[]
}

export function readEditRequest(world: World, request: string): EditRequest {
  const { points, rest } = readPoints(world, request)
  return { points, sentences: world.rulesIn(rest).map(({ wording }) => wording.sentence) }
}

type Botch = 'none' | 'placeholder' | 'harm' | 'fence'

/** The new prompt, written anew from its sentences. Without a point to go by it adds any rule. */
export function edit(world: World, { sentences, points }: EditRequest, key: readonly (string | number)[]): string {
  const { seed, editorError } = world.settings
  const anySentence = (pool: readonly { readonly sentence: string }[], what: string): string =>
    drawByWeight(
      pool.map(({ sentence }) => ({ sentence, weight: 1 })),
      seed,
      what,
      ...key,
    ).sentence
  const all = world.rules.flatMap(({ wordings }) => wordings)
  const harmful = world.rules.filter(({ role }) => role === 'harmful').flatMap(({ wordings }) => wordings)

  let written = [...sentences]
  const changes: readonly Point[] = points.length > 0 ? points : [{ action: 'add', sentence: anySentence(all, 'editor adds') }]
  for (const point of changes) {
    if (point.action === 'add' && !written.includes(point.sentence)) written.push(point.sentence)
    if (point.action === 'remove') written = written.filter((sentence) => sentence !== point.sentence)
    if (point.action === 'reword') written = written.map((one) => (one === point.sentence ? point.better : one))
  }

  const botches: readonly Botch[] = ['placeholder', 'harm', 'fence']
  const isBotched = draw(seed, 'editor errs', ...key) < editorError
  const botch: Botch = isBotched ? botches[Math.floor(draw(seed, 'botch', ...key) * botches.length)]! : 'none'
  if (botch === 'harm') written = [...new Set([...written, anySentence(harmful, 'editor harms')])]
  const prompt = world.writePrompt(written)
  switch (botch) {
    case 'placeholder':
      return prompt.replace(placeholder, '').trimEnd()
    case 'fence':
      return `\`\`\`\n${prompt}\n\`\`\``
    case 'harm':
    case 'none':
      return prompt
    default:
      return botch satisfies never
  }
}
