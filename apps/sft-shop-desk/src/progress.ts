import type { SftProgress } from '@agl/algorithms'

/** Shows a run while it goes on: one line that is rewritten on a terminal, a line per finished step elsewhere. */
export function createProgress(stream: NodeJS.WriteStream): {
  readonly show: (event: SftProgress) => void
  readonly done: () => void
} {
  let lastShown = 0

  function live(text: string): void {
    // A terminal is rewritten at most 20 times a second.
    if (!stream.isTTY || performance.now() - lastShown < 50) return
    lastShown = performance.now()
    stream.write(`\r\u001b[K  ${text}`)
  }
  function line(text: string): void {
    stream.write(`${stream.isTTY ? '\r\u001b[K' : ''}  ${text}\n`)
  }

  return {
    show(event) {
      switch (event.type) {
        case 'plan':
          return line(`plan: ${event.iterations} rounds, ${event.rollouts} rollouts in all`)
        case 'rollouts':
          return live(
            `${phases[event.phase]}${event.iteration === 0 ? '' : `, round ${event.iteration}`}: ${event.done} of ${event.total} customers`,
          )
        case 'training':
          return live(`training, round ${event.iteration}: step ${event.step} of ${event.steps}, loss ${event.loss.toFixed(3)}`)
        case 'evaluation':
          if (event.phase === 'test' || event.iteration === 0) {
            line(
              `${event.version}: ${phases[event.phase]} reward ${event.reward.mean.toFixed(3)} (${event.reward.count} customers)`,
            )
          }
          return
        case 'iteration': {
          const { iteration, trainReward, kept, rollouts, loss, valReward, findings } = event.summary
          const { call_not_trainable: untrainable = 0, reward_not_attached: unattached = 0 } = findings
          return line(
            `round ${iteration}: reward ${trainReward.mean.toFixed(3)}, learnt from ${kept} of ${rollouts}` +
              `${loss === null ? '' : ` (loss ${loss.toFixed(3)})`}, validation ${valReward.mean.toFixed(3)}` +
              `${untrainable === 0 ? '' : `, ${untrainable} calls without token ids`}` +
              `${unattached === 0 ? '' : `, ${unattached} rewards of no call`}`,
          )
        }
        default:
          return event satisfies never
      }
    },
    done() {
      if (stream.isTTY) stream.write('\r\u001b[K')
    },
  }
}

const phases = { train: 'serving customers', val: 'validation', test: 'held-out' } as const
