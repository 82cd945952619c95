/** An error of the worker thread. It crosses to the main thread as data and becomes an AglError there. */
export class EngineError extends Error {
  override readonly name: string = 'EngineError'
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}
