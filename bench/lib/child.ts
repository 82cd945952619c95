import { type ChildProcess, fork } from 'node:child_process'

/*
 * A side that must not share a heap or an event loop with the others runs in a process of its own and answers calls.
 * Arguments and answers are JSON.
 */

/** What a child can do, by name. */
export type Verbs = { readonly [name: string]: (argument: never) => unknown }

type Argument<Verb> = Verb extends (argument: infer Value) => unknown ? Value : never
type Answer<Verb> = Verb extends (argument: never) => infer Value ? Awaited<Value> : never

export interface Child<Contract extends Verbs> {
  call<Name extends keyof Contract & string>(name: Name, argument: Argument<Contract[Name]>): Promise<Answer<Contract[Name]>>
  close(): Promise<void>
}

interface Request {
  readonly id: number
  readonly name: string
  readonly argument: unknown
}

type Reply = { readonly id: number; readonly value: unknown } | { readonly id: number; readonly error: string }

/** Starts the file, which must call {@link serveParent}. */
export function openChild<Contract extends Verbs>(file: URL): Child<Contract> {
  const child: ChildProcess = fork(file, { execArgv: ['--conditions=@agl/source', '--expose-gc'], stdio: 'inherit' })
  const waiting = new Map<number, { readonly resolve: (value: unknown) => void; readonly reject: (reason: Error) => void }>()
  const ended = new Promise<void>((resolve) => {
    child.on('exit', (code, signal) => {
      for (const { reject } of waiting.values()) reject(new Error(`${file.pathname} ended with ${signal ?? code}`))
      waiting.clear()
      resolve()
    })
  })
  child.on('message', (message: Reply) => {
    const call = waiting.get(message.id)
    waiting.delete(message.id)
    if ('error' in message) call?.reject(new Error(message.error))
    else call?.resolve(message.value)
  })
  let lastId = 0
  return {
    call: (name, argument) =>
      new Promise((resolve, reject) => {
        const id = ++lastId
        waiting.set(id, { resolve: resolve as (value: unknown) => void, reject })
        const request: Request = { id, name, argument }
        child.send(request)
      }),
    close: async () => {
      if (child.connected) child.disconnect()
      await ended
    },
  }
}

/** Answers the parent's calls one after the other, and ends with it. */
export function serveParent<Contract extends Verbs>(verbs: Contract): void {
  const answer = async ({ id, name, argument }: Request): Promise<Reply> => {
    try {
      return { id, value: await verbs[name]!(argument as never) }
    } catch (error) {
      return { id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) }
    }
  }
  let last: Promise<unknown> = Promise.resolve()
  process.on('message', (request: Request) => {
    last = last.then(async () => process.send?.(await answer(request)))
  })
  // The parent may be gone without a word; nobody is left to measure for.
  process.on('disconnect', () => process.exit())
}
