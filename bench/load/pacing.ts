/**
 * Open loop: calls back for each of `total` in turn at its time by schedule, whatever became of those
 * before. So a stall is felt by all that fall into it. Resolves when the last one was begun.
 */
export function paced(rate: number, total: number, begin: (n: number, dueAt: number) => void): Promise<void> {
  return new Promise((resolve) => {
    const began = performance.now()
    let next = 0
    const timer = setInterval(() => {
      const now = performance.now()
      for (; next < total && began + (next * 1000) / rate <= now; next += 1) {
        begin(next, began + (next * 1000) / rate)
      }
      if (next < total) return
      clearInterval(timer)
      resolve()
    }, 1)
  })
}
