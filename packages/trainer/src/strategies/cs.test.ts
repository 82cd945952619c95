import { describeStrategyContract } from '../conformance/index.ts'

describeStrategyContract({ name: 'cs', strategy: { type: 'cs', port: 0, drainMs: 200 }, hasProcesses: true })
