import type { TextInspector, TextReport, TextToInspect } from '../api/ports.js'
import { Failure } from '../model/failure.js'
import type { Rendered } from '../model/verdict.js'
import type { Renderer, RenderJob } from '../streams/ports.js'
import type { Telemetry } from '../telemetry/telemetry.js'
import type { EngineSettings } from './engine.js'
import type { Job } from './job.js'
import { Pool, type PoolOptions } from './pool.js'
import { failureOf, unavailable } from './refusals.js'
import type { Result } from './results.js'
import { Threads } from './threads.js'
import { isLiquid } from './work.js'

export type RenderingOptions = EngineSettings & PoolOptions

export interface Rendering extends Renderer, TextInspector {
  /** Ends the threads. What is not rendered by then is refused with `shutting_down`. */
  close(): Promise<void>
}

const BASE_HEAP_MB = 96
/** For compiling and rendering the largest text; what liquidjs counts comes to about a fifth of it. */
const HEAP_MB_PER_OUTPUT_KB = 0.25

/**
 * Fills in texts, in threads that are ended when a text gets out of hand.
 * @param entry the threads' program
 */
export function createRendering(
  { maxOutput, timeoutMs, currency, locale, timezone, hardTimeoutMs, maxWaiting }: RenderingOptions,
  telemetry: Telemetry,
  entry: URL = new URL('./worker.js', import.meta.url),
): Rendering {
  const settings = { maxOutput, timeoutMs, currency, locale, timezone }
  const heapMb = BASE_HEAP_MB + Math.ceil((maxOutput / 1_024) * HEAP_MB_PER_OUTPUT_KB)
  const threads = new Threads({ settings, entry, heapMb })
  const pool = new Pool({ timeoutMs, hardTimeoutMs, maxWaiting }, threads, telemetry)

  return {
    render: async (jobs) => {
      const wanted = jobs.map(jobOf)
      const results = await runWanted(pool, wanted)
      return jobs.map((job, n) => renderedOf(job, results[n] ?? null))
    },
    inspect: async (tenantId, texts) => {
      const wanted = texts.map(({ source }) => (isLiquid(source) ? { tenantId, source } : null))
      const results = await runWanted(pool, wanted)
      return texts.map((text, n) => reportOn(text, results[n] ?? null))
    },
    close: () => pool.close(),
  }
}

/** What is null needs no work, and gives null. */
async function runWanted(pool: Pool, wanted: readonly (Job | null)[]): Promise<readonly (Result | null)[]> {
  const jobs = wanted.filter((job) => job !== null)
  const results = jobs.length === 0 ? [] : await pool.run(jobs)
  let next = 0
  return wanted.map((job) => (job === null ? null : (results[next++] ?? unavailable())))
}

function jobOf({ tenantId, title, content, html, locale, timezone, variables }: RenderJob): Job | null {
  const ours = [title, content].map((text) => (isLiquid(text) ? text : null))
  const [liquidTitle = null, liquidContent = null] = ours
  if (liquidTitle === null && liquidContent === null) return null
  return { tenantId, title: liquidTitle, content: liquidContent, html, locale, timezone, variables }
}

function renderedOf({ title, content }: RenderJob, result: Result | null): Rendered | Failure {
  if (result === null) return { title: oneLine(title), content }
  if (result instanceof Failure) return result
  if ('code' in result) return failureOf(`/${result.part}`, result)
  if ('variables' in result) return unavailable()
  return { title: oneLine(result.title ?? title), content: result.content ?? content }
}

function reportOn({ field }: TextToInspect, result: Result | null): TextReport {
  if (result === null) return { variables: [], failure: null }
  if (result instanceof Failure) return { variables: [], failure: result }
  if ('code' in result) return { variables: [], failure: failureOf(field, result) }
  return 'variables' in result
    ? { variables: result.variables, failure: null }
    : { variables: [], failure: unavailable() }
}

/** A title becomes a header of mail, or one line on a screen. */
const oneLine = (title: string): string => title.replaceAll(/[\r\n]+/g, ' ')
