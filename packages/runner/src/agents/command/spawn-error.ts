import { stat } from 'node:fs/promises'
import { type AglError, errorMessage } from '@agl/types'
import { infraError } from '../infra-error.ts'

/** Why a program could not be started, and what to do about it. The system says ENOENT of a missing folder too. */
export async function toSpawnError(
  error: unknown,
  { command, cwd }: { readonly command: string; readonly cwd: string | undefined },
): Promise<AglError> {
  const { code = '' } = (typeof error === 'object' && error !== null ? error : {}) as { readonly code?: string }
  const where = cwd === undefined ? '' : ` in ${cwd}`
  const failed = `The agent's program "${command}" cannot be started${where}`
  const isRetryable = passing.has(code)
  if (code === 'ENOENT' && cwd !== undefined && !(await isFolder(cwd))) {
    return infraError({
      code: 'not_found',
      message: `${failed}: there is no such folder; make it, or set \`cwd\`.`,
      cause: error,
    })
  }
  const advice = advices[code] ?? errorMessage(error)
  return infraError({
    code: code === 'ENOENT' ? 'not_found' : 'agent_not_started',
    message: `${failed}: ${advice}`,
    cause: error,
    isRetryable,
  })
}

/** What may be different a moment later. */
const passing: ReadonlySet<string> = new Set(['EAGAIN', 'EMFILE', 'ENFILE', 'ENOMEM', 'ETXTBSY'])

const advices: Readonly<Record<string, string>> = {
  ENOENT:
    'there is no such program (ENOENT); install it where the runner runs, or give its path. A relative path starts at `cwd`, and a name is looked up in the PATH that the program gets.',
  EACCES: 'it may not be executed (EACCES); make it executable (chmod +x), or run it with its interpreter as `command`.',
  ENOEXEC: 'it is no program that this system runs (ENOEXEC); give a script its `#!` line, or run it with its interpreter.',
  E2BIG: 'its arguments and environment are too long (E2BIG); hand the task over on stdin or as {task_file}.',
  ENAMETOOLONG: 'an argument is too long (ENAMETOOLONG); hand the task over on stdin or as {task_file}.',
  ERR_INVALID_ARG_VALUE:
    'an argument or a variable holds a NUL, which no program can be given so; hand the task over on stdin or as {task_file}.',
  EAGAIN: 'the system allows no more processes now (EAGAIN); lower `concurrency` of the runner.',
  EMFILE: 'this process has too many files open (EMFILE); lower `concurrency` of the runner, or raise its limit.',
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch {
    return false
  }
}
