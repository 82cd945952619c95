/** Heavy work of algorithms in threads of its own, with a bound. */
export { createJobPool, type JobPool, jobPoolDefaults, type JobPoolOptions } from './job-pool.ts'
