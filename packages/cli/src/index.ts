/** The `agl` command as a function, for programs that wrap it. */
export { run, type RunOptions } from './run.ts'
