import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import { loadDataset } from './load-dataset.ts'

function file(name: string, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'agl-data-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}

const schema = z.object({ question: z.string(), price: z.coerce.number() })

describe('loadDataset', () => {
  it('reads JSON Lines: empty lines, breaks of Windows, a mark at the beginning, texts with breaks of their own', async () => {
    const path = file('tasks.jsonl', '\uFEFF{"a":1}\r\n\n{"a":"two\u2028lines\\n"}\n[3]')
    expect(await loadDataset(path)).toEqual([{ a: 1 }, { a: 'two\u2028lines\n' }, [3]])
    expect(await loadDataset(pathToFileURL(path), { limit: 1 })).toEqual([{ a: 1 }])
    expect(await loadDataset(file('tasks.ndjson', '1\n2\n'))).toEqual([1, 2])
    expect(await loadDataset(file('empty.jsonl', ''))).toEqual([])
  })

  it('reads lines that are longer than what is read at a time, with letters of several bytes across', async () => {
    const rows = ['ü'.repeat(200_000), 'x'.repeat(65_535), '€'.repeat(70_000)].map((text) => ({ text }))
    expect(await loadDataset(file('long.jsonl', rows.map((row) => JSON.stringify(row)).join('\n')))).toEqual(rows)
  })

  it('reads a list from JSON', async () => {
    expect(await loadDataset(file('tasks.json', '\uFEFF[{"a":1},{"a":2}]'))).toEqual([{ a: 1 }, { a: 2 }])
  })

  it('reads CSV: quotes, breaks within a value, a mark at the beginning, other delimiters; texts until a schema says more', async () => {
    const path = file('tasks.csv', '\uFEFFquestion,price\r\n"How much, ""exactly""\nis it?",12.5\r\n\r\nWhat?,3\r\n')
    const question = 'How much, "exactly"\nis it?'
    expect(await loadDataset(path)).toEqual([
      { question, price: '12.5' },
      { question: 'What?', price: '3' },
    ])
    const typed: readonly { question: string; price: number }[] = await loadDataset(path, { schema, limit: 1 })
    expect(typed).toEqual([{ question, price: 12.5 }])
    expect(await loadDataset(file('tasks.txt', 'a;b\n1,5;2'), { format: 'csv', delimiter: ';' })).toEqual([{ a: '1,5', b: '2' }])
  })

  it.each([
    [
      't.jsonl',
      '{"question":"a","price":1}\n\n{"question":7,"price":1}',
      /^Invalid task \(.*t\.jsonl, line 3\):\n✖ .*expected string; got 7\n {2}→ at question$/,
    ],
    [
      't.json',
      '[{"question":"a","price":1},{"price":1}]',
      /t\.json, item 1\):\n✖ .*expected string; got nothing\n {2}→ at question/,
    ],
    ['t.csv', 'question,price\na,1\n"b\nc",cheap\n', /t\.csv, line 4\):\n✖ .*expected number; got "cheap"\n {2}→ at price/],
    ['t.jsonl', '{"question":"a","price":1}\n{"question":', /Expected JSON in .*t\.jsonl, line 2; got "\{\\"question\\":": /],
    ['t.json', '{"data":[]}', /Expected .*t\.json to hold a list of tasks; got an object/],
    ['t.json', '[1,', /Expected JSON in .*t\.json; got "\[1,": /],
    ['t.csv', 'question,price\na,1,2\n', /t\.csv is no CSV with the delimiter ",": .*line 2/],
    ['t.csv', 'question,price\n"a,1', /t\.csv is no CSV with the delimiter ",": .*[Qq]uote/],
    ['t.csv', 'question,question\na,1\n', /Expected the first line of .*t\.csv to name each column once; got "question" twice/],
    ['t.xlsx', '', /Expected a file that ends in \.jsonl, \.ndjson, \.json, \.csv; got .*t\.xlsx. Or say its `format`/],
  ])('says what is wrong with %s %#, and where', async (name, text, words) => {
    await expect(loadDataset(file(name, text), { schema })).rejects.toMatchObject({
      code: 'invalid_argument',
      message: expect.stringMatching(words),
    })
  })

  it.each(['nowhere/tasks.jsonl', 'nowhere/tasks.json', 'nowhere/tasks.csv'])('says that %s is not there', async (path) => {
    await expect(loadDataset(path)).rejects.toMatchObject({ code: 'not_found', message: expect.stringContaining(path) })
  })

  it('reads no file of another machine', async () => {
    await expect(loadDataset('https://host/tasks.jsonl?token=hidden')).rejects.toThrow(
      'Expected a file of this machine; got https://host/tasks.jsonl. Fetch it first',
    )
  })

  it('takes arrays, datasets, and whatever can be iterated', async () => {
    const tasks = [{ a: 1 }, { a: 2 }, { a: 3 }]
    expect(await loadDataset(tasks, { limit: 2 })).toEqual([{ a: 1 }, { a: 2 }])
    expect(await loadDataset({ length: 2, 0: 'a', 1: 'b' })).toEqual(['a', 'b'])
    expect(await loadDataset(new Set([1, 2]))).toEqual([1, 2])
    expect(await loadDataset([{ question: 'q', price: '4' }], { schema })).toEqual([{ question: 'q', price: 4 }])
  })

  it('takes no more of a stream than its limit, and lets go of it', async () => {
    const given: number[] = []
    let isLeft = false
    async function* stream(): AsyncGenerator<number> {
      try {
        for (let task = 0; ; task += 1) {
          given.push(task)
          yield task
        }
      } finally {
        await new Promise((resolve) => setImmediate(resolve))
        isLeft = true
      }
    }
    for (const signal of [undefined, new AbortController().signal]) {
      given.length = 0
      isLeft = false
      expect(await loadDataset(stream(), { limit: 3, ...(signal !== undefined && { signal }) })).toEqual([0, 1, 2])
      expect([given, isLeft]).toEqual([[0, 1, 2], true])
    }
  })

  it('stops waiting for a stream when it is told to', async () => {
    async function* stream(): AsyncGenerator<number> {
      yield 1
      await new Promise(() => {})
    }
    const stop = new AbortController()
    const loading = loadDataset(stream(), { signal: stop.signal })
    await new Promise((resolve) => setImmediate(resolve))
    stop.abort(new Error('enough'))
    await expect(loading).rejects.toThrow('enough')
    await expect(loadDataset([1], { signal: stop.signal })).rejects.toThrow('enough')
  })

  it.each([
    [[{ when: new Date(0) }], 'Expected JSON as a task (item 0); .when is an instance of Date.'],
    [[1, { score: Number.NaN }], 'Expected JSON as a task (item 1); .score is NaN.'],
    [7, 'Expected tasks as the path of a file, a list, or something to iterate; got 7.'],
    [{ train: [] }, 'got an object'],
  ])('refuses %j', async (source, words) => {
    await expect(loadDataset(source as never)).rejects.toThrow(words)
  })

  it.each([{ limit: 0 }, { schema: {} }, { format: 'xml' }, { max: 3 }])('refuses the options %j', async (options) => {
    await expect(loadDataset([1], options as never)).rejects.toMatchObject({ code: 'invalid_argument' })
  })
})
