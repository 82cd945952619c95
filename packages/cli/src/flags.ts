import { type LogLevel, type LogLevels, logLevels } from '@agl/types'
import { InvalidArgumentError, Option } from 'commander'
import { logFormats } from './logger.ts'

export function toLogLevel(text: string): LogLevel {
  // The Python package spells them so.
  const level = { warning: 'warn', critical: 'error' }[text.toLowerCase()] ?? text.toLowerCase()
  const known = logLevels.find((name) => name === level)
  if (known !== undefined) return known
  throw new InvalidArgumentError(`Expected one of ${logLevels.join(', ')}; got ${JSON.stringify(text)}.`)
}

/** Where nothing is said. */
export const defaultLevels: LogLevels = Object.freeze({ level: 'info' })

/** `info,runner=debug,store=warn`: one for all, and those of components. */
export function toLogLevels(text: string): LogLevels {
  let level: LogLevel | null = null
  const components: Record<string, LogLevel> = {}
  for (const part of text.split(',').map((each) => each.trim())) {
    const [, component, own] = /^([^=]+)=(.*)$/.exec(part) ?? []
    if (component !== undefined) components[component.trim()] = toLogLevel(own!.trim())
    else if (level === null) level = toLogLevel(part)
    else throw new InvalidArgumentError('Expected one level for all, and others as component=level: info,runner=debug.')
  }
  return { level: level ?? 'info', components }
}

export function logFormatOption(): Option {
  return new Option('--log-format <format>', 'how logs look; default: pretty on a terminal, else lines of JSON').choices(
    logFormats,
  )
}

export function toPort(text: string): number {
  const port = Number(text)
  if (/^\d+$/.test(text) && port <= 65_535) return port
  throw new InvalidArgumentError('Expected a port from 0 to 65535; 0 takes any free one.')
}

/** @param least the smallest that is taken */
export function toCount(least: number): (text: string) => number {
  return (text) => {
    const count = Number(text)
    if (/^\d+$/.test(text) && Number.isSafeInteger(count) && count >= least) return count
    throw new InvalidArgumentError(`Expected a whole number of at least ${least}.`)
  }
}
