import {
  type LeveledLogger,
  levelLogger,
  type LogFields,
  type Logger,
  logLevels,
  type LogLevel,
  type LogLevels,
} from '@agl/types'
import { pino } from 'pino'
import { prettyFactory } from 'pino-pretty'

export const logFormats = ['pretty', 'json'] as const
export type LogFormat = (typeof logFormats)[number]

export const logLevelHelp: string = `the least that is told on standard error: ${logLevels.join(', ')}; by component as info,runner=debug,store=warn`

// oxlint-disable-next-line no-control-regex -- these are what is looked for
const control = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g
const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`

/** What others have named must not begin a line of its own, nor steer a terminal. */
export function oneLine(text: string): string {
  return text.replace(control, escaped)
}

/**
 * Lines on standard error, since standard output belongs to what a command answers: for people on a terminal, JSON otherwise.
 * @param format default: by `isTerminal`
 */
export function createLogger(
  levels: LogLevel | LogLevels,
  write: (line: string) => void,
  { format, isTerminal = false }: { readonly format?: LogFormat | undefined; readonly isTerminal?: boolean } = {},
): LeveledLogger {
  const isPretty = (format ?? (isTerminal ? 'pretty' : 'json')) === 'pretty'
  const sink = pino(
    { base: null, level: 'debug', messageKey: 'message', timestamp: pino.stdTimeFunctions.isoTime, formatters },
    // Inside of JSON such characters stand in strings only, where an escape means the same.
    { write: isPretty ? prettyWriter(write, isTerminal) : (line) => write(`${oneLine(line.trimEnd())}\n`) },
  )
  const at =
    (level: keyof Logger) =>
    (message: string, fields: LogFields = {}): void =>
      sink[level](fields, message)
  const logger: Logger = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
  return levelLogger(logger, typeof levels === 'string' ? { level: levels } : levels)
}

const formatters = { level: (level: string) => ({ level }) }

/** The colours are the formatter's own; everything that it prints as it comes is made harmless before. */
function prettyWriter(write: (line: string) => void, hasColors: boolean): (line: string) => void {
  const pretty = prettyFactory({
    colorize: hasColors && process.env['NO_COLOR'] === undefined,
    messageKey: 'message',
    timestampKey: 'time',
    translateTime: 'SYS:HH:MM:ss.l',
    hideObject: true,
    messageFormat({ level: _level, time: _time, component, message, ...fields }) {
      const who = typeof component === 'string' ? `${component}: ` : ''
      const facts = Object.keys(fields).length === 0 ? '' : ` ${JSON.stringify(fields)}`
      return oneLine(`${who}${String(message)}${facts}`)
    },
  })
  return (line) => write(pretty(line) ?? '')
}
