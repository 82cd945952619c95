import { open } from 'node:fs/promises'
import { AglError, errorMessage, type Logger } from '@agl/types'
import { type AccessToken, checkToken } from './tokens.ts'

/** Room for thousands of tokens; what is larger is another file. */
const maxFileBytes = 1024 * 1024
const othersMayRead = 0o044

/**
 * Reads a file of tokens: either a JSON list of `{ "token", "role", "name"? }`, or one `role:token` or `role:token:name`
 * a line, where empty lines and lines that begin with `#` do not count. Warns when others than its owner may read it.
 * @throws AglError `invalid_argument` when it cannot be read, does not fit or holds no token; never shows what it holds
 */
export async function readTokenFile(path: string, logger: Logger): Promise<readonly AccessToken[]> {
  const { text, mode } = await read(path)
  // Windows has no such bits, and Node reports them all as set.
  if (process.platform !== 'win32' && (mode & othersMayRead) !== 0) {
    logger.warn('Others may read the token file; take that away with `chmod 600`', {
      tokenFile: path,
      mode: (mode & 0o777).toString(8),
    })
  }
  const content = text.replace(/^\uFEFF/, '')
  const tokens = content.trimStart().startsWith('[') ? parseList(content, path) : parseLines(content, path)
  if (tokens.length === 0) throw invalid(path, 'it holds no token; add a line `role:token`')
  return tokens
}

async function read(path: string): Promise<{ readonly text: string; readonly mode: number }> {
  try {
    const file = await open(path, 'r')
    try {
      const { mode, size } = await file.stat()
      if (size > maxFileBytes) throw invalid(path, `it is larger than ${maxFileBytes} bytes`)
      return { text: await file.readFile('utf8'), mode }
    } finally {
      await file.close()
    }
  } catch (error) {
    if (AglError.isInstance(error)) throw error
    throw invalid(path, `it cannot be read: ${errorMessage(error)}`)
  }
}

function parseList(content: string, path: string): readonly AccessToken[] {
  return parseJson(content, path).map((value, index) => checkToken(value, `entry ${index + 1} of ${path}`))
}

function parseJson(content: string, path: string): readonly unknown[] {
  try {
    // It begins with "[", so it can only be a list.
    return JSON.parse(content) as readonly unknown[]
  } catch {
    // The words of JSON.parse quote the text, hence no cause.
    throw invalid(path, 'it begins with "[" but is not JSON; expected a list of { "token", "role", "name"? }')
  }
}

function parseLines(content: string, path: string): readonly AccessToken[] {
  return content.split('\n').flatMap((raw, index) => {
    const line = raw.trim()
    if (line === '' || line.startsWith('#')) return []
    const place = `line ${index + 1} of ${path}`
    const [role, token, ...rest] = line.split(':')
    if (token === undefined) throw invalid(path, `line ${index + 1} is not \`role:token\` or \`role:token:name\``)
    return [checkToken({ role, token, ...(rest.length === 0 ? {} : { name: rest.join(':') }) }, place)]
  })
}

function invalid(path: string, problem: string): AglError {
  return new AglError({
    code: 'invalid_argument',
    message: `Invalid token file ${path}: ${problem}.`,
    data: { tokenFile: path },
  })
}
