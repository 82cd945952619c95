import { z } from 'zod'

/**
 * Facts that go with a log line. Prompts, spans and connection strings belong to `debug` only. `component` is the part of the program
 * that speaks; see {@link childLogger}.
 */
export type LogFields = Readonly<Record<string, unknown>>

/** Where a component writes what it does. Packages are silent unless they are given one; `console` is one. */
export interface Logger {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
}

/** From everything to nothing; `silent` is a level to set, not one to write at. */
export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

/** The least that is told. */
export interface LogLevels {
  /** Where nothing else is said. Default `info`. */
  readonly level?: LogLevel
  /** By component: `{ runner: 'debug', 'store.client': 'warn' }`. What is said of `store` holds for `store.client` as well. */
  readonly components?: Readonly<Record<string, LogLevel>>
}

export const logLevelsSchema: z.ZodType<LogLevels> = z.strictObject({
  level: z.enum(logLevels).exactOptional(),
  components: z.record(z.string().min(1), z.enum(logLevels)).exactOptional(),
})

const ignore = (): void => {}

/** The default: says nothing. */
export const silentLogger: Logger = Object.freeze({ debug: ignore, info: ignore, warn: ignore, error: ignore })

function mapLogger(write: (level: keyof Logger, message: string, fields: LogFields | undefined) => void): Logger {
  const at =
    (level: keyof Logger) =>
    (message: string, fields?: LogFields): void =>
      write(level, message, fields)
  return Object.freeze({ debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') })
}

/**
 * The same logger for one part of the program: each line carries its name as `component`. Of several around each other the innermost
 * counts, so that a runner inside a trainer speaks as the runner.
 * @param component a word, or several with dots from the whole to the part: `store.client`
 */
export function childLogger(logger: Logger, component: string): Logger {
  if (logger === silentLogger) return silentLogger
  return mapLogger((level, message, fields) => logger[level](message, { component, ...fields }))
}

/** A logger whose levels may be changed while it is in use. */
export interface LeveledLogger extends Logger {
  setLevels(levels: LogLevels): void
}

/** Passes on what is at or above the level of the component that speaks. */
export function levelLogger(logger: Logger, levels: LogLevels = {}): LeveledLogger {
  let known = new Map<string, number>()
  let present = levels
  const rank = (level: LogLevel): number => logLevels.indexOf(level)

  function leastOf(component: unknown): number {
    const name = typeof component === 'string' ? component : ''
    const found = known.get(name)
    if (found !== undefined) return found
    const least = rank(levelOf(name, present))
    // Names are few; whoever makes them up as they go must not fill the memory.
    if (known.size < 1000) known.set(name, least)
    return least
  }

  return Object.freeze({
    ...mapLogger((level, message, fields) => {
      if (rank(level) >= leastOf(fields?.['component'])) logger[level](message, fields)
    }),
    setLevels(next: LogLevels) {
      present = next
      known = new Map()
    },
  })
}

/** What is said of the component, else of what it is a part of, else of all. */
function levelOf(component: string, { level = 'info', components = {} }: LogLevels): LogLevel {
  for (let name = component; name !== ''; name = name.slice(0, Math.max(0, name.lastIndexOf('.')))) {
    if (Object.hasOwn(components, name)) return components[name]!
  }
  return level
}
