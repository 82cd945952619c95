/** Facts that go with a log line. Prompts, spans and connection strings belong to `debug` only. */
export type LogFields = Readonly<Record<string, unknown>>

/** Where a component writes what it does. Packages are silent unless they are given one. */
export interface Logger {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
}

const ignore = (): void => {}

/** The default: says nothing. */
export const silentLogger: Logger = Object.freeze({ debug: ignore, info: ignore, warn: ignore, error: ignore })
