import { configuration } from './processes/configuration.js'
import { runWorker } from './processes/supervised.js'

// One of several processes behind one port; `main.ts` starts them.
runWorker(configuration())
