import type { Round } from '../measure.js'

/** Does a piece of work over and over, a fixed number at a time. */
export async function atOnce(number: number, seconds: number, work: () => Promise<unknown>): Promise<Round> {
  const began = performance.now()
  const until = began + seconds * 1000
  let done = 0
  const worker = async (): Promise<void> => {
    while (performance.now() < until) {
      await work()
      done += 1
    }
  }
  await Promise.all(Array.from({ length: number }, worker))
  return { perSecond: (done * 1000) / (performance.now() - began) }
}
