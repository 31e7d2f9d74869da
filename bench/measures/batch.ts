import { batchBody } from '../load/bodies.js'
import type { Measure, Round } from '../measure.js'
import { alternate, figure, MILLISECONDS } from '../rounds.js'
import { bothServices } from '../stand/both-services.js'
import { post } from '../stand/post.js'
import { senderToken } from '../stand/token.js'

const USERS = Array.from({ length: 1_000 }, (_, n) => n)
const BATCHES = 10

/** `POST /notifications/batch` to 1000 users, in-app: with the answer all of them are sent. */
export const batch: Measure = {
  name: 'batch',
  async run(stand, { rounds }) {
    const { daemon, bare } = await bothServices(stand)
    const token = await senderToken()
    const body = batchBody('in_app', USERS, 0)
    const send = async (url: string): Promise<Round> => {
      const began = performance.now()
      const answer = await post(url, '/api/v1/notifications/batch', token, body)
      const ms = performance.now() - began
      if (!isCompleted(answer)) throw new Error('the batch was not all sent')
      return { ms }
    }
    for (let n = 0; n < BATCHES; n += 1) {
      await send(daemon.url)
      await send(bare.url)
    }
    const found = await alternate(
      rounds * BATCHES,
      () => send(daemon.url),
      () => send(bare.url),
    )
    return [
      figure(`batch of ${USERS.length} in_app, to the answer`, 'ms', MILLISECONDS, found, {
        reach: { value: 500 },
      }),
    ]
  },
}

const isCompleted = (answer: unknown): boolean =>
  typeof answer === 'object' && answer !== null && 'status' in answer && answer.status === 'completed'
