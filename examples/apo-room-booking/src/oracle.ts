import { bookingsOn, isFree, type Room, type Slot } from './office.ts'

/** What somebody wants a room for. */
export type BookingRequest = Slot & {
  readonly attendees: number
  readonly needs: readonly string[]
  readonly accessible_required: boolean
}

/** What a room has to have. */
export type Need = 'free' | 'capacity' | 'equipment' | 'accessibility'

/** What is looked at, one after the other, where several rooms have all that is needed: the room with the least of it wins. */
export const tieBreaks = [
  { name: 'seats', of: (room: Room, { attendees }: BookingRequest): number => room.capacity - attendees },
  { name: 'equipment', of: (room: Room, { needs }: BookingRequest): number => room.equipment.length - needs.length },
  { name: 'distance', of: (room: Room): number => room.distanceM },
  { name: 'bookings', of: (room: Room, { date }: BookingRequest): number => bookingsOn(room, date) },
] as const

export type TieBreak = (typeof tieBreaks)[number]['name']

/** Which needs a room does not meet; none = it would do. */
export function unmetNeeds(room: Room, task: BookingRequest): readonly Need[] {
  const unmet: Need[] = []
  if (!isFree(room, task)) unmet.push('free')
  if (room.capacity < task.attendees) unmet.push('capacity')
  if (task.needs.some((item) => !room.equipment.includes(item))) unmet.push('equipment')
  if (task.accessible_required && !room.accessible) unmet.push('accessibility')
  return unmet
}

/** The first tie-break that tells two rooms apart; null = none does. Negative `difference`: `one` wins. */
export function compareRooms(
  one: Room,
  other: Room,
  task: BookingRequest,
): { readonly by: TieBreak; readonly difference: number } | null {
  for (const { name, of } of tieBreaks) {
    const difference = of(one, task) - of(other, task)
    if (difference !== 0) return { by: name, difference }
  }
  return null
}

/** The right room; null = there is none. @param ignored a need that is not looked at */
export function chooseRoom(office: readonly Room[], task: BookingRequest, ignored: Need | null = null): Room | null {
  const fitting = office.filter((room) => unmetNeeds(room, task).every((need) => need === ignored))
  return fitting.reduce<Room | null>((best, room) => {
    if (best === null) return room
    return (compareRooms(room, best, task)?.difference ?? 0) < 0 ? room : best
  }, null)
}
