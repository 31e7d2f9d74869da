import type { Failure } from '../model/failure.js'
import type { Job } from './job.js'
import type { LaneResult } from './lane.js'
import { closing, overloaded } from './refusals.js'
import type { Answer, Done } from './work.js'

export type Result = Answer | Failure

/** What has become of the jobs of one call. */
export class Results {
  readonly #found = new Map<Job, Result>()

  get(job: Job): Result | undefined {
    return this.#found.get(job)
  }

  set(job: Job, result: Result): void {
    this.#found.set(job, result)
  }

  /** Takes what a thread has answered; gives what it has put back, and the time that went into slow tasks. */
  take(jobs: readonly Job[], message: string): { readonly putBack: readonly Job[]; readonly slowMs: number } {
    const { answers, slowMs }: Done = JSON.parse(message)
    const putBack = jobs.filter((job, n) => {
      const answer = answers[n] ?? null
      if (answer !== null) this.#found.set(job, answer)
      return answer === null
    })
    return { putBack, slowMs }
  }

  refuse(jobs: readonly Job[], why: Exclude<LaneResult['kind'], 'done' | 'lost'>): void {
    const failure = why === 'closed' ? closing() : overloaded('too many wait already')
    this.fail(jobs, failure)
  }

  fail(jobs: readonly Job[], failure: Failure): void {
    for (const job of jobs) this.#found.set(job, failure)
  }
}
