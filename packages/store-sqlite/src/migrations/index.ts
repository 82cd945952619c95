import { records } from './1-records.ts'
import { history } from './2-history.ts'
import { latestResources } from './3-latest-resources.ts'

/** Each entry leads from the schema version of its index to the next. Entries are only ever added. */
export const migrations: readonly string[] = [records, history, latestResources]
