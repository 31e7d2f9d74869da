import pg from 'pg'
import type { Test } from 'tap'
import { addressOf } from '../../src/state/postgres/connection.js'
import type { Daemon } from './daemon.js'
import { type Stack, startStack } from './stack.js'

const ROUND_TRIPS = 5

/** A stack whose database lives at another date. Times are epoch milliseconds by the database's clock. */
export interface TimeTravel {
  readonly stack: Stack
  /** Sets the clock. Daemons measure theirs against it when they begin: those that are named end before and begin anew after. */
  to(time: number, ...daemons: readonly Daemon[]): Promise<void>
  /** What the database's clock shows. */
  now(): number
  /**
   * What it showed at most when this process's clock showed `local`: nobody can know it better than to half a
   * round trip. It is never less than the truth, so that whatever was before a time by it was too early.
   */
  at(local: number): number
}

/** @param at from where its clock runs on */
export async function startTimeTravel(t: Pick<Test, 'teardown'>, at: number): Promise<TimeTravel> {
  const stack = await startStack(t, { at })
  const settings = [{ since: 0, ahead: await mostAhead(stack) }]
  const atMost = (local: number): number =>
    local + Number(settings.findLast(({ since }) => since <= local)?.ahead)
  return {
    stack,
    to: async (time, ...daemons) => {
      await Promise.all(daemons.map((daemon) => daemon.term()))
      const since = Date.now()
      await stack.postgres.jumpTo(time)
      settings.push({ since, ahead: await mostAhead(stack) })
      await Promise.all(daemons.map((daemon) => daemon.restart()))
    },
    now: () => atMost(Date.now()),
    at: atMost,
  }
}

/** How far the database's clock is ahead of this process's at most. */
async function mostAhead({ postgres: { connection } }: Stack): Promise<number> {
  const client = new pg.Client(addressOf(connection))
  await client.connect()
  try {
    let most = Number.POSITIVE_INFINITY
    for (let trip = 0; trip < ROUND_TRIPS; trip += 1) {
      const before = Date.now()
      const { rows } = await client.query<{ now: number }>(
        'SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS now',
      )
      most = Math.min(most, Number(rows[0]?.now) - before)
    }
    return most
  } finally {
    await client.end()
  }
}
