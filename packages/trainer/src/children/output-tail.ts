import type { Readable } from 'node:stream'

/** Enough for the message and the stack of what ended a process. */
const tailBytes = 8 * 1024

/**
 * Passes on what a child writes to its standard error, which is its user's as standard output is, and keeps the end of it: often
 * nothing else says why a process died.
 */
export function keepTail(output: Readable): () => string {
  let tail = Buffer.alloc(0)
  output.on('data', (chunk: Buffer) => {
    process.stderr.write(chunk)
    tail = Buffer.concat([tail, chunk]).subarray(-tailBytes)
  })
  // A pipe that breaks ends with its process.
  output.on('error', () => {})
  return () => tail.toString().trim()
}
