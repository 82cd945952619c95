import { errorMessage, type Logger } from '@agl/types'
import type { ComponentContext, ComponentKind } from './config/component.ts'
import type { Registry } from './config/registry.ts'
import { isInstance, makePart, type PortablePart, type RunnerPart } from './portable.ts'

/** The components of a trainer that it makes itself, each once, when it is needed first. */
export interface Components {
  /** What the program gave, or what is made of it, once for each place and form. @param place names it among the options, for example `hooks.0` */
  make<Instance>(place: string, kind: ComponentKind<Instance>, form: RunnerPart<Instance>): Promise<Instance>
  /** Makes one and closes it: what another process would refuse is told here. Once for each place. */
  check<Instance>(place: string, kind: ComponentKind<Instance>, part: PortablePart): Promise<void>
  /** Closes what was made, the latest first. Never rejects. */
  close(): Promise<void>
}

interface Closable {
  close(): unknown
}

export function createComponents(registry: Registry | null, context: ComponentContext & { readonly logger: Logger }): Components {
  const made = new Map<string, { readonly form: unknown; readonly instance: Promise<unknown> }>()
  const checked = new Set<string>()
  const toClose: (readonly [place: string, component: Closable])[] = []

  async function create<Instance>(place: string, kind: ComponentKind<Instance>, form: RunnerPart<Instance>): Promise<Instance> {
    const { instance, isOurs } = await makePart(kind, form, registry, context)
    if (isOurs && isClosable(instance)) toClose.push([place, instance])
    return instance
  }

  return {
    async make<Instance>(place: string, kind: ComponentKind<Instance>, form: RunnerPart<Instance>): Promise<Instance> {
      if (isInstance(kind, form)) return form
      const present = made.get(place)
      if (present?.form === form) return (await present.instance) as Instance
      const instance = create(place, kind, form)
      made.set(place, { form, instance })
      // One that failed is tried again by the next run.
      instance.catch(() => made.delete(place))
      return await instance
    },

    async check(place, kind, part) {
      if (checked.has(place)) return
      const { instance, isOurs } = await makePart(kind, part, registry, context)
      if (isOurs && isClosable(instance)) await instance.close()
      checked.add(place)
    },

    async close() {
      made.clear()
      for (const [place, component] of toClose.splice(0).toReversed()) {
        try {
          await component.close()
        } catch (error) {
          context.logger.error('A component of the trainer did not close', { component: place, error: errorMessage(error) })
        }
      }
    },
  }
}

function isClosable(value: unknown): value is Closable {
  return typeof value === 'object' && value !== null && 'close' in value && typeof value.close === 'function'
}
