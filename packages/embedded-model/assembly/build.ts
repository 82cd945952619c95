/** Compiles the kernel into the checked-in module: `pnpm run kernel`. */
import { writeFile } from 'node:fs/promises'
import { compileKernel } from './compile.ts'

await writeFile(new URL('../src/kernel/kernel.generated.ts', import.meta.url), await compileKernel())
