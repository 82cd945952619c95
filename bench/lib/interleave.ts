import { nextTimer } from './loop-delay.ts'
import { collectGarbage } from './measure.ts'

/** The collector sweeps on in other threads, whose CPU time would be counted as the side's. */
const settleMs = 30

/** What is measured in turn: ours and the peer's, in one process group. */
export interface Sides<Ours, Peers> {
  readonly ours: () => Ours | Promise<Ours>
  readonly peer: () => Peers | Promise<Peers>
}

export interface Samples<Ours, Peers> {
  readonly ours: readonly Ours[]
  readonly peer: readonly Peers[]
}

/**
 * Runs both sides in each round, so that whatever else the machine does meets both; the side that begins alternates, so
 * that neither always inherits the other's heap. Warm-up rounds are thrown away.
 */
export async function interleave<Ours, Peers = Ours>(
  { rounds, warmUps = 1 }: { readonly rounds: number; readonly warmUps?: number },
  sides: Sides<Ours, Peers>,
): Promise<Samples<Ours, Peers>> {
  const ours: Ours[] = []
  const peer: Peers[] = []
  const runOurs = async (): Promise<unknown> => ours.push(await sides.ours())
  const runPeer = async (): Promise<unknown> => peer.push(await sides.peer())
  for (let round = -warmUps; round < rounds; round++) {
    for (const run of round % 2 === 0 ? [runOurs, runPeer] : [runPeer, runOurs]) {
      collectGarbage()
      await nextTimer(settleMs)
      await run()
    }
  }
  return { ours: ours.slice(warmUps), peer: peer.slice(warmUps) }
}
