import type { RunnerSettings } from '@agl/trainer'
import {
  adapterKind,
  algorithmKind,
  type ComponentSpec,
  componentSchema,
  hooksKind,
  llmProxyKind,
  type Registry,
  runnerSettingsSchema,
  scorerKind,
  storeKind,
  strategyKind,
  tracerKind,
} from '@agl/trainer/config'
import { logLevels, type LogLevels, type NamedResources, namedResourcesSchema } from '@agl/types'
import { type ThresholdRule, thresholdRuleSchema } from '@agl/types/thresholds'
import { z } from 'zod'
import { type LogFormat, logFormats } from '../logger.ts'

/** What `agl run` reads of files, the environment and flags: the options of `createTrainer`, the agent and the tasks. */
export interface RunConfig {
  readonly agent: string
  readonly trainDataset?: string
  readonly valDataset?: string
  readonly algorithm?: ComponentSpec
  readonly store: ComponentSpec
  readonly tracer: ComponentSpec
  readonly strategy: ComponentSpec
  readonly adapter?: ComponentSpec
  readonly llmProxy?: ComponentSpec
  readonly hooks: readonly ComponentSpec[]
  readonly scorers: readonly ComponentSpec[]
  readonly initialResources: NamedResources | string
  readonly nRunners: number
  readonly maxRollouts?: number
  readonly runner: RunnerSettings
  readonly abortGraceMs: number
  readonly runId?: string
  readonly metricsPort?: number
  readonly metricsHost: string
  readonly thresholds: readonly ThresholdRule[]
  readonly log: LogLevels & { readonly format?: LogFormat }
}

const tasks = 'a file (.jsonl, .ndjson, .json, .csv) or ./tasks.ts#name'

export function runSchema(registry: Registry): z.ZodType<RunConfig> {
  const parts = (
    kind: typeof hooksKind | typeof scorerKind,
    description: string,
  ): z.ZodDefault<z.ZodArray<z.ZodType<ComponentSpec>>> =>
    z.array(componentSchema(registry, kind)).default([]).meta({ description })
  return z
    .strictObject({
      agent: z.string().min(1).meta({ description: 'the module that exports the agent, as ./agent.ts#clerk', module: true }),
      trainDataset: z.exactOptional(z.string().min(1)).meta({ description: `tasks to learn from: ${tasks}`, module: true }),
      valDataset: z.exactOptional(z.string().min(1)).meta({ description: `tasks to choose by: ${tasks}`, module: true }),
      algorithm: z.exactOptional(componentSchema(registry, algorithmKind)),
      store: componentSchema(registry, storeKind).default({ type: 'memory' }),
      tracer: componentSchema(registry, tracerKind).default({ type: 'otel' }),
      strategy: componentSchema(registry, strategyKind).default({ type: 'shm' }),
      adapter: z.exactOptional(componentSchema(registry, adapterKind)),
      llmProxy: z.exactOptional(componentSchema(registry, llmProxyKind)),
      hooks: parts(hooksKind, 'called around each rollout: ./hooks.ts#createHooks'),
      scorers: parts(scorerKind, 'judge what the agent has left: ./scorers.ts#createScorer'),
      initialResources: z
        .union([z.string().min(1).meta({ path: true }), resourcesSchema])
        .default({})
        .meta({ description: 'what can be tuned: a file of JSON or YAML, or the resources themselves' }),
      nRunners: z.int().min(1).default(1).meta({ description: 'runners' }),
      maxRollouts: z.exactOptional(z.int().min(1)).meta({ description: 'each runner ends after so many' }),
      runner: runnerSettingsSchema.prefault({}),
      abortGraceMs: z
        .number()
        .min(0)
        .default(5_000)
        .meta({ description: 'how long the algorithm has to end once it is told to' }),
      runId: z
        .exactOptional(z.string().min(1))
        .meta({ description: 'names the run: one that is in the store is gone on with; by itself a new one' }),
      metricsPort: z
        .exactOptional(z.int().min(0).max(65_535))
        .meta({ description: 'serve what runners count for Prometheus; 0 takes any free port, told in the log' }),
      metricsHost: z.string().min(1).default('127.0.0.1').meta({ description: 'the address to serve it on' }),
      thresholds: z
        .array(thresholdRuleSchema)
        .default([])
        .meta({ description: 'what is to be told of what is counted, in the log or to a webhook' }),
      log: z
        .strictObject({
          level: z.enum(logLevels).default('info').meta({ description: 'the least that is told on standard error', live: true }),
          components: z
            .record(z.string().min(1), z.enum(logLevels))
            .default({})
            .meta({ description: 'by component, as { "runner": "debug" }', live: true }),
          format: z
            .exactOptional(z.enum(logFormats))
            .meta({ description: 'for people or for programs; by itself pretty on a terminal' }),
        })
        .prefault({}),
    })
    .superRefine(({ algorithm, trainDataset }, context) => {
      if (algorithm === undefined || trainDataset !== undefined) return
      context.addIssue({
        code: 'custom',
        path: ['trainDataset'],
        message: `expected tasks for the algorithm "${algorithm.type}"`,
      })
    }) as unknown as z.ZodType<RunConfig>
}

/** Named resources whose fields files, flags and help can tell apart. */
const resourcesSchema = z.record(z.string(), z.looseObject({ resource_type: z.string() })).superRefine((value, context) => {
  const issues = namedResourcesSchema.safeParse(value).error?.issues ?? []
  context.issues.push(...issues.map((issue) => ({ ...issue, input: value }) as z.core.$ZodRawIssue))
})
