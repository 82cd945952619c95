import { createExperiment, type Experiment, type LiveExperiment, randomFor, routeResources } from '@agl/algorithms'

/** A customer with something to ask. */
export interface Ask {
  readonly number: number
  readonly customer: string
}

export const deskName = 'desk'
export const deskAlias: string = `${deskName}.stable`

/** Each template is the chance that an ask is served well. */
export const templates = {
  before: { plain: '0.4', polite: '0.6' },
  /** One arm has another prompt, and one is new. */
  after: { plain: '0.4', polite: '0.9', brief: '0.5' },
} as const

/** The experiment as two versions of one program have it. */
export function createDesk(version: keyof typeof templates): Experiment<Ask> {
  const arms = Object.fromEntries(
    Object.entries<string>(templates[version]).map(([arm, template]) => [
      arm,
      { resources: { prompt: { resource_type: 'prompt_template' as const, template, engine: 'f-string' as const } } },
    ]),
  )
  return createExperiment<Ask, string>({ name: deskName, arms, assign: { by: 'key', key: ({ customer }) => customer } })
}

/** The same whoever serves it, however often. */
export function serveAsk(template: string, { number }: Ask): number {
  return randomFor(0, template, number).next() < Number(template) ? 1 : 0
}

/** `arm/resources id/version` of each customer. */
export type Routes = readonly string[]

export function routesOf(live: LiveExperiment<Ask>, customers: readonly string[]): Routes {
  return customers.map((customer) => {
    const { arm, resourcesId, version } = routeResources(live, { customer, number: 0 })
    return `${arm}/${resourcesId}/${version}`
  })
}
