import { type Agent, rollout } from '@agl/runner'
import { threshold } from 'agl-plugin-thresholds'

/** Should accept exactly the numbers from 5 up. */
export const gate: Agent<number> = rollout<number>((task, { resources }) => {
  const accepts = task >= threshold.read(resources, 'least').value
  return accepts === task >= 5 ? 1 : 0
})
