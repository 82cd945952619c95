import type { RunEvent } from '@agl/types'

/** Shows a run while it goes on: on a terminal one line that is rewritten, and everywhere a line for what is done. */
export function createProgress(stream: NodeJS.WriteStream): (event: RunEvent) => void {
  let lastShown = 0
  const line = (text: string): void => void stream.write(`${stream.isTTY ? '\r\u001B[K' : ''}  ${text}\n`)
  const live = (text: string): void => {
    // A terminal is rewritten at most 20 times a second.
    if (!stream.isTTY || performance.now() - lastShown < 50) return
    lastShown = performance.now()
    stream.write(`\r\u001B[K  ${text}`)
  }
  const show = (value: number): string => value.toFixed(3)

  return (event) => {
    switch (event.type) {
      case 'plan':
        for (const text of event.lines) line(`plan: ${text}`)
        return
      case 'phase': {
        const reward = event.reward === null ? '' : `, mean reward ${show(event.reward)}`
        const text = `${event.step === 0 ? '' : `round ${event.step}, `}${event.phase}: ${event.done} of ${event.total}${reward}`
        return event.done === event.total ? line(text) : live(text)
      }
      case 'metrics': {
        const { best_val_reward: best, children, model_calls: calls } = event.metrics
        return line(
          `round ${event.step} is over: ${children} new prompts, the best has ${show(best!)} so far, ${calls} model calls`,
        )
      }
      case 'note':
        return line(event.text)
      case 'spent':
        return
      default:
        return event satisfies never
    }
  }
}
