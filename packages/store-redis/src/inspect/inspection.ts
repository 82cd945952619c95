import type { RolloutStatus } from '@agl/types'
import type { KeyName } from '../keys.ts'

/** What a key holds; `spans` are the bodies of the spans of one rollout. */
export type KeyKind = Exclude<KeyName, 'wake'> | 'spans'

/**
 * What holds in every store at every moment, whatever was done to it:
 *
 * | name            | says                                                                                                 |
 * |-----------------|------------------------------------------------------------------------------------------------------|
 * | `known_keys`    | every key of the namespace is of a known kind and type                                               |
 * | `records`       | a rollout can be read, has a body and the limits that its config says, and its earlier attempts      |
 * | `status_index`  | the index of statuses has each rollout exactly with the status of its record                         |
 * | `queue`         | what waits has one entry in the list of its priority, and that priority is looked at                 |
 * | `deadlines`     | live attempts with a limit are looked at no later than it, and nothing else is                       |
 * | `ended_lists`   | what is finished has one entry in the list of ends, and one in that of spans if it has spans         |
 * | `workers`       | a worker is in their set, counts the live attempts that name it, and lists them if there are several |
 * | `span_places`   | the index of spans has as many places as spans arrived, each once, each of an attempt that is there  |
 * | `span_bodies`   | every body of a span has a place, or is noted to be deleted                                          |
 * | `trash`         | nothing that is noted to be deleted is in use                                                        |
 * | `resources`     | versions, their order, their history and the aliases agree                                           |
 * | `feed`          | the last event of the feed is the one that was counted last                                          |
 * | `counters`      | the totals are those of what is there                                                                |
 * | `memory_policy` | the server drops no key by itself                                                                    |
 */
export const invariants = [
  'known_keys',
  'records',
  'status_index',
  'queue',
  'deadlines',
  'ended_lists',
  'workers',
  'span_places',
  'span_bodies',
  'trash',
  'resources',
  'feed',
  'counters',
  'memory_policy',
] as const

export type Invariant = (typeof invariants)[number]

/** Something that must not be. */
export interface Violation {
  readonly invariant: Invariant
  /** Of the rollouts, workers, resources, keys or servers that it is about. */
  readonly ids: readonly string[]
  /** What should be, and what is. */
  readonly message: string
}

/** The keys of one kind. */
export interface KindOfKeys {
  readonly kind: KeyKind
  readonly count: number
  /** What Redis says it takes for them; of lists and sets that grow with the store it reckons from some elements. */
  readonly bytes: number
  /** Whether only some were measured and `bytes` is their mean times `count`. */
  readonly isEstimate: boolean
}

/** One primary. */
export interface InspectedServer {
  /** Host and port, or the path of a socket. */
  readonly place: string
  readonly version: string
  readonly usedMemoryBytes: number
  /** Null for no bound. */
  readonly maxMemoryBytes: number | null
  readonly maxMemoryPolicy: string
  /** Keys that it dropped by itself since it was started. */
  readonly evictedKeys: number
  readonly replicas: number
  readonly persistence: {
    readonly appendOnly: boolean
    /** `always`, `everysec` or `no`; null where the server does not tell. */
    readonly appendFsync: string | null
    /** When snapshots are written, as in its configuration; '' for never, null where the server does not tell. */
    readonly save: string | null
    /** Epoch seconds. */
    readonly lastSaveTime: number
    /** Whether the last snapshot and the last write of the log succeeded. */
    readonly isHealthy: boolean
  }
}

/** What `inspectRedisStore` found. */
export interface RedisInspection {
  readonly namespace: string
  /** Of the keys, as this package writes them. */
  readonly schemaVersion: number
  /** Other versions of the schema of which the namespace has keys, which this package neither reads nor checks. */
  readonly otherSchemaVersions: readonly number[]
  /** Of the server, in epoch seconds, when the look began. */
  readonly time: number
  readonly servers: readonly InspectedServer[]
  readonly keys: {
    readonly count: number
    readonly bytes: number
    readonly isEstimate: boolean
    /** Kinds of which there are keys, the one that takes most first. */
    readonly kinds: readonly KindOfKeys[]
    /** The 20 that take most, of those that were measured. */
    readonly largest: readonly { readonly name: string; readonly kind: KeyKind; readonly bytes: number }[]
  }
  readonly statuses: Readonly<Record<RolloutStatus, number>>
  readonly queue: {
    /** Highest first; those of which something waits. */
    readonly priorities: readonly { readonly priority: number; readonly waiting: number }[]
    /** Entries that claims will pass over. */
    readonly stale: number
    /** The one that waits and was enqueued first. */
    readonly oldest: { readonly rolloutId: string; readonly startTime: number } | null
  }
  readonly attempts: {
    readonly live: number
    /** The next moment at which one is looked at, which may be before its limit. */
    readonly nextDeadline: { readonly rolloutId: string; readonly time: number } | null
  }
  readonly workers: { readonly known: number; readonly busy: number }
  readonly waiting: {
    /** Whether some handle waits for work, waits for rollouts, or watches, or did so within the last minutes. */
    readonly forWork: boolean
    readonly forRollouts: boolean
    readonly forEvents: boolean
    /** Handles that listen for wake-ups. */
    readonly listeners: number
  }
  /** Spans that were given a place and have no body, as rollout id and place: their writer died, and nobody sent them again. */
  readonly placesWithoutBodies: readonly { readonly rolloutId: string; readonly place: number }[]
  readonly violations: readonly Violation[]
  /** What could not be checked, and why. */
  readonly unchecked: readonly string[]
}
