import { openDatabase } from '../app/database.js'
import { loadConfig } from '../config/load.js'
import { createLog } from '../telemetry/log.js'

/** What every start does too; for those who want it done before. */
export async function migrateCommand(): Promise<void> {
  const config = loadConfig()
  const log = createLog(config.log.level)
  const database = await openDatabase(config, log, (error) => {
    throw error
  })
  await database.close()
  log.flush()
}
