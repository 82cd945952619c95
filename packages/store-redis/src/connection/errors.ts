import { AglError, errorMessage } from '@agl/types'

/** What a server says while it cannot serve yet or any more: the same command may succeed a little later. */
const passing = /^(MOVED|ASK|LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|BUSY|NOREPLICAS|MISCONF|UNBLOCKED)\b/
/** What ioredis says of a connection that is not there. */
const lost =
  /Connection is closed|isn't writeable|isn't ready|max retries per request|Command aborted due to connection close|startup nodes|Failed to refresh slots|Too many Cluster redirections|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOENT|EHOSTUNREACH|ENOTFOUND|socket/i

/** What a server says to who is not known, or may not run a command; the last, of one that a script runs. */
const forbidden = /^(NOAUTH|WRONGPASS|NOPERM)\b|ACL failure in script|The user executing the script can't/

/** Whether the command may have come to nothing only because the server was away. */
export function isPassing(thrown: unknown): boolean {
  if (AglError.isInstance(thrown)) return false
  const message = errorMessage(thrown)
  return passing.test(message) || (!isReply(thrown) && lost.test(message))
}

/** Whether the server itself answered with an error. */
function isReply(thrown: unknown): boolean {
  return thrown instanceof Error && thrown.name === 'ReplyError'
}

/** The error of Redis as one of ours; ours as it is. */
export function translateError(thrown: unknown, place: string): unknown {
  if (AglError.isInstance(thrown)) return thrown
  const says = errorMessage(thrown)
  const refuse = (code: string, message: string): AglError =>
    new AglError({ code, message: `${message} Redis says: ${says}`, data: { place }, cause: thrown })
  if (says.startsWith('OOM ')) {
    return refuse(
      'storage_full',
      `The memory of Redis at ${place} is full; nothing was changed. Finish or delete rollouts, set \`retention\`, or raise its maxmemory.`,
    )
  }
  if (forbidden.test(says)) {
    return refuse(
      'unauthorized',
      `Redis at ${place} did not let us in: give a user and password that may run what docs/operate-redis.md lists.`,
    )
  }
  if (/Unknown.*flag|unknown command|Bad script/i.test(says)) {
    return refuse('not_supported_by_server', `Expected Redis 7.0 or newer, or Valkey, at ${place}.`)
  }
  if (isReply(thrown)) return refuse('internal', `Redis at ${place} refused a command.`)
  return thrown
}

/** There is no server, or none that we can talk to. */
export function notThere(place: string, cause: unknown): unknown {
  // Of a cluster ioredis says only that all servers failed, and beside it why the last one did.
  const said = cause instanceof Error && 'lastNodeError' in cause ? cause.lastNodeError : cause
  if (forbidden.test(errorMessage(said))) return translateError(said, place)
  return new AglError({
    code: 'upstream_failed',
    message: `No Redis at ${place} (${errorMessage(cause)}). Start one, for example with "redis-server" or "docker run -p 6379:6379 redis:7", or give the \`url\` of another.`,
    data: { place },
    cause,
  })
}

/** The server was there and has been away for longer than a call waits. */
export function awayTooLong(place: string, waitedMs: number, cause: unknown): AglError {
  const what = isReply(cause)
    ? `has refused for ${Math.round(waitedMs)} ms (${errorMessage(cause)})`
    : `has not answered for ${Math.round(waitedMs)} ms`
  return new AglError({
    code: 'timeout',
    message: `Redis at ${place} ${what}. Try again: a call with a chosen id or an idempotency key is done once, however often it is sent.`,
    data: { place, waitedMs },
    cause,
  })
}
