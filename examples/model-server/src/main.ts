import { startModelServer } from './server.ts'

const { url } = await startModelServer({ port: Number(process.argv[2] ?? 8321) })
console.log(`${url} answers /v1/chat/completions, /v1/responses and /v1/messages; it knows what things cost. Ctrl-C stops it.`)
