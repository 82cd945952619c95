import { expect, test } from 'vitest'
import { cellOf, cellsOf, excludedOf, type Place, phases, stores, strategies, victims, ways } from './cells.ts'

const places: readonly Place[] = strategies.flatMap((strategy) => stores.map((store) => ({ strategy, store })))

test.each(places)(
  '$strategy over $store: every cell is in the grid or has a reason, and every one of the grid has its seed',
  (place) => {
    const cells = cellsOf(place)
    const excluded = [...excludedOf(place).values()].reduce((sum, count) => sum + count, 0)
    expect(cells.length + excluded).toBe(victims.length * ways.length * phases.length)
    const seen = new Set(cells.map((_, seed) => JSON.stringify(cellOf(place, seed))))
    expect(seen.size).toBe(cells.length)
  },
)
