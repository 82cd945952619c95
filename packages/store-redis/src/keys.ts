/*
 * All keys. Those of one store share a hash tag, so that a script may touch them together in a cluster; the spans of each
 * rollout lie under a tag of their own, so that a cluster spreads what takes the room. Scripts get the prefix and the names
 * below as constants (`KEY_QUEUE`); nobody else puts a key together.
 */

/** Goes up when what is stored under the keys changes its form; a store of another version is not seen then. */
export const schemaVersion = 1

/** What comes after the prefix. Those that end in a colon have an id behind it. */
export const keyNames = {
  /** Hash: totals, who waits, the feed's place. See `include/state.lua`. */
  control: 'control',
  /** String per rollout: what scripts read. See `include/rollouts.lua`. */
  rollout: 'rollout:',
  /** String per rollout: what only clients read, and its input. */
  body: 'body:',
  /** Hash per rollout that was tried more than once: its attempts before the last. See `include/attempts.lua`. */
  attempts: 'attempts:',
  /** Hash per rollout: where its spans are. See `add-spans.lua`. */
  spanIndex: 'span-index:',
  /** Sorted set of rollouts by status, then by insertion. */
  statuses: 'statuses',
  /** List per priority of what waits to be claimed. */
  queue: 'queue:',
  /** Sorted set of workers by ordinal. */
  workers: 'workers',
  /** Hash per worker. See `include/workers.lua`. */
  worker: 'worker:',
  /** List per worker that runs several attempts: these. */
  running: 'running:',
  /** Sorted set of live attempts by the moment at which they are to be looked at. */
  deadlines: 'deadlines',
  /** List of rollouts in the order of their ends, for retention; entries may be stale. */
  ended: 'ended',
  /** The same, of those that had spans. */
  endedWithSpans: 'ended-with-spans',
  /** Set of span keys that nobody needs any more and that are still to be deleted. */
  trash: 'trash',
  /** String per idempotency key. See `include/answers.lua`. */
  answer: 'answer:',
  /** String per call, for when it is sent again. See `include/sent.lua`. */
  sent: 'sent:',
  /** Hash of resources by id. See `include/versions.lua`. */
  resources: 'resources',
  /** Hash per id of resources: its versions. */
  versions: 'versions:',
  /** Sorted set of all versions by when they were stored. */
  resourcesOrder: 'resources-order',
  /** Hash of aliases. */
  aliases: 'aliases',
  /** String that says nothing: written to ask replicas how far they are. See `connection/replicas.ts`. */
  marker: 'marker',
  /** Stream of events. */
  feed: 'feed',
  /** Sorted set of the handles with calls that wait for work, by since when. */
  waiters: 'waiters',
  /** Channel on which handles are told that there is something new; with a colon and its id the one of a handle. */
  wake: 'wake',
} as const

export type KeyName = keyof typeof keyNames

/** The keys of one store. */
export interface Keys {
  readonly prefix: string
  of(name: KeyName, id?: string): string
  /**
   * Hash of the bodies of a rollout's spans. The place tells apart rollouts that had the same id one after the other, and what
   * came before and after their spans were dropped.
   */
  spans(rolloutId: string, place: string): string
  /** As the marker, beside the spans of a rollout. */
  spansMarker(rolloutId: string): string
}

export function createKeys(namespace: string): Keys {
  const prefix = `agl:${schemaVersion}:{${namespace}}:`
  return {
    prefix,
    of: (name, id = '') => `${prefix}${keyNames[name]}${id}`,
    spans: (rolloutId, place) => `agl:${schemaVersion}:{${namespace}:${rolloutId}}:spans:${place}`,
    spansMarker: (rolloutId) => `agl:${schemaVersion}:{${namespace}:${rolloutId}}:marker`,
  }
}
