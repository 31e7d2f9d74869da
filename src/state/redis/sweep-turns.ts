import type { SweepTurns } from '../sweeper.js'
import type { RedisConnection } from './connection.js'

/** A key that is there for as long as somebody has the turn. */
export class RedisSweepTurns implements SweepTurns {
  readonly #connection: RedisConnection

  constructor(connection: RedisConnection) {
    this.#connection = connection
  }

  async take(ms: number): Promise<boolean> {
    const { keys } = this.#connection
    return (await this.#connection.run((redis) => redis.set(keys.sweepTurn, '', 'PX', ms, 'NX'))) === 'OK'
  }
}
