import { InvalidArgumentError } from 'commander'
import { type LogLevel, logLevels } from './logger.ts'

export function toLogLevel(text: string): LogLevel {
  // The Python package spells them so.
  const level = { warning: 'warn', critical: 'error' }[text.toLowerCase()] ?? text.toLowerCase()
  const known = logLevels.find((name) => name === level)
  if (known !== undefined) return known
  throw new InvalidArgumentError(`Expected one of ${logLevels.join(', ')}.`)
}

/** @param least the smallest that is taken */
export function toCount(least: number): (text: string) => number {
  return (text) => {
    const count = Number(text)
    if (/^\d+$/.test(text) && Number.isSafeInteger(count) && count >= least) return count
    throw new InvalidArgumentError(`Expected a whole number of at least ${least}.`)
  }
}
