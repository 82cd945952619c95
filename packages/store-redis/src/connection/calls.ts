import type { ScriptName } from '../scripts.generated.ts'
import type { Client, Connection, ScriptArgument } from './connection.ts'

/** What a script answers to one call: a word, then texts and lists of texts. */
export type Reply = readonly [word: string, ...rest: readonly unknown[]]

/** Calls of scripts. Those of one script and one turn of the event loop go together. */
export interface Calls {
  call(script: ScriptName, args: readonly ScriptArgument[]): Promise<Reply>
  /** Resolves when what was called before is done, but for what the store does for itself. */
  close(): Promise<void>
}

interface Pending {
  readonly args: readonly ScriptArgument[]
  readonly resolve: (reply: Reply) => void
  readonly reject: (reason: unknown) => void
}

/** A script with more calls than this would keep others waiting; a single larger one cannot be helped. */
const mostCalls = 64
const mostArguments = 4000

/** What the store does for itself: nobody is told that it is done. */
const ownScripts: ReadonlySet<ScriptName> = new Set(['retain', 'forgetWorkers', 'sweep', 'await', 'watch', 'wake'])

/** What adds nothing, and spans, after whose bodies room is made. */
const withoutRoom: ReadonlySet<ScriptName> = new Set(['nextSequenceIds', 'addSpans'])

/** The time of the next script in microseconds, where a test sets it; '' for that of the server. */
export type ScriptTime = () => number | ''

export function createCalls(parts: {
  readonly connection: Connection
  readonly prefix: string
  readonly time: ScriptTime
  readonly onFirstCall: () => void
  /** Waits until replicas have what a script wrote; null for nobody. */
  readonly confirm: ((client: Client) => Promise<void>) | null
  /** Follows each script that adds something before it is answered; null for nothing. */
  readonly afterWrite: (() => Promise<void>) | null
}): Calls {
  const { connection, prefix, time, confirm } = parts
  const underWay = new Set<Promise<void>>()
  let hasCalled = false
  const waiting = new Map<ScriptName, Pending[]>()
  let isScheduled = false

  const flush = (): void => {
    isScheduled = false
    const all = [...waiting]
    waiting.clear()
    for (const [script, calls] of all) {
      for (let start = 0; start < calls.length;) {
        let end = start
        let count = 0
        while (
          end < calls.length &&
          end - start < mostCalls &&
          (end === start || count + calls[end]!.args.length <= mostArguments)
        ) {
          count += calls[end]!.args.length
          end++
        }
        const sending = send(script, calls.slice(start, end)).finally(() => underWay.delete(sending))
        // Nobody who closes wants to wait for these, least of all while the server is away.
        if (!ownScripts.has(script)) underWay.add(sending)
        start = end
      }
    }
  }

  const send = async (script: ScriptName, calls: readonly Pending[]): Promise<void> => {
    try {
      const replies = await connection.run(async (client, isAgain) => {
        const run = (client as unknown as Readonly<Record<string, (...all: unknown[]) => Promise<readonly Reply[]>>>)[script]!
        // As one list: a call may have more arguments than fit on the stack.
        const args: ScriptArgument[] = [time(), isAgain ? '1' : '0']
        for (const call of calls) {
          args.push(call.args.length)
          for (const argument of call.args) args.push(argument)
        }
        const done = await run.call(client, prefix, args)
        if (confirm !== null && !ownScripts.has(script)) await confirm(client)
        return done
      })
      if (parts.afterWrite !== null && !ownScripts.has(script) && !withoutRoom.has(script)) await parts.afterWrite()
      for (const [index, call] of calls.entries()) call.resolve(replies[index]!)
    } catch (error) {
      for (const call of calls) call.reject(error)
    }
  }

  return {
    call: (script, args) =>
      new Promise((resolve, reject) => {
        const calls = waiting.get(script)
        if (calls === undefined) waiting.set(script, [{ args, resolve, reject }])
        else calls.push({ args, resolve, reject })
        if (isScheduled) return
        isScheduled = true
        setImmediate(flush)
        if (hasCalled) return
        hasCalled = true
        parts.onFirstCall()
      }),
    async close() {
      if (isScheduled) flush()
      while (underWay.size > 0) await Promise.all(underWay)
    },
  }
}
