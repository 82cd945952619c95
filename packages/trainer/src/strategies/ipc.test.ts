import { describeStrategyContract } from '../conformance/index.ts'

describeStrategyContract({ name: 'ipc', strategy: 'ipc', hasProcesses: true })
