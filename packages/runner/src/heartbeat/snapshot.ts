import { statfsSync } from 'node:fs'
import os from 'node:os'
import type { JsonObject } from '@agl/types'

const gigabyte = 2 ** 30

/** The machine as its worker reports it, in the words of the Python reference; GB = 2^30 bytes. */
export function createSnapshots(): () => JsonObject {
  const [cpu] = os.cpus()
  let before = cpuTimes()
  return () => {
    const now = cpuTimes()
    const total = now.total - before.total
    const usage = total === 0 ? 0 : (100 * (now.busy - before.busy)) / total
    before = now
    const memTotal = os.totalmem()
    const memUsed = memTotal - os.freemem()
    return {
      timestamp: new Date().toISOString(),
      host: os.hostname(),
      os: `${os.type()} ${os.release()}`,
      cpu_name: cpu?.model.trim() ?? 'unknown',
      cpu_threads: os.availableParallelism(),
      cpu_usage_pct: rounded(usage),
      mem_used_gb: rounded(memUsed / gigabyte),
      mem_total_gb: rounded(memTotal / gigabyte),
      mem_pct: rounded((100 * memUsed) / memTotal),
      ...diskSnapshot(),
      process_rss_gb: rounded(process.memoryUsage.rss() / gigabyte),
    }
  }
}

function cpuTimes(): { readonly busy: number; readonly total: number } {
  let busy = 0
  let total = 0
  for (const { times } of os.cpus()) {
    const sum = times.user + times.nice + times.sys + times.idle + times.irq
    total += sum
    busy += sum - times.idle
  }
  return { busy, total }
}

function diskSnapshot(): JsonObject {
  try {
    const { bsize, blocks, bavail } = statfsSync(process.cwd())
    const total = bsize * blocks
    const used = bsize * (blocks - bavail)
    return {
      disk_used_gb: rounded(used / gigabyte),
      disk_total_gb: rounded(total / gigabyte),
      disk_pct: total === 0 ? 0 : rounded((100 * used) / total),
    }
  } catch {
    // A working directory that is gone, or a file system that does not say.
    return {}
  }
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100
}
