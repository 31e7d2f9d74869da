import pg from 'pg'
import { Failure } from '../../model/failure.js'

/** A statement that is prepared once a connection. */
export interface Statement {
  readonly name: string
  readonly text: string
}

/** SQLSTATE classes that speak of the server, not of the statement: PostgreSQL manual, appendix A. */
const AWAY_CLASSES = ['08', '53', '57', '58']
/** Serialisation failure, deadlock: the same statement may succeed a moment later. */
const AWAY_CODES = ['40001', '40P01']

/** Runs statements, one round trip each. Rejects with `store_unavailable` when the server is away or busy. */
export class Store {
  readonly #pool: pg.Pool

  constructor(pool: pg.Pool) {
    this.#pool = pool
  }

  async run<Row extends pg.QueryResultRow>(
    statement: Statement,
    values: readonly unknown[] = [],
  ): Promise<Row[]> {
    try {
      const { rows } = await this.#pool.query<Row>({ ...statement, values: [...values] })
      return rows
    } catch (error) {
      throw isAway(error) ? away(error) : error
    }
  }
}

function isAway(error: unknown): boolean {
  // What the server refused has a SQLSTATE; everything else is a connection that failed or timed out.
  if (!(error instanceof pg.DatabaseError)) return true
  const code = error.code ?? ''
  return AWAY_CLASSES.includes(code.slice(0, 2)) || AWAY_CODES.includes(code)
}

const away = (cause: unknown): Failure =>
  new Failure('store_unavailable', 'the store does not answer', { cause, retryAfterMs: 1_000 })
