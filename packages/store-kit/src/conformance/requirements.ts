import type { StoreFeature } from '@agl/types'

/** One promise of a store, and the tests that carry its id in their titles. */
export interface Requirement {
  /** Stable: never given to another promise. */
  readonly id: string
  readonly text: string
  /** Where the promise is made: the design, the contract with the reference, or the documentation of the type. */
  readonly source: string
  /** Holds only for a store that declares all of these. */
  readonly features?: readonly StoreFeature[]
}

/** A promise by its id: its text, or with what differs from its group. */
type Entry = string | (Omit<Requirement, 'id' | 'source'> & { readonly source?: string })

function group(
  common: Pick<Requirement, 'source' | 'features'>,
  entries: Readonly<Record<string, Entry>>,
): readonly Requirement[] {
  return Object.entries(entries).map(([id, entry]) => ({
    ...common,
    id,
    ...(typeof entry === 'string' ? { text: entry } : entry),
  }))
}

/**
 * All that the suite checks. What a store makes of its medium is checked where that is: of store.md §3 and §10.1 the rows on
 * HTTP (CORS, status codes, GET as POST, 200 with `null`, retries of the client, OTLP) and of DESIGN §5 the paragraphs on
 * Redis, SQLite and HTTP by the tests of these packages, times and costs by the bench.
 */
