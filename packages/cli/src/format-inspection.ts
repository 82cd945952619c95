import type { RedisInspection } from '@agl/store-redis'
import { oneLine } from './logger.ts'

type Row = readonly (string | number)[]

/** As text for people. */
export function formatInspection(inspection: RedisInspection): string {
  const { namespace, schemaVersion, otherSchemaVersions, keys, statuses, queue, attempts, workers, waiting, time } = inspection
  const about = (isEstimate: boolean): string => (isEstimate ? 'about ' : '')
  const others =
    otherSchemaVersions.length === 0 ? '' : `, and keys of version ${otherSchemaVersions.join(', ')}, which are not looked at`
  const sections = [
    `Store ${namespace}, schema version ${schemaVersion}${others}`,
    table(
      ['server', 'version', 'memory', 'of', 'policy', 'kept by', 'replicas'],
      inspection.servers.map((server) => [
        server.place,
        server.version,
        bytes(server.usedMemoryBytes),
        server.maxMemoryBytes === null ? 'no bound' : bytes(server.maxMemoryBytes),
        server.maxMemoryPolicy,
        persistence(server.persistence),
        server.replicas,
      ]),
    ),
    table(
      ['keys', 'count', 'bytes'],
      [
        ...keys.kinds.map(({ kind, count, bytes: size, isEstimate }): Row => [kind, count, about(isEstimate) + bytes(size)]),
        ['all', keys.count, about(keys.isEstimate) + bytes(keys.bytes)],
      ],
    ),
    table(
      ['largest keys', 'kind', 'bytes'],
      keys.largest.map(({ name, kind, bytes: size }) => [name, kind, bytes(size)]),
    ),
    table(['status', 'rollouts'], Object.entries(statuses)),
    table(
      ['priority', 'waiting'],
      queue.priorities.map(({ priority, waiting: length }) => [priority, length]),
    ),
    [
      queue.oldest === null
        ? 'nothing waits in the queue'
        : `${queue.oldest.rolloutId} waits since ${seconds(time - queue.oldest.startTime)} ago`,
      `${queue.stale} entries of the queue are stale`,
      `${attempts.live} live attempts`,
      attempts.nextDeadline === null ? 'no limit is set' : deadline(attempts.nextDeadline, time),
      `${workers.known} workers, ${workers.busy} busy`,
      waits(waiting),
      `${inspection.placesWithoutBodies.length} spans without a body`,
      ...inspection.placesWithoutBodies.slice(0, 20).map(({ rolloutId, place }) => `  ${rolloutId} place ${place}`),
    ].join('\n'),
    ...(inspection.unchecked.length === 0
      ? []
      : [['not checked', ...inspection.unchecked.map((text) => `  ${text}`)].join('\n')]),
    violationsOf(inspection),
  ]
  return `${sections.filter((section) => section !== '').join('\n\n')}\n`
}

function violationsOf({ violations }: RedisInspection): string {
  if (violations.length === 0) return 'no violations'
  const lines = violations.map(
    ({ invariant, ids, message }) => `  ${invariant}  ${ids.map(oneLine).join(', ')}: ${oneLine(message)}`,
  )
  return [`${violations.length} VIOLATIONS`, ...lines].join('\n')
}

function persistence({ appendOnly, appendFsync, save, isHealthy }: RedisInspection['servers'][number]['persistence']): string {
  const kept = [
    ...(appendOnly ? [`log, fsync ${appendFsync ?? 'unknown'}`] : []),
    ...(save === '' ? [] : [save === null ? 'snapshots unknown' : `snapshots ${save}`]),
  ]
  return `${kept.length === 0 ? 'nothing' : kept.join('; ')}${isHealthy ? '' : ', LAST WRITE FAILED'}`
}

function deadline({ rolloutId, time: at }: { readonly rolloutId: string; readonly time: number }, now: number): string {
  return at < now
    ? `the next limit, of ${rolloutId}, was ${seconds(now - at)} ago: does a store run?`
    : `the next limit, of ${rolloutId}, is in ${seconds(at - now)}`
}

function waits({ forWork, forRollouts, forEvents, listeners }: RedisInspection['waiting']): string {
  const what = [...(forWork ? ['work'] : []), ...(forRollouts ? ['rollouts'] : []), ...(forEvents ? ['events'] : [])]
  return `${listeners} handles listen; ${what.length === 0 ? 'nobody waits' : `somebody waits for ${what.join(', ')}`}`
}

function bytes(count: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  const power = Math.min(units.length - 1, count < 1000 ? 0 : Math.floor(Math.log10(count) / 3))
  return `${power === 0 ? count : (count / 1000 ** power).toPrecision(3)} ${units[power]!}`
}

const seconds = (count: number): string => `${count < 10 ? count.toFixed(1) : Math.round(count)} s`

function table(head: Row, rows: readonly Row[]): string {
  if (rows.length === 0) return ''
  const texts = [head, ...rows].map((row) => row.map((cell) => oneLine(String(cell))))
  const widths = head.map((_, column) => Math.max(...texts.map((row) => row[column]!.length)))
  return texts
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
