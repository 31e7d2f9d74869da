import type { Test } from 'tap'
import { Failure } from '../../src/model/failure.js'
import type { Rendered } from '../../src/model/verdict.js'
import { createRendering, type Rendering, type RenderingOptions } from '../../src/rendering/rendering.js'
import type { RenderJob } from '../../src/streams/ports.js'
import { recordedTelemetry } from '../support/telemetry.js'

export const OPTIONS: RenderingOptions = {
  maxOutput: 262_144,
  timeoutMs: 100,
  hardTimeoutMs: 400,
  maxWaiting: 5_000,
  currency: 'CNY',
  locale: 'en-US',
  timezone: 'Asia/Shanghai',
}

/** For texts that are not to blame, however busy the machine is. */
export const PATIENT = { timeoutMs: 5_000, hardTimeoutMs: 20_000 }

/** liquidjs looks at the clock between tags; this one is a single tag that takes half a minute. */
export const HANGING = `{{ (1..900000) | sum: "${Array(2_000).fill('a').join('.')}" }}`

export function aRendering(t: Test, options: Partial<RenderingOptions> = {}, entry?: URL) {
  const telemetry = recordedTelemetry()
  const rendering = createRendering({ ...OPTIONS, ...options }, telemetry, entry)
  t.teardown(() => rendering.close())
  return { rendering, ...telemetry }
}

export const aJob = (job: Partial<RenderJob> = {}): RenderJob => ({
  tenantId: 'acme',
  title: 'Hello',
  content: 'Hello {{ name }}',
  html: false,
  variables: { name: 'Zoë' },
  locale: null,
  timezone: null,
  ...job,
})

export async function rendered(rendering: Rendering, job: Partial<RenderJob>): Promise<Rendered> {
  const [result] = await rendering.render([aJob(job)])
  if (result === undefined || result instanceof Failure) throw result ?? new Error('nothing was rendered')
  return result
}

export async function failure(rendering: Rendering, job: Partial<RenderJob>): Promise<Failure> {
  const [result] = await rendering.render([aJob(job)])
  if (result instanceof Failure) return result
  throw new Error(`rendered: ${JSON.stringify(result)}`)
}

/** A program for a thread. */
export const program = (code: string): URL =>
  new URL(
    `data:text/javascript,${encodeURIComponent(`import { parentPort, workerData } from 'node:worker_threads'\n${code}`)}`,
  )
