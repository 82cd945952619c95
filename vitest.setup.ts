import { afterEach, beforeEach, vi } from 'vitest'

/** Packages are silent: a test during which something was written to the console fails and shows it. */
const methods = ['log', 'info', 'warn', 'error', 'debug'] as const
let written: string[] = []

beforeEach(() => {
  written = []
  for (const method of methods) {
    vi.spyOn(console, method).mockImplementation(
      (...values: unknown[]) => void written.push(`console.${method}: ${values.join(' ')}`),
    )
  }
})

afterEach(() => {
  const lines = written
  vi.restoreAllMocks()
  if (lines.length > 0) throw new Error(`Nothing may write to the console; this test wrote:\n${lines.join('\n')}`)
})
