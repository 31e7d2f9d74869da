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
    const client = await this.#pool.connect().catch((error: unknown) => {
      throw away(error)
    })
    // A connection that breaks tells its statement and besides emits this, which nobody else hears while it is out.
    const onLost = (): void => undefined
    client.on('error', onLost)
    try {
      const { rows } = await client.query<Row>({ ...statement, values: [...values] })
      client.off('error', onLost)
      client.release()
      return rows
    } catch (error) {
      // A statement that was refused leaves the connection as good as it was, and its statements prepared.
      // The one that is thrown away keeps its listener: its socket may fail once more.
      if (!isAway(error)) client.off('error', onLost)
      client.release(isAway(error))
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
