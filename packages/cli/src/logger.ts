import type { LogFields, Logger } from '@agl/types'

export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

/** Lines on standard error: standard output belongs to what a command answers. */
export function createLogger(level: LogLevel, write: (line: string) => void): Logger {
  const least = logLevels.indexOf(level)
  const at =
    (own: Exclude<LogLevel, 'silent'>) =>
    (message: string, fields: LogFields = {}): void => {
      if (logLevels.indexOf(own) < least) return
      const facts = Object.entries(fields).map(
        ([key, value]) => ` ${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
      )
      write(`${new Date().toISOString()} ${own.padEnd(5)} ${message}${facts.join('')}\n`)
    }
  return Object.freeze({ debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') })
}
