/** Rules over metrics, told when they are broken. */
export { createThresholds, type Thresholds, type ThresholdsOptions } from './create-thresholds.ts'
export { thresholdDefaults, type ThresholdEvent, type ThresholdHook, type ThresholdRule, thresholdRuleSchema } from './rules.ts'
export type { ThresholdClock } from './watch-value.ts'
