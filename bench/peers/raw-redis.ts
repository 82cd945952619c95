import { Redis } from 'ioredis'

/** The least that claims and spans cost in Redis: no attempts that can be read back, no limits, no counters, no feed. */
export interface RawRedis {
  /** Puts `count` tasks into the queue. */
  fill(count: number): Promise<void>
  /** Claims one with a script: out of the queue, marked, with a deadline. */
  claim(workerId: string): Promise<unknown>
  /** The same for many in one script. */
  claimMany(workerId: string, limit: number): Promise<readonly unknown[]>
  /** Appends span bodies to a list in one command. */
  append(key: string, bodies: readonly string[]): Promise<unknown>
  close(): void
}

const leaseMs = 30_000

const claimScript = `
local id = redis.call('LPOP', KEYS[1])
if not id then return nil end
local key = 'r:' .. id
local held = redis.call('HMGET', key, 'status', 'attempts', 'input')
if held[1] ~= 'queuing' then return {id} end
local number = (tonumber(held[2]) or 0) + 1
redis.call('HSET', key, 'status', 'preparing', 'attempts', number, 'a' .. number, ARGV[1] .. '|' .. ARGV[2])
redis.call('ZADD', KEYS[2], ARGV[2] + ARGV[3], id)
return {id, number, held[3]}`

const claimManyScript = `
local ids = redis.call('LPOP', KEYS[1], tonumber(ARGV[4]))
if not ids then return {} end
local claimed = {}
for index = 1, #ids do
  local id = ids[index]
  local key = 'r:' .. id
  local held = redis.call('HMGET', key, 'status', 'attempts', 'input')
  if held[1] == 'queuing' then
    local number = (tonumber(held[2]) or 0) + 1
    redis.call('HSET', key, 'status', 'preparing', 'attempts', number, 'a' .. number, ARGV[1] .. '|' .. ARGV[2])
    redis.call('ZADD', KEYS[2], ARGV[2] + ARGV[3], id)
    claimed[#claimed + 1] = id
    claimed[#claimed + 1] = held[3]
  end
end
return claimed`

const fillScript = `
for index = 1, tonumber(ARGV[1]) do
  local id = 'ro-' .. index
  redis.call('RPUSH', KEYS[1], id)
  redis.call('HSET', 'r:' .. id, 'status', 'queuing', 'input', string.rep('x', 200), 'start_time', '1', 'mode', 'train')
end`

interface Scripts {
  rawClaim(queue: string, deadlines: string, worker: string, now: number, lease: number): Promise<unknown>
  rawClaimMany(
    queue: string,
    deadlines: string,
    worker: string,
    now: number,
    lease: number,
    limit: number,
  ): Promise<readonly unknown[]>
}

export function openRawRedis(port: number): RawRedis {
  const redis = new Redis({ host: '127.0.0.1', port, enableAutoPipelining: true })
  redis.on('error', () => {})
  redis.defineCommand('rawClaim', { numberOfKeys: 2, lua: claimScript })
  redis.defineCommand('rawClaimMany', { numberOfKeys: 2, lua: claimManyScript })
  const scripts = redis as unknown as Scripts
  return {
    fill: async (count) => void (await redis.eval(fillScript, 1, 'queue', count)),
    claim: (workerId) => scripts.rawClaim('queue', 'deadlines', workerId, 1.7e12, leaseMs),
    claimMany: (workerId, limit) => scripts.rawClaimMany('queue', 'deadlines', workerId, 1.7e12, leaseMs, limit),
    append: (key, bodies) => redis.rpush(key, ...bodies),
    close: () => redis.disconnect(),
  }
}
