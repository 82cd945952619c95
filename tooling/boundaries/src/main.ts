// Holds the layout of the workspace: who may import whom, what must be declared, and the files every package has.
import path from 'node:path'
import { checkBoundaries, formatProblem } from './check.ts'

const { problems, packages, files } = checkBoundaries(path.resolve(import.meta.dirname, '../../..'))
for (const problem of problems) console.log(formatProblem(problem))
console.log(`${packages} packages, ${files} files: ${problems.length} problems`)
if (problems.length > 0) process.exitCode = 1
