export { report } from './report.ts'
export { type PriceTask, priceOf, readTasks, score } from './tasks.ts'
