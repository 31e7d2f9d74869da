import type { Readable } from 'node:stream'
import { Failure } from '../../model/failure.js'
import type { Telemetry } from '../../telemetry/telemetry.js'
import { jobAnswer } from '../answers.js'
import type { JobProgress, Jobs } from '../ports.js'
import { StateStream } from './state-stream.js'

export interface JobStreamOptions {
  /** Streams at once in this instance. */
  readonly most: number
  /** Of one tenant: the others find room, too. */
  readonly mostOfTenant: number
  /** Pause between two looks at a job, in milliseconds. */
  readonly lookMs: number
  readonly keepAliveMs: number
  /** Of one stream; its client connects again. */
  readonly longestMs: number
}

const USUAL: JobStreamOptions = {
  most: 1_000,
  mostOfTenant: 500,
  lookMs: 500,
  keepAliveMs: 15_000,
  longestMs: 3_600_000,
}
const RETRY_MS = 1_000
/** Jobs that are looked at side by side: many streams must not take the connections of everybody else. */
const LOOKS_AT_ONCE = 4

/** A job and who listens to it. */
interface Watched {
  readonly tenantId: string
  readonly id: string
  /** As it was shown last. */
  text: string
  readonly listeners: Set<StateStream>
}

export const noJob = (): Failure => new Failure('not_found', 'there is no such job')

/** Streams of the progress of jobs: one look at a job for all who listen to it. */
export class JobStreams {
  readonly #jobs: Pick<Jobs, 'find'>
  readonly #telemetry: Telemetry
  readonly #options: JobStreamOptions
  readonly #watched = new Map<string, Watched>()
  readonly #streams = new Set<StateStream>()
  #opening = 0
  #looking: NodeJS.Timeout | undefined
  #keepingAlive: NodeJS.Timeout | undefined
  #closed = false

  constructor(jobs: Pick<Jobs, 'find'>, telemetry: Telemetry, options: Partial<JobStreamOptions> = {}) {
    this.#jobs = jobs
    this.#telemetry = telemetry
    this.#options = { ...USUAL, ...options }
  }

  /**
   * Rejects with `not_found`, `too_many_connections` or `shutting_down`. Whoever reads it destroys it when its
   * client is gone.
   * @param until epoch milliseconds when the token expires
   */
  async open(tenantId: string, id: string, until: number): Promise<Readable> {
    this.#admit(tenantId)
    this.#opening += 1
    const job = await this.#jobs.find(tenantId, id).finally(() => {
      this.#opening -= 1
    })
    if (job === null) throw noJob()
    this.#admit(tenantId)
    const stream = new StateStream(RETRY_MS)
    const text = textOf(job)
    stream.show('progress', text)
    if (isOver(job)) stream.finish({ event: 'completed', json: text })
    else this.#listen(stream, tenantId, id, text, until)
    return stream
  }

  /** Ends all of them: their clients connect to another instance. */
  close(): void {
    this.#closed = true
    clearTimeout(this.#looking)
    clearInterval(this.#keepingAlive)
    for (const stream of this.#streams) {
      if (stream.isStuck) stream.destroy()
      else stream.finish()
    }
  }

  #admit(tenantId: string): void {
    if (this.#closed)
      throw new Failure('shutting_down', 'this instance is stopping', { retryAfterMs: RETRY_MS })
    const { most, mostOfTenant } = this.#options
    if (this.#streams.size + this.#opening >= most) throw full(`there are ${most} event streams`)
    if (this.#listenersOf(tenantId) >= mostOfTenant)
      throw full(`there are ${mostOfTenant} event streams of this tenant`)
  }

  #listenersOf(tenantId: string): number {
    let listeners = 0
    for (const watched of this.#watched.values())
      if (watched.tenantId === tenantId) listeners += watched.listeners.size
    return listeners
  }

  #listen(stream: StateStream, tenantId: string, id: string, text: string, until: number): void {
    const key = `${tenantId}\n${id}`
    const watched = this.#watched.get(key) ?? { tenantId, id, text, listeners: new Set() }
    this.#watched.set(key, watched)
    // One of the two is older than what others have seen: the next look shows the newest to all.
    if (watched.text !== text) watched.text = ''
    watched.listeners.add(stream)
    this.#streams.add(stream)
    const end = setTimeout(() => stream.finish(), Math.min(until - Date.now(), this.#options.longestMs))
    stream.once('close', () => {
      clearTimeout(end)
      watched.listeners.delete(stream)
      this.#streams.delete(stream)
      if (watched.listeners.size === 0 && this.#watched.get(key) === watched) this.#watched.delete(key)
      if (this.#streams.size === 0) this.#rest()
      this.#telemetry.metrics.jobStreams.set(this.#streams.size)
    })
    this.#telemetry.metrics.jobStreams.set(this.#streams.size)
    this.#wake()
  }

  #wake(): void {
    this.#looking ??= setTimeout(() => this.#look(), this.#options.lookMs)
    this.#keepingAlive ??= setInterval(() => this.#keepAlive(), this.#options.keepAliveMs)
  }

  #rest(): void {
    clearInterval(this.#keepingAlive)
    this.#keepingAlive = undefined
  }

  async #look(): Promise<void> {
    const jobs = [...this.#watched.values()]
    const failures: unknown[] = []
    for (let n = 0; n < jobs.length; n += LOOKS_AT_ONCE) {
      const some = jobs.slice(n, n + LOOKS_AT_ONCE).map((watched) => this.#lookAt(watched))
      for (const result of await Promise.allSettled(some))
        if (result.status === 'rejected') failures.push(result.reason)
    }
    if (failures.length > 0)
      this.#telemetry.log.event('job.unavailable', { err: failures[0], jobs: failures.length })
    this.#looking = undefined
    if (this.#watched.size > 0 && !this.#closed) this.#wake()
  }

  async #lookAt(watched: Watched): Promise<void> {
    const job = await this.#jobs.find(watched.tenantId, watched.id)
    const text = job === null ? '' : textOf(job)
    const changed = text !== watched.text
    watched.text = text
    for (const stream of watched.listeners) {
      if (changed && job !== null) stream.show('progress', text)
      if (job === null) stream.finish()
      else if (isOver(job)) stream.finish({ event: 'completed', json: text })
    }
  }

  #keepAlive(): void {
    for (const stream of this.#streams) if (!stream.keepAlive()) stream.destroy()
  }
}

const full = (message: string): Failure =>
  new Failure('too_many_connections', message, { retryAfterMs: 5_000 })

const textOf = (job: JobProgress): string => JSON.stringify(jobAnswer(job))
const isOver = (job: JobProgress): boolean => jobAnswer(job).progress === 1
