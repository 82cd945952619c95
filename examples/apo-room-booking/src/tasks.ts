import { createRandom, type Random } from '@agl/algorithms'
import { AglError } from '@agl/types'
import { dates, equipment, isFree, type Room } from './office.ts'
import { type BookingRequest, chooseRoom, compareRooms, type TieBreak, unmetNeeds } from './oracle.ts'

/** The right answer is not part of it, so nobody who reads it learns that. */
export type BookingTask = BookingRequest & { readonly id: string }

/**
 * What makes a task hard: nothing fits although nothing is wrong but that all is taken (`none_free`); the room that would have won is
 * taken at that time, or has stairs; or several rooms would do and this tie-break tells the best two apart.
 */
export const caseKinds = ['none_free', 'taken', 'stairs', 'seats', 'equipment', 'distance', 'bookings'] as const
export type CaseKind = (typeof caseKinds)[number]

/** Equally many of each kind, each with exactly one right answer. Equal seeds give equal tasks. */
export function createTasks(office: readonly Room[], { count, seed }: { count: number; seed: number }): readonly BookingTask[] {
  const random = createRandom(seed)
  return Array.from({ length: count }, (_, index) => {
    const kind = caseKinds[index % caseKinds.length]!
    return { id: `booking-${index + 1}`, ...drawTask(office, kind, random) }
  })
}

/** Far more than any kind takes; an office without such a case is said to be one. */
const mostDraws = 50_000

function drawTask(office: readonly Room[], kind: CaseKind, random: Random): BookingRequest {
  for (let draw = 0; draw < mostDraws; draw += 1) {
    const half = random.below(18)
    const task = {
      date: dates[random.below(dates.length)]!,
      time: `${String(8 + Math.floor(half / 2)).padStart(2, '0')}:${half % 2 === 0 ? '00' : '30'}`,
      duration_min: [30, 45, 60, 90, 120][random.below(5)]!,
      attendees: 2 + random.below(9),
      needs: equipment.filter(() => random.next() < 0.3),
      accessible_required: random.next() < 0.35,
    }
    if (kindsOf(office, task).includes(kind)) return task
  }
  throw new AglError({ code: 'internal', message: `This office has no task of the kind "${kind}": take another seed.` })
}

/** Empty for tasks without exactly one right answer, and for those that nothing makes hard. */
export function kindsOf(office: readonly Room[], task: BookingRequest): readonly CaseKind[] {
  const fitting = office.filter((room) => unmetNeeds(room, task).length === 0)
  const best = chooseRoom(office, task)
  if (best === null) {
    const wouldDo = office.some((room) => unmetNeeds(room, task).every((need) => need === 'free'))
    return wouldDo ? ['none_free'] : []
  }
  const others = fitting.filter((room) => room !== best)
  if (others.some((room) => compareRooms(best, room, task) === null)) return []
  const kinds: CaseKind[] = []
  const wanted = chooseRoom(office, task, 'free')
  if (wanted !== null && !isFree(wanted, task)) kinds.push('taken')
  if (chooseRoom(office, task, 'accessibility')?.accessible === false && task.accessible_required) kinds.push('stairs')
  const closest = lastTieBreak(best, others, task)
  return closest === null ? kinds : [...kinds, closest]
}

/** The one that it takes to tell the best room from the one that comes closest to it; null = there is no other room. */
function lastTieBreak(best: Room, others: readonly Room[], task: BookingRequest): TieBreak | null {
  const next = chooseRoom(others, task)
  return next === null ? null : (compareRooms(best, next, task)?.by ?? null)
}
