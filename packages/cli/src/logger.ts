import type { LogFields, Logger } from '@agl/types'

export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

// oxlint-disable-next-line no-control-regex -- these are what is looked for
const control = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g

/** What others have named must not begin a line of its own. */
export function oneLine(text: string): string {
  return text.replace(control, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/**
 * Lines on standard error: standard output belongs to what a command answers.
 * @param level as a function where it may change
 */
export function createLogger(level: LogLevel | (() => LogLevel), write: (line: string) => void): Logger {
  const least = (): number => logLevels.indexOf(typeof level === 'function' ? level() : level)
  const at =
    (own: Exclude<LogLevel, 'silent'>) =>
    (message: string, fields: LogFields = {}): void => {
      if (logLevels.indexOf(own) < least()) return
      const facts = Object.entries(fields).map(
        ([key, value]) => ` ${key}=${typeof value === 'string' ? oneLine(value) : JSON.stringify(value)}`,
      )
      write(`${new Date().toISOString()} ${own.padEnd(5)} ${oneLine(message)}${facts.join('')}\n`)
    }
  return Object.freeze({ debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') })
}
