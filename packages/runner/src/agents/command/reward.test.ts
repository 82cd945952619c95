import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { AglError } from '@agl/types'
import { readRewardDimensions } from '@agl/types/spans'
import { describe, expect, it } from 'vitest'
import { play } from '../test-rollout.test-support.ts'
import { commandAgent } from './command-agent.ts'
import { node, run } from './program.test-support.ts'

describe('its reward', () => {
  it('is the last line of its output that holds one', async () => {
    const program = `console.log('{"reward": 0.1}'); console.log('{"reward": 0.5, "note": "last"}\\nbye {"reward": 9}'); console.log('{"a": 1}')`
    expect(await run(program)).toMatchObject({ outcome: 'scored', reward: 0.5 })
    const dimensions = `console.log('{"reward": {"speed": 3, "quality": 0.5}, "primary": "quality"}')`
    const { spans } = await run(dimensions)
    expect(readRewardDimensions(spans.at(-1)!).map(({ name }) => name)).toEqual(['quality', 'speed'])
    expect(await run(`console.log('no reward in sight')`)).toMatchObject({ outcome: 'completed', reward: null })
  })

  it.each([
    [`{"reward": "good"}`, 'holds a reward that is "good"'],
    [`{"reward": null}`, 'holds a reward that is null'],
    [`{"reward": {"a": 1, "b": 2}}`, 'needs a primary one among them (a, b)'],
    [`{"reward": 1e999}`, 'Infinity'],
  ])('that is none, %s, is its error', async (line, text) => {
    const { outcome, message, reward } = await run(`console.log(${JSON.stringify(line)})`)
    expect([outcome, reward]).toEqual(['agent_error', null])
    expect(message).toContain(text)
  })

  it('is its exit code', async () => {
    const reward = 'exit-code'
    expect(await run('', { reward })).toMatchObject({ outcome: 'scored', reward: 1 })
    expect(await run('process.exit(3)', { reward })).toMatchObject({ outcome: 'scored', reward: 0 })
    // What killed it has said nothing about how well it did.
    const { outcome, message } = await run(`process.kill(process.pid, 'SIGKILL')`, { reward })
    expect(outcome).toBe('agent_error')
    expect(message).toContain('signal SIGKILL')
  })

  it('is in a file: a number, or an object', async () => {
    const write = (content: string): string =>
      `require('fs').writeFileSync(process.env.AGL_REWARD_FILE, ${JSON.stringify(content)})`
    const reward = 'file'
    expect(await run(write('0.25\n'), { reward })).toMatchObject({ outcome: 'scored', reward: 0.25 })
    expect(await run(write('{"reward": true}'), { reward })).toMatchObject({ reward: 1 })
    expect(await run('', { reward })).toMatchObject({ outcome: 'completed' })
    expect(await run(write('well done'), { reward })).toMatchObject({
      outcome: 'agent_error',
      message: expect.stringContaining('no JSON: "well done"'),
    })
    const named = { reward: { file: 'out/score.json' }, cwd: { temporary: true } } as const
    const program = `require('fs').mkdirSync('out'); require('fs').writeFileSync('out/score.json', '0.75')`
    expect(await run(program, named)).toMatchObject({ reward: 0.75 })
  })

  it.skipIf(process.platform === 'win32')('is not waited for in a pipe that it has put in the place of the file', async () => {
    const program = `require('child_process').execFileSync('mkfifo', [process.env.AGL_REWARD_FILE])`
    const { outcome, message } = await run(program, { reward: 'file' })
    expect(outcome).toBe('agent_error')
    expect(message).toContain('it is no file')
  })

  it('is what a function makes of how it ended, whatever the exit code was, in the folder as it left it', async () => {
    const program = `require('fs').writeFileSync('answer.txt', '42'); console.error('hm'); process.exit(7)`
    let ran = ''
    const agent = commandAgent<{ readonly expected: string }>({
      command: node,
      args: ['-e', program],
      cwd: { temporary: true },
      async reward({ task, exitCode, signal, stderr, cwd }) {
        ran = cwd
        const isRight = (await readFile(join(cwd, 'answer.txt'), 'utf8')) === task.expected
        return exitCode === 7 && signal === null && stderr === 'hm\n' && isRight ? 1 : 0
      },
    })
    expect(await play(agent, { expected: '42' })).toMatchObject({ outcome: 'scored', reward: 1 })
    expect(existsSync(ran)).toBe(false)
  })

  it('cannot be made by a function that throws: our error, unless it says whose it is', async () => {
    const throwing = (error: unknown) => (): never => {
      throw error
    }
    const mine = await run('', { reward: throwing(new TypeError('no judge')) })
    expect(mine).toMatchObject({ outcome: 'infra_error', message: expect.stringContaining('failed: no judge') })
    const its = await run('', { reward: throwing(new AglError({ code: 'agent_failed', message: 'it cheated' })) })
    expect(its).toMatchObject({ outcome: 'agent_error', message: 'it cheated' })
  })

  it('arrives by itself', async () => {
    const printed = `console.log('{"reward": 1}')`
    expect(await run(printed, { reward: 'event' })).toMatchObject({ outcome: 'completed', reward: null })
  })
})
