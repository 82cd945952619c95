/** Flattens the scripts into the checked-in module: `pnpm run scripts`. */
import { writeFile } from 'node:fs/promises'
import { flattenScripts } from './flatten.ts'

await writeFile(new URL('../scripts.generated.ts', import.meta.url), await flattenScripts())
