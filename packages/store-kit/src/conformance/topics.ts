import { describeAliases } from './aliases.ts'
import { describeAttempts } from './attempts.ts'
import { describeBadInput } from './bad-input.ts'
import { describeCancel } from './cancel.ts'
import { describeCapabilities } from './capabilities.ts'
import { describeClosing } from './closing.ts'
import { describeConcurrency } from './concurrency.ts'
import { describeDeletes } from './deletes.ts'
import { describeFeed } from './feed.ts'
import { describeFeedContents } from './feed-contents.ts'
import { describeFullStore } from './full-store.ts'
import type { Suite } from './harness.ts'
import { describeIdempotency } from './idempotency.ts'
import { describeIdempotencyKeys } from './idempotency-keys.ts'
import { describeLeases } from './leases.ts'
import { describeLimits } from './limits.ts'
import { describeNumbers } from './numbers.ts'
import { describeParkedClaims } from './parked-claims.ts'
import { describeQueries } from './queries.ts'
import { describeQueue } from './queue.ts'
import { describeRelease } from './release.ts'
import { describeResourceVersions } from './resource-versions.ts'
import { describeResources } from './resources.ts'
import { describeRetention } from './retention.ts'
import { describeRetries } from './retries.ts'
import { describeRollouts } from './rollouts.ts'
import { describeScheduling } from './scheduling.ts'
import { describeSnapshotImports } from './snapshot-imports.ts'
import { describeSnapshots } from './snapshots.ts'
import { describeSpanQueries } from './span-queries.ts'
import { describeSpans } from './spans.ts'
import { describeTwoHandles } from './two-handles.ts'
import { describeWaiting } from './waiting.ts'
import { describeWorkers } from './workers.ts'

/** The groups of the suite, in the order in which they run: a store in the making passes them from the top. */
export const topics: readonly (readonly [title: string, describeTopic: (suite: Suite) => void])[] = [
  ['capabilities', describeCapabilities],
  ['queue', describeQueue],
  ['attempts', describeAttempts],
  ['retries', describeRetries],
  ['rollouts', describeRollouts],
  ['cancel', describeCancel],
  ['spans', describeSpans],
  ['queries of spans', describeSpanQueries],
  ['resources', describeResources],
  ['versions of resources', describeResourceVersions],
  ['workers', describeWorkers],
  ['queries', describeQueries],
  ['waiting for rollouts', describeWaiting],
  ['waiting for work', describeParkedClaims],
  ['limits', describeLimits],
  ['idempotent writes', describeIdempotency],
  ['idempotency keys', describeIdempotencyKeys],
  ['bad input', describeBadInput],
  ['leases', describeLeases],
  ['release', describeRelease],
  ['scheduling', describeScheduling],
  ['deletes', describeDeletes],
  ['aliases', describeAliases],
  ['feed', describeFeed],
  ['contents of the feed', describeFeedContents],
  ['snapshots', describeSnapshots],
  ['imports of snapshots', describeSnapshotImports],
  ['numbers of Python', describeNumbers],
  ['retention', describeRetention],
  ['a full store', describeFullStore],
  ['concurrency', describeConcurrency],
  ['two handles', describeTwoHandles],
  ['closing', describeClosing],
]
