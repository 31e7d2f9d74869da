import { once } from 'node:events'
import { SMTPServer } from 'smtp-server'
import { answering } from '../stand/answering.js'
import { portOf } from '../stand/port.js'

/** Takes every mail and forgets it. */
answering({
  async listen() {
    const server = new SMTPServer({
      logger: false,
      disableReverseLookup: true,
      authOptional: true,
      hideSTARTTLS: true,
      onData: (stream, _session, done) => {
        stream.resume()
        stream.on('end', () => done())
      },
    })
    // Clients that are done with hang up.
    server.on('error', () => undefined)
    const listening = server.listen(0, '127.0.0.1')
    await once(listening, 'listening')
    return { port: portOf(listening.address()) }
  },
})
