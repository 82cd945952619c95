import { errorMessage } from '@agl/types'
import { parsePythonJson } from '../wire/python-json.ts'

/** Deeper than any record. */
const maxLevels = 300

/** JSON with the words for numbers that Python writes. @throws SyntaxError for what is no JSON, even with these */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    if (!/NaN|Infinity/.test(text)) throw error
  }
  try {
    return parsePythonJson(text, maxLevels)
  } catch (error) {
    throw new SyntaxError(errorMessage(error))
  }
}
