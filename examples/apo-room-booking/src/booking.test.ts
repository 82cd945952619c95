import { createRandom } from '@agl/algorithms'
import { describe, expect, it } from 'vitest'
import { fittingReward, grade } from './grade.ts'
import { createOffice, equipment, type Room } from './office.ts'
import { type BookingRequest, chooseRoom } from './oracle.ts'
import { caseKinds, createTasks, kindsOf } from './tasks.ts'

describe('the office and its bookings', () => {
  it('are the same for a seed, and others for another', () => {
    const make = (seed: number): unknown => createTasks(createOffice(seed), { count: 21, seed })
    expect(make(3)).toEqual(make(3))
    expect(make(3)).not.toEqual(make(4))
  })

  it('have every kind of case equally often, whatever the seed', () => {
    for (const seed of [1, 2, 3, 35]) {
      const office = createOffice(seed)
      const tasks = createTasks(office, { count: 2 * caseKinds.length, seed })
      for (const [index, kind] of caseKinds.entries()) {
        for (const task of [tasks[index]!, tasks[index + caseKinds.length]!]) expect(kindsOf(office, task)).toContain(kind)
      }
    }
  })

  it('have exactly one right answer each, as found by looking at all rooms', () => {
    const office = createOffice(5)
    for (const task of createTasks(office, { count: 70, seed: 5 })) {
      const right = bruteForce(office, task)
      expect(right.length).toBeLessThanOrEqual(1)
      expect(chooseRoom(office, task)?.id).toBe(right[0]?.id)
    }
  })
})

describe('the oracle', () => {
  const offices = Array.from({ length: 10 }, (_, seed) => createOffice(seed))

  it('agrees with looking at all rooms for bookings of any kind', () => {
    const random = createRandom(9)
    let ties = 0
    for (let turn = 0; turn < 3_000; turn += 1) {
      const office = offices[turn % offices.length]!
      const task: BookingRequest = {
        date: '2027-03-04',
        time: `${8 + random.below(10)}:${random.below(2) === 0 ? '00' : '30'}`.padStart(5, '0'),
        duration_min: 15 * (1 + random.below(8)),
        attendees: 1 + random.below(14),
        needs: equipment.filter(() => random.next() < 0.3),
        accessible_required: random.next() < 0.5,
      }
      const right = bruteForce(office, task)
      if (right.length > 1) ties += 1
      // Where nothing tells two rooms apart, either is right.
      const chosen = chooseRoom(office, task)
      expect(chosen === null ? right.length === 0 : right.includes(chosen)).toBe(true)
    }
    expect(ties).toBeGreaterThan(0)
  })

  it('lets a booking end when another begins, and no other overlap', () => {
    const base = { id: 'Oak', capacity: 4, equipment: [], accessible: true, distanceM: 10 }
    const room: Room = { ...base, bookings: [{ date: '2027-03-01', from: 600, to: 660 }] }
    const at = (time: string, duration_min: number): BookingRequest => {
      return { date: '2027-03-01', time, duration_min, attendees: 1, needs: [], accessible_required: false }
    }
    expect([at('09:00', 60), at('11:00', 30)].map((task) => chooseRoom([room], task))).toEqual([room, room])
    const overlaps = [at('09:00', 61), at('10:15', 15), at('10:59', 30), at('09:00', 180)]
    expect(overlaps.map((task) => chooseRoom([room], task))).toEqual([null, null, null, null])
  })
})

/** Written another way than the oracle: every other room that fits is tried against each, by one number that holds the order. */
function bruteForce(office: readonly Room[], task: BookingRequest): readonly Room[] {
  const begin = Date.parse(`${task.date}T${task.time}Z`)
  const end = begin + task.duration_min * 60_000
  const isTaken = ({ bookings }: Room): boolean =>
    bookings.some(({ date, from, to }) => {
      const midnight = Date.parse(`${date}T00:00Z`)
      return midnight + from * 60_000 < end && begin < midnight + to * 60_000
    })
  const fitting = office.filter((room) => {
    const hasAll = new Set([...room.equipment, ...task.needs]).size === room.equipment.length
    return !isTaken(room) && hasAll && room.capacity >= task.attendees && !(task.accessible_required && !room.accessible)
  })
  const cost = (room: Room): number => {
    const busy = room.bookings.filter(({ date }) => date === task.date).length
    return ((room.capacity * 100 + room.equipment.length) * 1_000 + room.distanceM) * 100 + busy
  }
  return fitting.filter((room) => fitting.every((other) => cost(room) <= cost(other)))
}

describe('grading', () => {
  const office = createOffice(1)
  const tasks = createTasks(office, { count: 70, seed: 1 })

  it('gives all for the right room, half for another one that would do, nothing for the rest', () => {
    const rewards = new Set<number>()
    for (const task of tasks) {
      const right = chooseRoom(office, task)
      for (const answer of [...office.map(({ id }) => id), 'No Room']) {
        const { reward, feedback } = grade(office, task, `I would say **${answer.toUpperCase()}**.`)
        rewards.add(reward)
        const room = office.find(({ id }) => id === answer) ?? null
        expect(reward === 1).toBe(room === right)
        expect(feedback === '').toBe(reward === 1)
        expect(reward === fittingReward).toBe(room !== right && room !== null && bruteForce([room], task).length === 1)
        // What is said must help without being the answer.
        expect(feedback.includes(right?.id ?? 'No Room')).toBe(false)
      }
    }
    expect(rewards).toEqual(new Set([0, fittingReward, 1]))
  })

  it('reads the last room that is named, and says so when there is none', () => {
    const task = tasks.find((each) => chooseRoom(office, each) !== null)!
    const right = chooseRoom(office, task)!.id
    const other = office.find(({ id }) => id !== right)!.id
    expect(grade(office, task, `Not ${other}. ${right}`).reward).toBe(1)
    expect(grade(office, task, `Not ${right}x`).feedback).toMatch(/names no room/)
    expect(grade(office, task, 'No room.').feedback).toMatch(/There is a room/)
  })
})
