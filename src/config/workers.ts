import type { Config } from './config.js'
import type { Problem } from './problem.js'

/** Several processes need stores that they can share. */
export function workersProblems({ server, database, redis }: Config): readonly Problem[] {
  const { workers } = server
  if (workers === 1) return []
  const problem = (message: string): Problem => ({
    key: 'server.workers',
    message: `(WORKERS) is ${workers}, but ${message}, or leave WORKERS at 1`,
  })
  return [
    ...(database.kind === 'embedded'
      ? [
          problem(
            'the embedded database belongs to one process: name one of your own (DATABASE_URL or DB_HOST)',
          ),
        ]
      : []),
    ...(redis === null
      ? [
          problem(
            'without Redis each process would have a queue, limits and sockets of its own: name one (REDIS_URL or REDIS_ADDR)',
          ),
        ]
      : []),
  ]
}
