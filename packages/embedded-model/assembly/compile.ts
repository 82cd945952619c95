import { readFile } from 'node:fs/promises'
import { main as compile } from 'assemblyscript/asc'

/**
 * The text of `kernel.generated.ts`: `assembly/kernel.as.ts` as WebAssembly. Development only: the package ships the
 * result, and a test compares the two. The compiler's output is deterministic.
 */
export async function compileKernel(): Promise<string> {
  const source = await readFile(new URL('./kernel.as.ts', import.meta.url), 'utf8')
  let binary: Uint8Array | undefined
  const { error, stderr } = await compile(
    ['kernel.as.ts', '--outFile', 'kernel.wasm', '-O3', '--noAssert', '--runtime', 'stub', '--enable', 'simd', '--importMemory'],
    {
      readFile: (name: string) => (name === 'kernel.as.ts' ? source : null),
      writeFile: (_name: string, contents: string | Uint8Array) => {
        if (typeof contents !== 'string') binary = contents
      },
      listFiles: () => [],
    },
  )
  if (error || binary === undefined) throw new Error(`The kernel does not compile: ${stderr.toString()}`, { cause: error })
  const lines =
    Buffer.from(binary)
      .toString('base64')
      .match(/.{1,120}/g) ?? []
  return [
    '// Made from assembly/kernel.as.ts by `pnpm run kernel`. Do not edit.',
    'export const kernelBase64: string = [',
    ...lines.map((line) => `  '${line}',`),
    "].join('')",
    '',
  ].join('\n')
}
