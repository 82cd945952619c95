import type { Room } from './office.ts'
import { type BookingRequest, chooseRoom, compareRooms, type Need, type TieBreak, unmetNeeds } from './oracle.ts'

export interface Grade {
  /** 1 = the right room; {@link fittingReward} = another one that has all that is needed; 0 = anything else. */
  readonly reward: number
  /** What was missed, for whoever improves the prompt: never the right room, nor which way a tie-break goes. Empty for a 1. */
  readonly feedback: string
}

/** For a room that has all that is needed but is not the one that the office would give. */
export const fittingReward = 0.5

/** Looks at the last room that is named, or "No Room". */
export function grade(office: readonly Room[], task: BookingRequest, answer: string): Grade {
  const right = chooseRoom(office, task)
  const named = readAnswer(office, answer)
  if (named === null) return { reward: 0, feedback: 'The answer names no room, and does not say "No Room".' }
  if (named === 'none') {
    return right === null ? { reward: 1, feedback: '' } : { reward: 0, feedback: 'There is a room that has all that is needed.' }
  }
  if (named === right) return { reward: 1, feedback: '' }
  const unmet = unmetNeeds(named, task)
  if (unmet.length > 0) {
    return { reward: 0, feedback: `${named.id} cannot be given: ${unmet.map((need) => unmetText[need]).join(', ')}.` }
  }
  // A room that would do is never the answer where there is none, so there is a right one.
  const { by } = compareRooms(right!, named, task)!
  return {
    reward: fittingReward,
    feedback: `${named.id} has all that is needed, and so has a room that the office would rather give: the two differ in ${tieText[by]}.`,
  }
}

const unmetText: Readonly<Record<Need, string>> = {
  free: 'it is taken at that time',
  capacity: 'not everybody has a seat',
  equipment: 'something that was asked for is not in it',
  accessibility: 'somebody cannot get into it',
}

const tieText: Readonly<Record<TieBreak, string>> = {
  seats: 'how many seats they have',
  equipment: 'what equipment is in them',
  distance: 'how far away they are',
  bookings: 'how often they are booked that day',
}

function readAnswer(office: readonly Room[], answer: string): Room | 'none' | null {
  const pattern = new RegExp(String.raw`\b(no room|${office.map(({ id }) => id).join('|')})\b`, 'gi')
  const last = [...answer.matchAll(pattern)].at(-1)?.[0].toLowerCase()
  if (last === undefined) return null
  return last === 'no room' ? 'none' : office.find(({ id }) => id.toLowerCase() === last)!
}
