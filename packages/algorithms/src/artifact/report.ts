import type { Resource } from '@agl/types'
import { diffSentences } from 'diff'
import type { Estimate } from '../statistics.ts'
import { type Artifact, type Comparison, type LineageEntry, pathTo, type Replay } from './artifact.ts'

/** What was found, for people: Markdown, with the picture `learning-curve.svg` beside it. */
export function renderReport(artifact: Artifact): string {
  const { algorithm, verdict, val, test, replay, curve, spent, seed, dataHash, createdAt, id } = artifact
  const path = pathTo(artifact)
  return [
    `# ${algorithm}: ${verdicts[verdict]}`,
    replay === null ? [] : [describeReplay(replay)],
    '| | before | after | gain |\n| --- | --- | --- | --- |\n' +
      [row('test tasks, seen once at the end', test), row('validation tasks, by which it was chosen', val)]
        .filter(Boolean)
        .join('\n'),
    curve.length > 1 ? ['## Learning curve', '![Mean reward by round](learning-curve.svg)', curveTable(curve), curveNote] : [],
    '## The prompts',
    ...Object.entries(artifact.resources).map(([name, resource]) => `### ${name}\n\n${fence(textOf(resource))}`),
    path.length > 1
      ? [
          '## How they came about',
          `${path.map((entry) => entry.id).join(' → ')}, of ${artifact.lineage.length} versions that were tried.`,
          ...changes(path),
        ]
      : ['Nothing that was tried is kept: it is what the run began with.'],
    '## The run',
    `Seed ${seed}, tasks ${[dataHash.train, dataHash.val, dataHash.test].map((hash) => `\`${hash.slice(0, 19)}\``).join(', ')} (training, validation, test), ${createdAt}. Spent: ${spentText(spent)}. Version ${id}.`,
  ]
    .flat()
    .filter((part) => part !== '')
    .join('\n\n')
    .concat('\n')
}

const verdicts: Readonly<Record<Artifact['verdict'], string>> = {
  improved: 'improved',
  no_significant_difference: 'no significant difference',
  worse: 'worse',
}

function row(name: string, comparison: Comparison | null): string {
  if (comparison === null) return ''
  const { before, after, gain } = comparison
  return `| ${name} (${gain.count}) | ${show(before)} | ${show(after)} | ${show(gain, '+')} |`
}

function show({ mean, low, high }: Estimate, sign = ''): string {
  const text = (value: number): string => `${sign !== '' && value > 0 && Number.isFinite(value) ? '+' : ''}${figure(value)}`
  return `${text(mean)} [${text(low)}, ${text(high)}]`
}

/** Of too few values nothing is known. */
function figure(value: number): string {
  return Number.isFinite(value) ? value.toFixed(3) : '?'
}

function describeReplay({ agrees, tasks, mean, claimed, difference }: Replay): string {
  const figures = `${figure(mean)} on ${tasks} tasks, where the run had ${figure(claimed)}`
  return agrees
    ? `Run once more from this file: ${figures}.`
    : `**Run once more from this file it does not score as claimed**: ${figures}; difference ${show(difference, '+')}. Something that it depends on has changed.`
}

const curveNote =
  'Each round on the validation tasks that its leader had been run on by then, and by which it was picked: that flatters, and the tasks differ.'

function curveTable(curve: readonly Estimate[]): string {
  const rows = curve.map((estimate, round) => `| ${round} | ${show(estimate)} | ${estimate.count} |`)
  return ['| round | leader on validation | tasks |', '| --- | --- | --- |', ...rows].join('\n')
}

function changes(path: readonly LineageEntry[]): readonly string[] {
  return path.slice(1).map((entry, index) => {
    const before = path[index]!
    const said = entry.critique === null ? [] : ['The critique:', quote(entry.critique)]
    const why = entry.rationale === null ? [] : ['The reason for the change:', quote(entry.rationale)]
    const diffs = Object.entries(entry.resources).flatMap(([name, resource]) => {
      const [old, now] = [before.resources[name], resource]
      if (old === undefined || textOf(old) === textOf(now)) return []
      return [`\`${name}\`:`, fence(diffOf(textOf(old), textOf(now)), 'diff')]
    })
    const score = entry.score === null ? '' : ` (${show(entry.score)} on ${entry.score.count} validation tasks)`
    return [`### ${before.id} → ${entry.id}${score}`, ...said, ...why, ...diffs].join('\n\n')
  })
}

function diffOf(before: string, after: string): string {
  return diffSentences(before, after)
    .flatMap(({ value, added, removed }) => {
      const mark = added ? '+' : removed ? '-' : ' '
      return value
        .split('\n')
        .filter((line) => line.trim() !== '')
        .map((line) => `${mark} ${line.trim()}`)
    })
    .join('\n')
}

/** The text of a resource that is one; JSON of any other. */
function textOf(resource: Resource): string {
  return resource.resource_type === 'prompt_template' ? String(resource['template']) : JSON.stringify(resource, null, 2)
}

/** A fence longer than any within. */
function fence(text: string, language = 'text'): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length))
  const ticks = '`'.repeat(longest + 1)
  return `${ticks}${language}\n${text}\n${ticks}`
}

function quote(text: string): string {
  return text
    .split('\n')
    .map((line) => `> ${line}`.trimEnd())
    .join('\n')
}

function spentText({ rollouts, modelCalls, tokens, usd, minutes }: Artifact['spent']): string {
  const money = usd > 0 ? `, ${usd.toFixed(2)} US dollars` : ''
  return `${rollouts} rollouts, ${modelCalls} model calls, ${tokens} tokens${money}, ${minutes.toFixed(1)} minutes`
}
