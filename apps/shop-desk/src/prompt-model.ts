import { readFile } from 'node:fs/promises'
import { type Checkpoint, readCheckpoint } from '@agl/embedded-model'

/** Made by `pretrain-prompts.ts`; safetensors, BF16. */
export const promptModelFile: URL = new URL('../model/prompts.safetensors', import.meta.url)

/**
 * The model that reads prompts. It plays three roles, told apart by what it is asked: a clerk that does what the prompt says, a
 * critic that says what went wrong, an editor that rewrites. It knows a small fragment of English, in lower case.
 */
export async function loadPromptModel(): Promise<Checkpoint> {
  return readCheckpoint(await readFile(promptModelFile))
}
