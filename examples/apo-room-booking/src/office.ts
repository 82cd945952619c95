import { createRandom, type Random } from '@agl/algorithms'

export interface Booking {
  /** `2027-03-01`. */
  readonly date: string
  /** Minutes since midnight. */
  readonly from: number
  readonly to: number
}

export interface Room {
  readonly id: string
  readonly capacity: number
  readonly equipment: readonly string[]
  readonly accessible: boolean
  /** From the lifts. */
  readonly distanceM: number
  /** Two may overlap: offices book rooms twice. */
  readonly bookings: readonly Booking[]
}

/** When a room is wanted, as the tool is asked. */
export type Slot = {
  readonly date: string
  /** `10:30`. */
  readonly time: string
  readonly duration_min: number
}

export const equipment = ['projector', 'whiteboard', 'video', 'phone'] as const
/** The working days of two weeks. */
export const dates: readonly string[] = [1, 2, 3, 4, 5, 8, 9, 10, 11, 12].map((day) => `2027-03-${String(day).padStart(2, '0')}`)

const names = ['Alder', 'Birch', 'Cedar', 'Elm', 'Fir', 'Hazel', 'Larch', 'Maple', 'Oak', 'Pine', 'Rowan', 'Willow'] as const

/**
 * Twelve rooms and their calendars. Each second room is the twin of the one before it but for one thing, so that there is often more than
 * one room that would do.
 */
export function createOffice(seed: number): readonly Room[] {
  const random = createRandom(seed)
  let before: Room | null = null
  return random.shuffle(names).map((id, place) => {
    const pair = Math.floor(place / 2)
    const room: Room = before === null || place % 2 === 0 ? drawRoom(random, id, pair) : twinOf(before, pair, random, id)
    before = room
    return room
  })
}

function drawRoom(random: Random, id: string, pair: number): Room {
  return {
    id,
    // A size of their own for the two with and without stairs, so that they are the closest rooms for somebody in every office.
    capacity: pair === 2 ? 7 : [4, 6, 8, 12][random.below(4)]!,
    equipment: equipment.filter(() => random.next() < 0.6),
    accessible: random.next() < 0.7,
    distanceM: 10 + 10 * random.below(5),
    bookings: drawBookings(random),
  }
}

function twinOf(room: Room, pair: number, random: Random, id: string): Room {
  const twin = { ...room, id, bookings: drawBookings(random) }
  const missing = equipment.filter((item) => !room.equipment.includes(item))
  switch (pair % 5) {
    case 0:
      return { ...twin, distanceM: room.distanceM + 20 }
    case 1:
      return { ...twin, equipment: missing.length > 0 ? [...room.equipment, missing[0]!] : room.equipment.slice(1) }
    case 2:
      return { ...twin, accessible: !room.accessible }
    case 3:
      return { ...twin, capacity: room.capacity + 2 }
    // What tells these apart is how busy they are.
    default:
      return twin
  }
}

function drawBookings(random: Random): readonly Booking[] {
  return dates.flatMap((date) =>
    Array.from({ length: random.below(6) }, () => {
      const from = 8 * 60 + 30 * random.below(18)
      return { date, from, to: from + 30 * (1 + random.below(4)) }
    }),
  )
}

/** A booking that ends when another begins does not stand in its way. */
export function isFree({ bookings }: Room, slot: Slot): boolean {
  const from = minutesOf(slot.time)
  return bookings.every((booking) => booking.date !== slot.date || booking.to <= from || booking.from >= from + slot.duration_min)
}

export function bookingsOn({ bookings }: Room, date: string): number {
  return bookings.filter((booking) => booking.date === date).length
}

function minutesOf(time: string): number {
  const [hours = 0, minutes = 0] = time.split(':').map(Number)
  return hours * 60 + minutes
}
