export { type RunnerSettings, trainerDefaults, type TrainerOptions } from './options.ts'
export { createTrainer, type FitOptions, type Trainer } from './trainer.ts'
