/** One request, with all that its server is to see of it. */
export interface Sending {
  readonly method: string
  /** Below what the server is named by. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | null
  /** Ends the exchange, up to the last byte of its reply. It is the request's own and goes with it. */
  readonly signal: AbortSignal
}

/** A reply of which the head is there. Its body is taken once, in one of three ways. */
export interface Incoming {
  readonly status: number
  /** @param name in small letters; null = there is none */
  header(name: string): string | null
  /** @throws what broke the connection, before the last byte was there */
  text(): Promise<string>
  stream(): ReadableStream<Uint8Array> | null
  /** For a body that nobody wants to see. */
  discard(): void
}

/** The way to one server. */
export interface Exchange {
  /** @throws what kept the request from being answered */
  send(sending: Sending): Promise<Incoming>
  /** Lets idle connections go that are nobody else's. */
  close(): void
}

/** By a `fetch`, which may be the caller's own. */
export function createFetchExchange(url: string, fetch: typeof globalThis.fetch): Exchange {
  return {
    async send({ path, body, ...rest }) {
      const duplex = body instanceof ReadableStream ? { duplex: 'half' as const } : {}
      const response = await fetch(`${url}${path}`, { ...rest, body, redirect: 'manual', ...duplex })
      return {
        status: response.status,
        header: (name) => response.headers.get(name),
        text: () => response.text(),
        stream: () => response.body,
        discard: () => void response.body?.cancel().catch(() => {}),
      }
    },
    close() {},
  }
}
