// Serves the store of a plan from a process of its own, with the gates of its site.
import { createStoreServer } from '@agl/store-http/server'
import { handleInterrupts } from '@agl/trainer'
import { openGate } from './gate.ts'
import { openJournal } from './journal.ts'
import { openAccess } from './open-access.ts'
import { readPlan } from './plan.ts'
import { watchedStore } from './watched-store.ts'

const plan = readPlan()
const opened = await openAccess(plan.serverAccess!)
const store = watchedStore(opened, openGate(plan), openJournal(plan.folder))
const server = createStoreServer({ store, port: plan.serverPort!, metrics: false })
await server.start()
await handleInterrupts((signal) => new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve())))
await server.close()
await opened.close()
