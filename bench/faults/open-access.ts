import { createMemoryStore } from '@agl/store-memory'
import type { LightningStore } from '@agl/types'
import { openPlace } from '../soak/parts.ts'
import type { Access } from './plan.ts'

export async function openAccess(access: Access): Promise<LightningStore> {
  switch (access.kind) {
    case 'memory':
      return createMemoryStore()
    case 'sqlite': {
      const { createSqliteStore } = await import('@agl/store-sqlite')
      return createSqliteStore({ file: access.file })
    }
    case 'redis':
      return await openPlace(access)
    case 'http':
      return await openPlace({ kind: 'http', urls: [access.url] })
    default:
      return access satisfies never
  }
}
