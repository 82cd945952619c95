import { loadDataset } from '@agl/algorithms'
import { loadExport } from '@agl/trainer/config'
import type { Dataset } from '@agl/types'

/** Tasks of a file, or of what a module exports: something to iterate, or a function that answers it. @param place a file URL or `module#export` */
export async function readDataset(place: string): Promise<Dataset> {
  if (!place.includes('#')) return await loadDataset(place.startsWith('file:') ? new URL(place) : place)
  const found = await loadExport(place, process.cwd())
  return await loadDataset((typeof found === 'function' ? await (found as () => unknown)() : found) as Iterable<unknown>)
}
