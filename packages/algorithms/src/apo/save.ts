import type { AlgorithmContext, JsonValue, NamedResources } from '@agl/types'
import { type Artifact, artifactFormat, type Replay } from '../artifact/artifact.ts'
import { readArtifact, writeArtifact } from '../artifact/files.ts'
import type { KnownTask } from '../run/evaluate.ts'
import { estimateGain, estimateMean, pairsOf } from '../statistics.ts'
import type { ApoResult } from './result.ts'
import type { Scores, Session } from './session.ts'

/** The tasks that a score is from, and what was scored on each. */
export interface Claims {
  readonly tasks: readonly KnownTask[]
  readonly scores: Scores
  /** How many prompts the best was picked from by these scores: they flatter it, and a replay need not come up to them. */
  readonly candidates: number
}

/** How many tasks a run replays of what it saved. */
export const replaySample = 32

/** A result as far as an artifact holds it. */
export type Found = Omit<ApoResult, 'save' | 'resourcesId' | 'resourcesVersion'>

export function toArtifact(result: Found, createdAt: Date): Artifact {
  const { verdict, best, val, test, replay, lineage, rounds, seed, dataHash, spent } = result
  const first = val?.before
  return {
    format: artifactFormat,
    algorithm: 'apo',
    createdAt: createdAt.toISOString(),
    verdict,
    resources: best.templates,
    id: best.id,
    val,
    test,
    replay,
    lineage: lineage.map(({ id, parents, round, templates, critique, rationale, val: score }) => {
      return { id, parents, round, resources: templates, critique, rationale, score }
    }),
    curve: [...(first === undefined ? [] : [first]), ...rounds.flatMap(({ leader }) => leader ?? [])],
    seed,
    dataHash,
    spent,
  }
}

/** The result with its `save`, which neither JSON nor a comparison sees. */
export function withSave(found: Omit<ApoResult, 'save'>, claims: Claims): ApoResult {
  const save: ApoResult['save'] = async (folder, { replay, sample = replaySample } = {}) => {
    const artifact = toArtifact(found, new Date())
    await writeArtifact(folder, artifact)
    if (replay === undefined) return artifact
    const { resources } = await readArtifact(folder)
    const proven = {
      ...artifact,
      replay: await replayTasks(claims, sample, async (tasks) => await runAll(tasks, resources, replay)),
    }
    await writeArtifact(folder, proven)
    return proven
  }
  return Object.defineProperty({ ...found } as ApoResult, 'save', { value: save, enumerable: false })
}

async function runAll(
  tasks: readonly KnownTask[],
  resources: NamedResources,
  replay: (task: JsonValue, resources: NamedResources) => Promise<number | null>,
): Promise<Scores> {
  return await Promise.all(tasks.map(async ({ input }) => await replay(input, resources)))
}

/** Saves, reads back, and has the runners run what was read. */
export async function replayThroughRunners(
  { logger }: Pick<AlgorithmContext, 'logger'>,
  session: Session,
  folder: string,
  found: Found,
  claims: Claims,
): Promise<Replay> {
  await writeArtifact(folder, toArtifact(found, new Date()))
  const saved = await readArtifact(folder)
  const resources = { ...session.resourcesOf(found.best), ...saved.resources }
  const replay = await replayTasks(claims, replaySample, async (tasks) => {
    const mode = claims.tasks === session.test ? 'test' : 'val'
    const request = { mode, step: found.rounds.length, phase: 'replay' } as const
    const evaluations = await session.runResources('saved', resources, tasks, request)
    return evaluations.map(({ score }) => score)
  })
  if (!replay.agrees) logger.warn('What was saved does not score as claimed', { folder, ...replay })
  return replay
}

async function replayTasks(
  { tasks, scores, candidates }: Claims,
  sample: number,
  run: (tasks: readonly KnownTask[]) => Promise<Scores>,
): Promise<Replay> {
  const places = [...tasks.keys()].filter((place) => typeof scores[place] === 'number').slice(0, sample)
  const again = await run(places.map((place) => tasks[place]!))
  const [claimed, replayed] = pairsOf(
    places.map((place) => scores[place]),
    again,
  )
  const difference = estimateGain(claimed, replayed, { candidates })
  return {
    tasks: claimed.length,
    mean: estimateMean(replayed).mean,
    claimed: estimateMean(claimed).mean,
    difference,
    agrees: claimed.length > 0 && difference.low <= 0 && difference.high >= 0,
  }
}
