import { configuration } from './processes/configuration.js'

const config = configuration()
// Each way loads only what it needs: the supervisor stays small, and one process has nothing to do with several.
if (config.server.workers > 1) {
  const { supervise } = await import('./processes/supervisor.js')
  await supervise(config)
} else {
  const { runAlone } = await import('./processes/alone.js')
  runAlone(config)
}
