import { parentPort, workerData } from 'node:worker_threads'
import type { EngineSettings } from './engine.js'
import { TaskRunner } from './task-runner.js'
import { IDLE, type Work } from './work.js'

/** The thread's own program: takes work as JSON, answers as JSON. */
export interface WorkerData {
  readonly settings: EngineSettings
  /** One Int32: the number of the text under way. */
  readonly progress: SharedArrayBuffer
}

const { settings, progress }: WorkerData = workerData
const underWay = new Int32Array(progress)
const show = (text: number): void => {
  Atomics.store(underWay, 0, text)
}
const runner = new TaskRunner(settings, show)

parentPort?.on('message', (message: string) => {
  const work: Work = JSON.parse(message)
  const done = runner.run(work)
  show(IDLE)
  parentPort?.postMessage(JSON.stringify(done))
})
show(IDLE)
