/** Sets the clock of a process wrong before anything else runs: `node --import 'file:///…/skewed-clock.test-support.ts?ms=3600000'`. */
const skewMs = Number(new URL(import.meta.url).searchParams.get('ms'))
const { now } = Date
const { timeOrigin } = performance
Date.now = () => now() + skewMs
Object.defineProperty(performance, 'timeOrigin', { value: timeOrigin + skewMs })
