export interface Target {
  send(message: Buffer, critical: boolean): void
}

interface Job {
  readonly message: Buffer
  readonly critical: boolean
  readonly targets: Iterator<Target, void>
}

/** Sockets written to in one turn of the event loop, a few milliseconds. */
const SLICE = 512
/** Broadcasts that may wait for their turn. */
const WAITING = 100

/** Sends one message to many sockets, a slice a turn, so that a large tenant does not hold up everyone else. */
export class Fanout {
  #jobs: Job[] = []

  /** Begins at once when nothing else is under way. False: too many broadcasts wait. */
  start(job: Job): boolean {
    if (this.#jobs.length >= WAITING) return false
    if (this.#jobs.length === 0) {
      this.#jobs.push(job)
      this.#run()
    } else if (job.critical) {
      this.#jobs.splice(this.#firstNormal(), 0, job)
    } else {
      this.#jobs.push(job)
    }
    return true
  }

  stop(): void {
    this.#jobs = []
  }

  #run(): void {
    const job = this.#jobs[0]
    if (job === undefined) return
    for (let sent = 0; sent < SLICE; sent += 1) {
      const next = job.targets.next()
      if (next.done === true) {
        this.#jobs = this.#jobs.filter((other) => other !== job)
        break
      }
      next.value.send(job.message, job.critical)
    }
    if (this.#jobs.length > 0) setImmediate(() => this.#run())
  }

  #firstNormal(): number {
    const at = this.#jobs.findIndex((job) => !job.critical)
    return at < 0 ? this.#jobs.length : at
  }
}
