import { startEmbedded } from '../../src/state/postgres/embedded.js'
import { silentLog } from './postgres.js'

// A process that uses the DATA_DIR given as its argument until it is killed.
const [, , dataDir] = process.argv
if (!dataDir) throw new Error('Name the DATA_DIR')
await startEmbedded({ dataDir, log: silentLog(), onLost: () => process.exit(1) })
process.send?.('ready')
