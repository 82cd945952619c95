import { access, constants, mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { AglError, errorMessage, type JsonValue } from '@agl/types'
import { drawCurves } from '../report/curve.ts'
import { type Artifact, parseArtifact } from './artifact.ts'
import { type ModuleContents, renderModule } from './module.ts'
import { renderReport } from './report.ts'

/** The files of an artifact in its folder. */
export const artifactFiles = {
  /** Everything, for programs. */
  json: 'artifact.json',
  /** The resources, to be imported. */
  module: 'resources.ts',
  report: 'report.md',
  curve: 'learning-curve.svg',
} as const

/**
 * Makes the folder of an artifact, before anything is spent on what is to be in it.
 * @throws AglError `invalid_argument` where it cannot be made or written into
 */
export async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true })
    await access(folder, constants.W_OK)
  } catch (cause) {
    throw new AglError({
      code: 'invalid_argument',
      message: `Expected ${folder} to be a folder that the result can be written into: ${errorMessage(cause)}`,
      cause,
    })
  }
}

/** Writes an artifact into a folder, which is made when it is not there. */
export async function writeArtifact(folder: string, artifact: Artifact): Promise<void> {
  const { algorithm, createdAt, resources, test, val } = artifact
  const origin = `Found by the algorithm "${algorithm}" on ${createdAt.slice(0, 10)}; see ${artifactFiles.report}.`
  await writeFiles(folder, [
    [artifactFiles.json, `${JSON.stringify(artifact, null, 2)}\n`],
    [artifactFiles.module, renderModule({ resources, origin, score: (test ?? val)?.after ?? null })],
    [artifactFiles.report, renderReport(artifact)],
    [
      artifactFiles.curve,
      drawCurves([{ label: artifact.algorithm, points: artifact.curve }], 'Mean reward on validation tasks by round'),
    ],
  ])
}

/** Writes resources alone, as they are in a store: a module to import, and JSON. */
export async function writeResources(folder: string, contents: ModuleContents): Promise<void> {
  await writeFiles(folder, [
    ['resources.json', `${JSON.stringify(contents.resources, null, 2)}\n`],
    [artifactFiles.module, renderModule(contents)],
  ])
}

/** Each as a whole: whoever reads at the same time finds the old or the new one. */
async function writeFiles(folder: string, contents: readonly (readonly [string, string])[]): Promise<void> {
  await mkdir(folder, { recursive: true })
  for (const [name, text] of contents) {
    const file = path.join(folder, name)
    await writeFile(`${file}.new`, text)
    await rename(`${file}.new`, file)
  }
}

/** Reads an artifact back. @param place its folder, or `artifact.json` itself */
export async function readArtifact(place: string): Promise<Artifact> {
  const file = place.endsWith('.json') ? place : path.join(place, artifactFiles.json)
  let value: JsonValue
  try {
    value = JSON.parse(await readFile(file, 'utf8')) as JsonValue
  } catch (cause) {
    throw new AglError({
      code: 'invalid_argument',
      message: `Expected ${file} to be an artifact, as agl export and result.save write it: ${errorMessage(cause)}`,
      cause,
    })
  }
  return parseArtifact(value, file)
}
