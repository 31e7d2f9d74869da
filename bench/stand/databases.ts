import { chmod, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { addressOf, type Connection } from '../../src/state/postgres/connection.js'
import { prepareCluster } from '../../src/state/postgres/embedded-cluster.js'
import { launch, type Server, shutDown } from '../../src/state/postgres/embedded-server.js'
import { migrate } from '../../src/state/postgres/migrate.js'
import { createLog } from '../../src/telemetry/log.js'
import { endWithUs } from './end-with-us.js'

export type DatabaseAddress = Extract<Connection, { kind: 'params' }>

/** One PostgreSQL with the settings of the embedded mode, fsync on; a database for each who asks. */
export class Databases {
  readonly #server: Server
  readonly #release: () => void
  #made = 0

  private constructor(server: Server) {
    this.#server = server
    this.#release = endWithUs(server.pid, 'QUIT')
  }

  static async start(folder: string): Promise<Databases> {
    // The server runs as a user of its own, who has to get through to its folder.
    await chmod(folder, 0o755)
    const dataDir = join(folder, 'cluster')
    await mkdir(dataDir)
    return new Databases(await launch(await prepareCluster(dataDir)))
  }

  /** A new database with the schema of the service. */
  async create(): Promise<DatabaseAddress> {
    const { connection } = this.#server
    if (connection.kind !== 'params') throw new Error('the embedded PostgreSQL is reached by parameters')
    this.#made += 1
    const address = { ...connection, database: `bench_${this.#made}` }
    const client = new pg.Client(addressOf(connection))
    await client.connect()
    await client.query(`CREATE DATABASE ${address.database}`)
    await client.end()
    await migrate(address, createLog('silent'))
    return address
  }

  async stop(): Promise<void> {
    await shutDown(this.#server)
    this.#release()
  }
}

/** One question over a connection of its own. */
export async function ask<Row extends pg.QueryResultRow>(
  address: DatabaseAddress,
  text: string,
): Promise<Row[]> {
  const client = new pg.Client(addressOf(address))
  await client.connect()
  try {
    return (await client.query<Row>(text)).rows
  } finally {
    await client.end()
  }
}
