import { AglError, type Algorithm } from '@agl/types'

/** One that ends within seconds or a few rollouts, as `baseline` does: what `dev` runs. It says so itself. */
export function isFast(algorithm: Algorithm): boolean {
  return algorithm.isFast === true
}

export function requireFast(algorithm: Algorithm): void {
  if (isFast(algorithm)) return
  throw new AglError({
    code: 'invalid_argument',
    message:
      `\`dev\` is a dry run with a fast algorithm, and "${algorithm.name}" does not say that it is one (\`isFast: true\`). ` +
      `Give one for the dry run: trainer.dev(agent, tasks, { algorithm: 'baseline' }); the whole run is trainer.fit(agent, tasks).`,
    data: { algorithm: algorithm.name },
  })
}
