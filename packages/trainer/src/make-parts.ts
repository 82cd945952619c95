import type { Hooks, Scorer } from '@agl/runner'
import {
  type Adapter,
  AglError,
  isPlainObject,
  type LightningStore,
  type LlmProxy,
  type NamedResources,
  type Triplet,
} from '@agl/types'
import type { Components } from './components.ts'
import type { ComponentForm } from './config/component.ts'
import { adapterKind, llmProxyKind, runnerKind, storeKind, strategyKind } from './config/components/kinds.ts'
import { loadDefaultAdapter } from './default-adapter.ts'
import type { RunnerSettings, TrainerOptions } from './options.ts'
import type { RunnerPart } from './portable.ts'
import type { ExecutionStrategy } from './strategy.ts'

/** What a run needs on the algorithm's side, made. */
export interface TrainerParts {
  readonly store: LightningStore
  readonly adapter: Adapter<readonly Triplet[]>
  readonly llmProxy: LlmProxy | null
  readonly strategy: ExecutionStrategy
  readonly settings: RunnerSettings
  readonly initialResources: NamedResources
}

export interface PartForms extends Pick<
  TrainerOptions,
  'adapter' | 'llmProxy' | 'runner' | 'maxRollouts' | 'initialResources' | 'registry'
> {
  readonly store: ComponentForm<LightningStore>
  readonly strategy: ComponentForm<ExecutionStrategy>
}

/** What was made before is taken as it is; a file of resources is read anew. */
export async function makeParts(forms: PartForms, components: Components): Promise<TrainerParts> {
  const { adapter, llmProxy, runner = {}, maxRollouts, initialResources = {}, registry } = forms
  return {
    store: await components.make('store', storeKind, forms.store),
    adapter:
      adapter === undefined
        ? await loadDefaultAdapter()
        : ((await components.make('adapter', adapterKind, adapter)) as Adapter<readonly Triplet[]>),
    llmProxy: llmProxy === undefined ? null : await components.make('llmProxy', llmProxyKind, llmProxy),
    strategy: await components.make('strategy', strategyKind, forms.strategy),
    settings: withMaxRollouts(await components.make('runner', runnerKind, runner), maxRollouts),
    initialResources: typeof initialResources === 'string' ? await readFrom(initialResources, registry) : initialResources,
  }
}

async function readFrom(file: string, registry: TrainerOptions['registry']): Promise<NamedResources> {
  const { readResources } = await import('./config/read-resources.ts')
  return await readResources(file, registry === undefined ? {} : { registry })
}

/** @throws AglError `invalid_argument` when both say something else */
export function withMaxRollouts(settings: RunnerSettings, maxRollouts: number | undefined): RunnerSettings {
  if (maxRollouts === undefined) return settings
  const { maxRollouts: own } = settings
  if (own !== undefined && own !== maxRollouts) {
    throw new AglError({
      code: 'invalid_argument',
      message: `\`maxRollouts\` is ${maxRollouts}, and \`runner.maxRollouts\` is ${own}: give it once.`,
    })
  }
  return { ...settings, maxRollouts }
}

/** Hooks and scorers stand beside the settings, since they are components. */
export function refuseMisplaced(runner: unknown): void {
  const found = ['hooks', 'scorers', 'tracer', 'agent', 'store'].find((name) => isPlainObject(runner) && name in runner)
  if (found === undefined) return
  const instead = found === 'agent' ? 'to fit' : `as the option \`${found}\` of createTrainer`
  throw new AglError({ code: 'invalid_argument', message: `\`runner.${found}\` is no setting of runners: give it ${instead}.` })
}

/** @param given one or a list */
export function listOf<Instance extends Hooks | Scorer>(
  given: RunnerPart<Instance> | readonly RunnerPart<Instance>[] | undefined,
): readonly RunnerPart<Instance>[] {
  if (given === undefined) return []
  return Array.isArray(given) ? (given as readonly RunnerPart<Instance>[]) : [given as RunnerPart<Instance>]
}