export const requirements: readonly Requirement[] = Object.freeze([
  ...group(
    { source: 'types/src/store.ts, StoreCapabilities' },
    {
      'CAPABILITY-01': 'A store has a name and says where its data is, who shares it, and which features it has.',
      'CAPABILITY-02': {
        text: 'A verb or option of a feature that is not declared is refused with `not_supported` and does nothing.',
      },
      'CAPABILITY-03': {
        text: 'A second handle on the same data can be opened; only a store within one process is its own.',
        source: 'DESIGN 13.5',
      },
    },
  ),
  ...group(
    { source: 'store.md 3: start_rollout, enqueue_rollout, enqueue_many_rollouts, dequeue_rollout, dequeue_many_rollouts' },
    {
      'QUEUE-01': {
        text: 'A new rollout is `queuing`, has an id of its own, every field of the record, and no attempt.',
        source: 'store.md 1.3, 3',
      },
      'QUEUE-02': {
        text: 'A claim makes attempt 1, `preparing`, for the worker that asked, and moves the rollout to `preparing`.',
        source: 'store.md 3, 4.1',
      },
      'QUEUE-03': 'Many are claimed up to the limit, all for one worker; a limit of 0 claims nothing.',
      'QUEUE-04': '`startRollout` makes rollout and attempt at one moment and never uses the queue.',
      'QUEUE-05': 'A rollout that was cancelled, started or updated out of the queue is not claimed from it.',
      'QUEUE-06': { text: 'Requeued work goes to the tail; work that waits already keeps its place.', source: 'store.md 4.5' },
      'QUEUE-07': {
        text: 'A chosen id or an idempotency key, both kept on the rollout, makes enqueueing idempotent, a finished rollout is not reopened by it; a key lives 10 minutes.',
        source: 'DESIGN 4',
      },
      'QUEUE-08': {
        text: '`startRollout` with a known id or key answers the first rollout; for one in the queue it is a `conflict`.',
        source: 'DESIGN 4',
      },
      'QUEUE-09': '`enqueueManyRollouts` stores all of its rollouts or none.',
      'QUEUE-10': {
        text: 'An input is any JSON value, null too; what is no JSON is refused by its place.',
        source: 'store.md 1.6',
      },
      'QUEUE-11': {
        text: 'What a call answers is a value: changing it changes nothing in the store.',
        source: 'types/src/store.ts, LightningStore',
      },
      'QUEUE-12': {
        text: 'Null metadata become `{}`, absent resources the latest ones at their version, absent config the defaults, in each verb.',
        source: 'store.md 0.7, 3',
      },
      'QUEUE-13': { text: 'Work put back by hand is claimed once, as the next attempt.', source: 'store.md 4.5' },
      'QUEUE-14': { text: 'Ids do not collide.', source: 'store.md 11.1 (14)' },
    },
  ),
  ...group(
    { source: 'DESIGN 5, scheduling', features: ['scheduling'] },
    {
      'SCHEDULE-01': 'Higher priority, which the rollout keeps, is claimed first, first in first out within one.',
      'SCHEDULE-02': 'A retry keeps its priority and goes to the tail of it.',
      'SCHEDULE-03': 'Workers that wait are served in turn, however many calls each has waiting.',
      'SCHEDULE-04': 'A worker that reports a capacity gets no more than its free slots, within a call and over calls.',
      'SCHEDULE-05': 'A capacity is kept on the worker until it reports another one.',
      'SCHEDULE-06': 'A call that waits for a free slot is served when one becomes free.',
      'SCHEDULE-07': 'A full worker that waits does not hold up the others.',
      'SCHEDULE-08': 'Of the waiting workers with a capacity the one with the least share of it taken is served first.',
      'SCHEDULE-09': 'A slot is free again when its attempt is lost, cancelled or handed to another worker.',
    },
  ),
  ...group(
    { source: 'DESIGN 5, waiting without polling' },
    {
      'PARK-01': 'A dequeue with `waitMs` waits and gets work the moment it arrives.',
      'PARK-02': 'It answers that there is nothing when its time is over, and takes no work afterwards.',
      'PARK-03': 'Aborting it rejects with the reason; an aborted call takes no work.',
      'PARK-04': 'What was claimed for a call that is aborted at that moment is not lost.',
      'PARK-05': 'A call for many takes what there is and does not wait for more.',
      'PARK-06': 'Work that a retry puts back wakes who waits.',
      'PARK-07': {
        text: 'A worker that finds nothing is idle while it waits; a limit of 0 or less never waits and makes it idle too.',
        source: 'store.md 3: dequeue_many_rollouts; 3.1',
      },
      'PARK-08': 'Of many waiting calls each gets work of its own.',
      'PARK-09': 'What was cancelled, waiting or claimed, goes to nobody who waits for work; what was reopened does.',
    },
  ),
  ...group(
    { source: 'DESIGN 5; store.md 11.1 (7)' },
    {
      'SAME-01': 'A claim repeated with its key answers the same attempt and claims nothing; after 10 minutes it is a new claim.',
      'SAME-02': 'So does a claim of many, and one that had to wait, repeated during the wait or after it.',
      'SAME-03': 'A `startAttempt` repeated with its key makes one attempt.',
      'SAME-04': 'A change of resources repeated with its key makes one version, also when it carries an expectation.',
      'SAME-05': 'A call that was refused or aborted is not remembered: its key may be used again.',
      'SAME-06':
        'A key never answers another verb with what it did not do: it is a `conflict`, beside the id of a known rollout too.',
      'SAME-07': 'Reports, updates and cancels may be repeated: the second one changes nothing.',
      'SAME-08': {
        text: 'An alias may be moved to the same place twice, also with the expectation of the first time.',
        source: 'DESIGN 5',
        features: ['aliases'],
      },
      'SAME-09': {
        text: 'A leased claim whose reply was lost is answered again, and its attempt goes on.',
        source: 'DESIGN 5; store.md 11.1 (2)',
        features: ['leases'],
      },
      'SAME-10': {
        text: 'A repeated release gives the work back once and counts once.',
        source: 'DESIGN 5',
        features: ['leases'],
      },
      'SAME-11': { text: 'A repeated delete answers that nothing was left.', source: 'DESIGN 5', features: ['deletes'] },
      'SAME-14': 'What a call with a key was answered cannot be changed for those who repeat it.',
      'SAME-16': 'A change of a rollout that is repeated with its key undoes nothing that has happened since.',
      'SAME-15': 'A key that comes with the id of a rollout that is there already names it from then on.',
      'SAME-13': {
        text: 'A `startRollout` repeated with its key or id answers the attempt that it made, whatever was started since.',
        source: 'DESIGN 4, 5',
      },
      'SAME-12': {
        text: 'A claim that is sent again while the first one waits keeps to its own signal and its own time.',
        source: 'DESIGN 5',
      },
    },
  ),
  ...group(
    { source: 'store.md 3: update_attempt, start_attempt; 4.1, 4.2' },
    {
      'ATTEMPT-01':
        'Each status of the latest attempt moves the rollout as the table says; only succeeded and failed have an end time.',
      'ATTEMPT-02': 'A failed, timed-out or unresponsive attempt is retried while its policy allows.',
      'ATTEMPT-03': 'A status outside `retry_condition` fails the rollout, whatever tries are left.',
      'ATTEMPT-13': {
        text: 'An outcome in `retry_outcomes` is retried whatever its status: what we did wrong apart from what the agent did.',
        source: 'DESIGN 4',
      },
      'ATTEMPT-04': { text: 'The outcome follows the status unless it is given, and must fit it.', source: 'DESIGN 4' },
      'ATTEMPT-05': {
        text: 'An attempt that succeeded is `scored` with a reward, before or after its end, else `completed`.',
        source: 'DESIGN 4',
      },
      'ATTEMPT-06': { text: 'The same ending status again is a no-op.', source: 'DESIGN 13.4' },
      'ATTEMPT-07': { text: 'No report of an attempt reopens a finished rollout.', source: 'DESIGN 13.4; store.md 11.1 (5)' },
      'ATTEMPT-08': {
        text: 'A requeued attempt that reports after all takes the rollout with it while nobody has claimed again.',
        source: 'store.md 4.5',
      },
      'ATTEMPT-09': {
        text: 'A superseded attempt, live or settled, settles and takes spans for itself alone.',
        source: 'DESIGN 5, leases; store.md 4.3',
      },
      'ATTEMPT-10':
        '`startAttempt` makes the next attempt of a rollout in any status, beyond `max_attempts` too, and clears its end.',
      'ATTEMPT-11': 'Worker, heartbeat time and metadata are taken as given; they alone move no status.',
      'ATTEMPT-14': { text: 'Attempts that were started by hand count as tries.', source: 'store.md 4.5' },
      'ATTEMPT-15': {
        text: 'An attempt that resumed is judged by the same retry test when it fails after all, as the one try that it is.',
        source: 'store.md 4.5',
      },
      'ATTEMPT-12': {
        text: 'Unknown ids are `not_found` in writes, in the words clients match on, and empty in reads.',
        source: 'store.md 10.2',
      },
    },
  ),
  ...group(
    { source: 'store.md 3: update_rollout; 4.5' },
    {
      'ROLLOUT-01': {
        text: 'An absent key leaves its field alone, null sets null where the record allows it.',
        source: 'store.md 0.8',
      },
      'ROLLOUT-02':
        '`updateRollout` reopens a finished rollout, which then waits for its next attempt; the old one stays as it ended.',
      'ROLLOUT-03': { text: 'The same ending status keeps its end time, another one sets it.', source: 'DESIGN 13.4' },
      'ROLLOUT-04': { text: 'A rollout may be `running` without an attempt.', source: 'DESIGN 13.4' },
    },
  ),
  ...group(
    { source: 'DESIGN 5, cancel; 13.4' },
    {
      'CANCEL-01': 'Cancels what waits and takes it out of the queue; finished, unknown and repeated ids are left out.',
      'CANCEL-02': 'Cancels what is claimed, running or requeued, settles its attempt as `cancelled` and tells its worker.',
      'CANCEL-03': 'A cancel sticks, whatever its attempt reports or sends afterwards.',
      'CANCEL-04': 'Only reopening, by `updateRollout` or `startAttempt`, ends it; the cancelled attempt stays so.',
      'CANCEL-05': {
        text: 'A cancel ends the lease; neither time nor heartbeat nor release changes anything afterwards.',
        source: 'DESIGN 5',
        features: ['leases'],
      },
      'CANCEL-06': 'A cancel settles superseded attempts that still live, frees their workers and wakes who waits.',
      'CANCEL-07': 'A finished rollout is left as it is.',
    },
  ),
  ...group(
    { source: 'store.md 4.1, 4.4; DESIGN 5' },
    {
      'LIMIT-01': '`timeout_seconds` counts from the start of the attempt, whatever signs of life it gives.',
      'LIMIT-02':
        '`unresponsive_seconds` counts from the last span, heartbeat or reported heartbeat time; other reports and `updateWorker` do not move it.',
      'LIMIT-03': { text: 'Limits pass on a timer, without any call.', source: 'DESIGN 5; store.md 11.1 (9)' },
      'LIMIT-04': 'A new config applies to the attempt that is running.',
      'LIMIT-05': 'Work that was put back by hand keeps its place when the attempt before it runs out.',
      'LIMIT-06': 'An attempt that is past both limits has timed out.',
    },
  ),
  ...group(
    { source: 'DESIGN 5, leases', features: ['leases'] },
    {
      'LEASE-01': 'A lease is on the attempt as `lease_expires` and never in its heartbeat.',
      'LEASE-02': 'A heartbeat renews a lease from now, by its own length or a new one.',
      'LEASE-03': 'A heartbeat may shorten a lease.',
      'LEASE-04': 'Spans and reports do not renew it.',
      'LEASE-05': 'When a lease ends after a sign of life the retry policy decides.',
      'LEASE-06': 'A claim that never showed life is requeued uncounted, at most 5 times, then it fails as `infra_error`.',
      'LEASE-07': 'Who waits for work gets what a lease puts back.',
      'LEASE-08': 'Lost claims use up no tries.',
      'LEASE-09':
        'Until somebody claims again a span or heartbeat revives the attempt and takes it out of the queue; it counts again.',
      'LEASE-10': 'After another claim the old attempt is superseded: it may speak for itself, never for the rollout.',
      'LEASE-11': 'A claim without a lease knows no limits but its rollout’s own.',
      'LEASE-12': 'A heartbeat says which attempts must stop and why, renews the others and keeps the stats.',
      'LEASE-13': 'To a lease any report is a sign of life.',
      'LEASE-14': 'Reopening a rollout forgets its lost claims.',
      'LEASE-17': 'What a superseded attempt says late gives no lost claim back.',
      'LEASE-15': '`startRollout` and `startAttempt` take leases too.',
      'LEASE-16': 'A heartbeat gives a lease to a claim without one only when it names a length.',
      'RELEASE-01': 'Released work is queued again, its worker free, and the try not counted.',
      'RELEASE-02': 'Released work wakes who waits and leaves the retry policy as it was.',
    },
  ),
  ...group(
    { source: 'store.md 3: add_span, add_many_spans, add_otel_span; 4.3' },
    {
      'SPAN-01': 'A span is answered and read as it came, unknown keys too, with the rollout’s next sequence id.',
      'SPAN-02':
        'A duplicate answers null, changes nothing and is no sign of life; the same id in another attempt is another span.',
      'SPAN-03': { text: 'Many: exactly the new ones are stored and answered, in order.', source: 'store.md 11.1 (11)' },
      'SPAN-04': { text: 'Many: nothing is stored when one is invalid or unknown.', source: 'store.md 11.1 (12)' },
      'SPAN-05': {
        text: 'Spans and sequence ids of unknown rollouts are `not_found` and make no counter.',
        source: 'store.md 10.2, 11.3 (29)',
      },
      'SPAN-06': {
        text: 'Sequence ids count per rollout, across attempts, and never fall behind those that spans bring, duplicates too.',
        source: 'store.md 2',
      },
      'SPAN-07': 'The first span makes attempt and rollout `running`; the heartbeat is the store’s own time.',
      'SPAN-08': { text: 'A late span of a failed or timed-out attempt does not strand its retry.', source: 'store.md 11.1 (1)' },
      'SPAN-09': { text: 'A span of a live attempt takes its rollout out of the queue.', source: 'store.md 11.1 (4)' },
      'SPAN-16': {
        text: 'A span revives an attempt that was reported unresponsive, and takes its rollout out of the queue.',
        source: 'store.md 4.1, 4.5',
      },
      'SPAN-10': { text: 'A span never reopens a finished rollout.', source: 'store.md 4.3' },
      'SPAN-11': 'What OpenTelemetry made is stored as a span by the same rules.',
      'SPAN-12': { text: 'A span does not revive an attempt that timed out; its heartbeat is noted.', source: 'store.md 4.1' },
      'SPAN-13': {
        text: 'Numbers of attributes come back as they were, NaN and Infinity too.',
        source: 'DESIGN 13.2; store.md 11.1 (13)',
      },
      'SPAN-14': { text: 'Statistics count spans and their bytes.', source: 'store.md 7' },
      'SPAN-15': {
        text: 'A sequence id behind which too few are left is refused, and none beyond 2^53 - 1 - 2^20 is given: ids stay exact.',
        source: 'packages/store-kit/src/check-sequence-id.ts',
      },
    },
  ),
  ...group(
    { source: 'store.md 3: query_spans; 3.2' },
    {
      'SPAN-QUERY-01': 'Spans are found by rollout, attempt or `latest`, sorted by sequence id unless asked otherwise.',
      'SPAN-QUERY-02':
        'Each of the eight filters works alone, with and, and with or; parts are case-sensitive and never match null.',
      'SPAN-QUERY-03': 'Filters come before paging; total counts the matches.',
      'SPAN-QUERY-04': 'Sorting is stable in both directions.',
    },
  ),
  ...group(
    { source: 'store.md 3: add_resources, update_resources, get_resources_by_id, get_latest_resources, query_resources' },
    {
      'RESOURCES-01': 'Each change is a new version with its own time; older versions stay as they were.',
      'RESOURCES-02': 'The latest resources are what was added or updated last; updating an unknown id creates it.',
      'RESOURCES-03': {
        text: 'A rollout pins id and version; an unknown id is accepted and a version alone refused, by each verb that makes rollouts.',
        source: 'DESIGN 5, 13.4',
      },
      'RESOURCES-04': { text: 'Custom kinds are kept as they are; what is no resource is refused.', source: 'DESIGN 5' },
      'RESOURCES-05': 'A query answers the newest version of each id, filtered, sorted and paged.',
      'RESOURCES-06': {
        text: 'Neither the caller who stored a version nor one who read it can change it afterwards, however deep.',
        source: 'DESIGN 5',
      },
    },
  ),
  ...group(
    { source: 'DESIGN 5, resources as versions' },
    {
      'VERSION-01': 'The history of an id can be read, sorted and paged.',
      'VERSION-02': 'With `expectedVersion` a change is a `conflict` unless that version is the newest; 0 means new.',
      'VERSION-03': 'Of those who race with the same expectation exactly one wins.',
      'VERSION-08': 'Of those who read, change and try again after each `conflict` nobody’s change is lost.',
      'VERSION-04': 'Several changes are made in order, each seeing those before; the last becomes the latest.',
      'VERSION-05': 'Several changes are all made or none.',
      'VERSION-06': 'A version never changes.',
      'VERSION-07': 'Large snapshots come back as they were.',
    },
  ),
  ...group(
    { source: 'DESIGN 5, aliases', features: ['aliases'] },
    {
      'ALIAS-01': 'An alias points to one version until it is moved, forwards or back.',
      'ALIAS-02': 'An alias cannot point to what is not there.',
      'ALIAS-03': 'With `expected` moving it is compare and set; null means it must be new.',
      'ALIAS-04': 'Aliases are listed, sorted, paged and deleted.',
      'ALIAS-05': {
        text: 'A version that an alias points to is not deleted.',
        source: 'DESIGN 5',
        features: ['aliases', 'deletes'],
      },
    },
  ),
  ...group(
    { source: 'DESIGN 5, cancel and delete; store.md 11.3 (25)', features: ['deletes'] },
    {
      'DELETE-01': 'A finished rollout is deleted with its attempts and spans, and the counts follow.',
      'DELETE-02': 'What is not finished stays; unknown ids are left out.',
      'DELETE-03': 'Deleted rollouts are unknown to writes, heartbeats and waits, those that are under way too.',
      'DELETE-04': 'A chosen id may be used again and starts from nothing.',
      'DELETE-05': 'Versions are deleted one by one or all; their numbers are not given again.',
      'DELETE-06': 'Resources that an open rollout is pinned to are not deleted, nor anything else of that call.',
      'DELETE-07': 'When the latest resources are deleted the newest of the rest are the latest.',
    },
  ),
  ...group(
    { source: 'DESIGN 5, watch; 13.8', features: ['watch'] },
    {
      'FEED-01':
        'The feed tells each change of rollouts and attempts in order, as they are then stored (an input may be told as it is now).',
      'FEED-02': 'A watch resumes after any cursor without loss or repetition.',
      'FEED-03': 'Without a cursor it begins now; watchers do not disturb each other.',
      'FEED-04': 'A slow reader misses nothing.',
      'FEED-05': 'A cursor is good for 10 minutes, then it is `cursor_expired`; a text that is none is refused.',
      'FEED-06': 'A watch ends by its signal, with the reason, and by leaving the loop.',
      'FEED-07': 'Closing the store ends it with `closed`.',
      'FEED-08': 'Limits that pass without traffic are told.',
      'FEED-09': 'New versions of resources are told, without their content.',
      'FEED-10': {
        text: 'Aliases that are set, moved and deleted are told.',
        source: 'DESIGN 5',
        features: ['watch', 'aliases'],
      },
      'FEED-11': { text: 'Deleted rollouts and versions are told.', source: 'DESIGN 5', features: ['watch', 'deletes'] },
      'FEED-12': 'What changes nothing is not told, nor what is written as it was.',
      'FEED-14': {
        text: 'Rollouts, attempts and resources that a snapshot brings are told, with the time of the import.',
        source: 'DESIGN 5, watch',
        features: ['watch', 'snapshots'],
      },
      'FEED-15':
        'A watch tells once, before its first event, the cursor of where it begins; from there a watch loses nothing, and one that is refused tells none.',
      'FEED-13': 'A cursor that nobody has used for long leads on without a gap, or is `cursor_expired`.',
    },
  ),
  ...group(
    { source: 'DESIGN 13.2; types/src/json-source.ts', features: ['losslessJson'] },
    {
      'NUMBERS-01':
        'Inputs and metadata of rollouts that came with the text that they were read from come back with it, from every answer and handle; programs see plain values.',
      'NUMBERS-02': 'A change brings its own text or none, and touches no other.',
      'NUMBERS-03': 'The metadata of attempts and the sampling parameters of small resources keep their texts too.',
    },
  ),
  ...group(
    { source: 'Issue 3, snapshots; types/src/store.ts, exportSnapshot', features: ['snapshots'] },
    {
      'SNAPSHOT-01': 'A store filled from another one answers every read as that one did.',
      'SNAPSHOT-02': 'The queue goes on in its order.',
      'SNAPSHOT-03': 'Running attempts run on with their limits, tries, span counters and workers.',
      'SNAPSHOT-04': {
        text: 'Leases run on, with what is known of their signs of life and lost claims.',
        source: 'DESIGN 5',
        features: ['snapshots', 'leases'],
      },
      'SNAPSHOT-05': 'Idempotency keys are known in the copy.',
      'SNAPSHOT-06': 'Each line is JSON without a line break; lines are taken from any iterable.',
      'SNAPSHOT-07': 'Only an empty store is filled; another is a `conflict`.',
      'SNAPSHOT-08': 'A wrong line is named and nothing is stored.',
      'SNAPSHOT-09': 'An export stops with its signal.',
      'SNAPSHOT-10': {
        text: 'Spans that retention has dropped are `gone` in the copy too.',
        source: 'DESIGN 5, retention',
        features: ['snapshots', 'retention'],
      },
      'SNAPSHOT-11': {
        text: 'A place in the queue is ignored for a rollout that does not wait.',
        source: 'packages/store-kit/src/snapshot.ts',
      },
      'SNAPSHOT-12': { text: 'A call that waits for work is served by what is imported.', source: 'DESIGN 5, waiting' },
    },
  ),
  ...group(
    { source: 'DESIGN 5, retention', features: ['retention'] },
    {
      'RETENTION-01': 'Finished rollouts are dropped when they are too old, others never.',
      'RETENTION-02': 'Of too many finished rollouts those that ended first are dropped.',
      'RETENTION-03':
        'Bytes stay under their bound: of finished rollouts spans go first, then records; dropped spans are `gone`, those that never were are an empty list.',
      'RETENTION-04': 'Running work is never touched, nor what was reopened.',
      'RETENTION-05':
        'When running work fills the store, writes are `storage_full`, store nothing, and succeed once work has ended.',
      'RETENTION-06': { text: 'What is dropped is told to who watches.', source: 'DESIGN 5', features: ['retention', 'watch'] },
      'RETENTION-07': {
        text: 'Of too many versions of an id the oldest go, never one that an alias or unfinished work needs, nor the latest resources.',
        source: 'DESIGN 5',
        features: ['retention', 'aliases'],
      },
      'RETENTION-08': {
        text: 'Of too many ids of resources those changed longest ago go whole, never one that is needed.',
        source: 'DESIGN 5',
        features: ['retention', 'aliases'],
      },
      'RETENTION-10':
        'When running work fills the store, resources, started rollouts and updates that add to it are `storage_full` and store nothing.',
      'RETENTION-11':
        'A report that ends the work is taken by a full store, with its metadata; other metadata that do not fit are `storage_full`.',
      'RETENTION-12': 'A full store answers repeated writes as any other, and says `not_found` of what it does not know.',
      'RETENTION-13': {
        text: 'Deleted resources make room.',
        source: 'DESIGN 5, retention',
        features: ['retention', 'deletes'],
      },
      'RETENTION-09': 'Workers that run nothing and were not heard of for too long are forgotten, others never.',
    },
  ),
  ...group(
    { source: 'store.md 3: query_workers, get_worker_by_id, update_worker; 3.1' },
    {
      'WORKER-01': 'A heartbeat makes a worker, keeps its last stats and touches neither status nor attempts.',
      'WORKER-02': 'Work and reports of it make it busy, the end of work idle, a lost attempt unknown, each with its time.',
      'WORKER-03': { text: 'With several attempts it stays busy until the last one leaves it.', source: 'store.md 11.4 (33)' },
      'WORKER-04': 'Finding nothing makes it idle once; the time of the claim is always noted.',
      'WORKER-05': 'An attempt may be handed to another worker.',
      'WORKER-06': { text: 'A revived attempt is its worker’s again.', source: 'DESIGN 5', features: ['leases'] },
      'WORKER-09': 'Its stats and the time of its heartbeat survive whatever becomes of its work.',
      'WORKER-10': 'Metadata of its attempt alone write nothing to it.',
      'WORKER-08': 'Started work makes it busy as claimed work does; the time of the last claim stays.',
      'WORKER-07': 'Workers are filtered, sorted and paged.',
    },
  ),
  ...group(
    { source: 'store.md 3: query_rollouts, query_attempts, statistics; 3.2' },
    {
      'QUERY-01':
        'Rollouts are filtered by status, id, part of an id (case-sensitive), mode and labels, with and or or, sorted and paged; an empty list matches nothing.',
      'QUERY-02': 'Null times sort last, and first when descending.',
      'QUERY-03':
        'A rollout with attempts carries the latest one, any other none; attempts come by their number unless asked otherwise, in pages.',
      'QUERY-04': 'An unknown or unorderable `sortBy` and a bad page are refused in the words of the reference.',
      'QUERY-06': {
        text: 'Without `sortBy` rollouts are in the order of insertion, within a status too.',
        source: 'store.md 3.2',
      },
      'QUERY-05': { text: 'Statistics count by one, and uptime grows between any two calls.', source: 'store.md 7, 10.1' },
    },
  ),
  ...group(
    { source: 'store.md 3: wait_for_rollouts; 4.6; DESIGN 5' },
    {
      'WAIT-01': 'A wait answers the finished ones in the order asked; repeated ones are repeated, unknown ones left out.',
      'WAIT-02': 'When its time is over it answers those that are finished; 0 or less is over at once.',
      'WAIT-03': 'Every call that waits is woken by the end of the attempt.',
      'WAIT-04': { text: 'After a reopening it waits again, also when that comes in the middle.', source: 'store.md 11.1 (10)' },
      'WAIT-05': 'Aborting it rejects with the reason.',
      'WAIT-06': 'Each finished status ends a wait and no other does.',
      'WAIT-07': { text: 'Thousands of rollouts are awaited in one call.', source: 'store.md 11.2 (19)' },
      'WAIT-08':
        'A wait for some of the rollouts ends when so many are finished, and answers all that are; one that is reopened counts no more.',
    },
  ),
  ...group(
    { source: 'store.md 10.1, concurrency; DESIGN 5' },
    {
      'MANY-01': '1,000 tasks claimed by 50 workers over two handles: nothing lost, nothing doubled.',
      'MANY-02': 'Racing claims share what there is; racing spans get sequence ids of their own.',
      'MANY-05': 'Racing writes to one rollout and attempt lose nothing.',
      'MANY-06': 'Racing enqueues each get an id and a place in the queue, and each is claimed once.',
      'MANY-03': 'Racing changes of resources get versions of their own.',
      'MANY-04': { text: 'Racing reports of one attempt queue its rollout once.', source: 'store.md 11.1 (15)' },
    },
  ),
  ...group(
    { source: 'DESIGN 5, 13.5' },
    {
      'HANDLES-01': 'What one handle writes the other reads.',
      'HANDLES-02': 'Who waits at one handle is woken by a write at the other.',
      'HANDLES-03': 'Claims through two handles are exclusive.',
      'HANDLES-04': 'Limits that pass take effect once, and both handles see it.',
      'HANDLES-05': {
        text: 'A stale worker at one handle is fenced by a claim at the other.',
        source: 'DESIGN 5',
        features: ['leases'],
      },
      'HANDLES-06': 'A write repeated through the other handle is known.',
      'HANDLES-07': {
        text: 'A watcher hears of both handles in one order; cursors are good at either.',
        source: 'DESIGN 5',
        features: ['watch'],
      },
      'HANDLES-08': { text: 'A worker’s capacity holds across handles.', source: 'DESIGN 13.7', features: ['scheduling'] },
      'HANDLES-09': 'Closing one handle leaves the other and the data.',
    },
  ),
  ...group(
    { source: 'Issue 3, bad input' },
    {
      'INPUT-01': 'Every verb refuses a key it does not know, by its name.',
      'INPUT-02': 'Every field of every request that does not fit is refused with `invalid_argument` and its name.',
      'INPUT-03': 'A request that is no object is refused.',
      'INPUT-04': 'A refused call stores nothing, a bulk call too.',
      'INPUT-05': 'A span that does not fit is refused by the place of the fault, and nothing of its call is stored.',
      'INPUT-06': 'A resource that does not fit is refused by its name, and nothing of its call is stored.',
      'INPUT-07': {
        text: 'Ids that clash with routes are refused where callers choose them, by each verb that takes them.',
        source: 'store.md 11.4 (34)',
      },
      'INPUT-08': 'What is no JSON, never ends, or has a key that would be lost is refused wherever it would be kept.',
      'INPUT-09': 'Text with half of a surrogate pair is refused: it must not name another record.',
      'INPUT-10': 'Instances of classes, unknown keys of a config and signals without their methods are refused.',
      'INPUT-11': 'A bulk call says which of its items does not fit, and stores none.',
    },
  ),
  ...group(
    { source: 'types/src/store.ts, close' },
    {
      'CLOSE-01': 'Closing ends every wait with `closed`; closing again is harmless.',
      'CLOSE-02': 'Every verb of a closed store is refused with `closed`.',
    },
  ),
])

const byId: ReadonlyMap<string, Requirement> = new Map(requirements.map((requirement) => [requirement.id, requirement]))

export function requirementOf(id: string): Requirement {
  const requirement = byId.get(id)
  if (requirement === undefined) throw new Error(`The requirement ${id} is not listed in requirements.ts.`)
  return requirement
}
