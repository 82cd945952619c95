import { type Agent, missingResources } from '@agl/runner'
import { AglError, type Algorithm, type LightningStore, type Logger, type NamedResources } from '@agl/types'

export interface ResourcesAtStart {
  /** Null: it is elsewhere. */
  readonly algorithm: Pick<Algorithm, 'name' | 'brings'> | null
  readonly initialResources: NamedResources
  /** Has those that rollouts get where there are no initial ones. */
  readonly store: LightningStore
  readonly logger: Logger
}

/**
 * Whether the rollouts of an agent will have what it needs.
 * @throws AglError `invalid_argument` when they cannot; where the algorithm may bring it, the log tells
 */
export async function checkResources(
  agent: Agent,
  { algorithm, initialResources, store, logger }: ResourcesAtStart,
): Promise<void> {
  if (missingResources(agent, initialResources).length === 0) return
  const isGiven = Object.keys(initialResources).length > 0
  const resources = isGiven ? initialResources : ((await store.getLatestResources())?.resources ?? {})
  const missing = missingResources(agent, resources)
  if (algorithm?.brings === undefined) {
    for (const kind of missing) {
      logger.info(
        `The agent needs a resource of type "${kind}", which is not among the initial resources: the algorithm has to bring it`,
      )
    }
    return
  }
  const { name, brings } = algorithm
  const kind = missing.find((each) => !brings.includes(each))
  if (kind === undefined) return
  const there = Object.entries(resources).map(([key, { resource_type: type }]) => `${key} (${type})`)
  throw new AglError({
    code: 'invalid_argument',
    message:
      `The agent needs a resource of type "${kind}"; there is ${there.length === 0 ? 'none at all' : `only ${there.join(', ')}`}, ` +
      `and the algorithm "${name}" brings ${brings.length === 0 ? 'none' : `only ${brings.join(', ')}`}. ` +
      `Add it to the initial resources: initialResources: { name: { resource_type: '${kind}', … } }.`,
    data: { kind, algorithm: name },
  })
}
