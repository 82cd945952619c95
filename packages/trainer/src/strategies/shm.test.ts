import { describeStrategyContract } from '../conformance/index.ts'

describeStrategyContract({ name: 'shm', strategy: 'shm', hasProcesses: false })
