import type { Attributes } from '../attribute.ts'
import { AglError, errorMessage } from '../errors.ts'
import { isPlainObject } from '../plain.ts'
import { spanAttributes as names, spanNames } from '../semantic-conventions.ts'
import type { SpanCoreFields, SpanStatus } from '../span.ts'
import type { Emitter, EmitOptions, OperationOptions, OperationScope } from '../tracer.ts'
import { flattenAttributes } from './flatten.ts'
import { linksToAttributes, tagsToAttributes } from './links.ts'
import { objectToAttributes } from './objects.ts'
import { rewardToAttributes } from './rewards.ts'

/** What a tracer does for its emitter. */
export interface EmitterHost {
  /** Epoch seconds; not before the end of what was written so far, so that a reward follows the call it is for. */
  now(): number
  write(span: SpanCoreFields): void
  /** Runs `work` so that what is written inside hangs under the one span that `work` is to write with what it is given. */
  nest<Result>(work: (write: (span: SpanCoreFields) => void) => Result): Result
}

const ok: SpanStatus = { status_code: 'OK', description: null }

/** An emitter that writes with what a tracer gives it. */
export function createEmitter(host: EmitterHost): Emitter {
  function instant(name: string, attributes: Attributes, status: SpanStatus = ok): void {
    const now = host.now()
    host.write({ name, status, attributes, start_time: now, end_time: now })
  }

  return Object.freeze<Emitter>({
    reward(value, options = {}) {
      instant(spanNames.annotation, withOptions(rewardToAttributes(value, { ...options, links: {} }), options))
    },
    annotation: (values) => instant(spanNames.annotation, flattenAttributes(values)),
    message(text, options) {
      if (typeof text !== 'string') {
        throw new AglError({
          code: 'invalid_argument',
          message: `A message is text; got a value of type ${typeof text}. Use object() for anything else.`,
        })
      }
      instant(spanNames.message, withOptions({ [names.messageBody]: text }, options))
    },
    object: (value, options) => instant(spanNames.object, withOptions(objectToAttributes(value), options)),
    exception(error, options) {
      instant(spanNames.exception, withOptions(exceptionToAttributes(error), options), failed(error))
    },
    operation: (options, work) => host.nest((write) => runOperation(host, write, options, work)),
    span: (name, attributes) => instant(name, attributes),
  })
}

/** What `work` emits, recorded nowhere: for an agent that gives its spans back instead, and for tests. */
export function collectSpans(work: (emit: Emitter) => void): readonly SpanCoreFields[] {
  const spans: SpanCoreFields[] = []
  const write = (span: SpanCoreFields): void => void spans.push(span)
  work(createEmitter({ now: () => Date.now() / 1000, write, nest: (operation) => operation(write) }))
  return spans
}

function runOperation<Result>(
  host: EmitterHost,
  write: (span: SpanCoreFields) => void,
  given: string | OperationOptions,
  work: (scope: OperationScope) => Result,
): Result {
  const { name, ...options } = typeof given === 'string' ? { name: given } : given
  let attributes = withOptions({ [names.operationName]: name }, options)
  const startTime = host.now()
  const add = (more: Attributes): void => {
    attributes = { ...attributes, ...more }
  }
  const scope: OperationScope = {
    setInput(input) {
      const named = isPlainObject(input) ? input : { args: Array.isArray(input) ? input : [input] }
      add(flattenAttributes(named, { prefix: names.operationInput, other: 'text' }))
    },
    setOutput: (output) => add(flattenAttributes(output, { prefix: names.operationOutput, other: 'text' })),
    setAttributes: (more) => add(withOptions({}, { attributes: more })),
  }
  const finish = (status: SpanStatus): void => {
    write({ name: spanNames.operation, status, attributes, start_time: startTime, end_time: host.now() })
  }
  const fail = (error: unknown): void => {
    add(exceptionToAttributes(error))
    finish(failed(error))
  }
  let result: Result
  try {
    result = work(scope)
  } catch (error) {
    fail(error)
    throw error
  }
  if (!isPromiseLike(result)) {
    finish(ok)
    return result
  }
  const settled = Promise.resolve(result).then(
    (value) => {
      finish(ok)
      return value
    },
    (error: unknown) => {
      fail(error)
      throw error
    },
  )
  return settled as Result
}

/** Names that AGL gives a meaning; a span's own attributes are refused as well, so that no extra one overwrites a reward. */
const reserved = 'agentlightning.'

function withOptions(own: Attributes, { attributes, links, tags }: EmitOptions = {}): Attributes {
  const extra = attributes === undefined ? {} : flattenAttributes(attributes, { other: 'text' })
  for (const key in extra) {
    if (!key.startsWith(reserved) && !(key in own)) continue
    throw new AglError({
      code: 'invalid_argument',
      message: `The attribute "${key}" is AGL's own and cannot be set by hand; choose another name, or use links, tags or the value itself.`,
    })
  }
  return { ...extra, ...own, ...linksToAttributes(links ?? {}), ...tagsToAttributes(tags ?? []) }
}

/** The attributes of an exception, named as OpenTelemetry does; anything that was thrown will do. */
export function exceptionToAttributes(error: unknown): Attributes {
  const stack = error instanceof Error ? (error.stack ?? '') : ''
  return {
    [names.exceptionType]: error instanceof Error ? error.name : typeof error,
    [names.exceptionMessage]: errorMessage(error),
    [names.exceptionEscaped]: true,
    ...(stack.trim() === '' ? {} : { [names.exceptionStacktrace]: stack }),
  }
}

function failed(error: unknown): SpanStatus {
  return { status_code: 'ERROR', description: errorMessage(error) }
}

function isPromiseLike(value: unknown): value is PromiseLike<never> {
  return typeof (value as PromiseLike<never> | null | undefined)?.then === 'function'
}
