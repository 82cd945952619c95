import type { Client, Connection } from './connection.ts'

interface Pending {
  readonly key: string
  readonly resolve: (text: string | null) => void
  readonly reject: (reason: unknown) => void
}

/** See `Connection.get`. */
export function createReads(): Connection['get'] {
  const waiting = new Map<Client, Pending[]>()

  const send = async (client: Client): Promise<void> => {
    const reads = waiting.get(client)!
    waiting.delete(client)
    try {
      const texts = await client.mget(reads.map(({ key }) => key))
      for (const [index, read] of reads.entries()) read.resolve(texts[index]!)
    } catch (error) {
      for (const read of reads) read.reject(error)
    }
  }

  return (client, key) =>
    new Promise((resolve, reject) => {
      const reads = waiting.get(client)
      if (reads !== undefined) {
        reads.push({ key, resolve, reject })
        return
      }
      waiting.set(client, [{ key, resolve, reject }])
      process.nextTick(() => void send(client))
    })
}
