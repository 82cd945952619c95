import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import type { WatchdogReport } from './protocol.ts'

/** Reads what the watchdog of a child writes. */
export function readReports(pipe: Readable, onReport: (report: WatchdogReport) => void): void {
  // A pipe that breaks ends with its process.
  pipe.on('error', () => {})
  createInterface({ input: pipe }).on('line', (line) => {
    const report = parse(line)
    if (report !== null) onReport(report)
  })
}

/** The agent shares the process, and may have written there. */
function parse(line: string): WatchdogReport | null {
  try {
    const value = JSON.parse(line) as Partial<WatchdogReport> | null
    switch (value?.kind) {
      case 'above':
      case 'runaway':
        return Number.isFinite(value.bytes) ? (value as WatchdogReport) : null
      case 'stalled':
        return Number.isFinite(value.milliseconds) ? (value as WatchdogReport) : null
      default:
        return null
    }
  } catch {
    return null
  }
}
