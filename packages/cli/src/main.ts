#!/usr/bin/env node
import { run } from './run.ts'

// Whoever reads along may go; a store must not end for want of a listener.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })
}

process.exitCode = await run(process.argv.slice(2))
