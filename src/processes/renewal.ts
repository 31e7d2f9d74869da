import { loadConfig } from '../config/load.js'
import type { Log } from '../telemetry/log.js'
import type { Crew } from './crew.js'

/** Rolling restarts, one at a time: who asks during one is given another when it is over. */
export class Renewal {
  readonly #crew: Pick<Crew, 'renew'>
  readonly #log: Log
  #running = false
  #askedAgain = false

  constructor(crew: Pick<Crew, 'renew'>, log: Log) {
    this.#crew = crew
    this.#log = log
  }

  ask(): void {
    if (this.#running) this.#askedAgain = true
    else void this.#run()
  }

  async #run(): Promise<void> {
    this.#running = true
    do {
      this.#askedAgain = false
      await this.#renew()
    } while (this.#askedAgain)
    this.#running = false
  }

  /** A configuration that was spoilt, or a version that cannot start, leaves the workers that run as they are. */
  async #renew(): Promise<void> {
    this.#log.event('supervisor.renewing')
    try {
      loadConfig()
      await this.#crew.renew()
      this.#log.event('supervisor.renewed')
    } catch (err) {
      this.#log.event('supervisor.renewal_failed', { err })
    }
  }
}
