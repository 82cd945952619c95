import { readFile } from 'node:fs/promises'
import { type Checkpoint, readCheckpoint } from '@agl/embedded-model'

/** Made by `pretrain.ts`; safetensors, BF16. */
export const baseModelFile: URL = new URL('../model/base.safetensors', import.meta.url)

/** The model that imitates careless clerks. */
export async function loadBaseModel(): Promise<Checkpoint> {
  return readCheckpoint(await readFile(baseModelFile))
}
