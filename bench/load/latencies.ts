import { createHistogram } from 'node:perf_hooks'

const LONGEST_US = 600_000_000

/** Latencies in an HDR histogram: to the microsecond, with three digits. */
export class Latencies {
  readonly #histogram = createHistogram({ lowest: 1, highest: LONGEST_US, figures: 3 })

  get count(): number {
    return this.#histogram.count
  }

  record(ms: number): void {
    this.#histogram.record(Math.min(LONGEST_US, Math.max(1, Math.round(ms * 1000))))
  }

  /** In milliseconds. */
  summary(): { readonly p50: number; readonly p99: number; readonly max: number } {
    const at = (percentile: number): number => this.#histogram.percentile(percentile) / 1000
    return { p50: at(50), p99: at(99), max: this.#histogram.max / 1000 }
  }
}

/** Milliseconds of a clock that all processes of the machine share and nobody sets. */
export const sharedNow = (): number => Number(process.hrtime.bigint()) / 1e6
