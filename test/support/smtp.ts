import { execFile } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { promisify } from 'node:util'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'

interface Teardown {
  teardown(handler: () => Promise<void>): void
}

export interface ReceivedMail {
  readonly from: string
  readonly to: readonly string[]
  readonly raw: string
  readonly secure: boolean
  readonly user: string | null
}

export interface SmtpReceiver {
  readonly port: number
  readonly mails: readonly ReceivedMail[]
  /** Connections that were opened, ever. */
  readonly opened: number
  /** Connections that are open now. */
  readonly open: number
}

/** A real SMTP server that takes everything and keeps it. `options` may refuse. */
export async function startSmtp(t: Teardown, options: SMTPServerOptions = {}): Promise<SmtpReceiver> {
  const mails: ReceivedMail[] = []
  let opened = 0
  const server = new SMTPServer({
    logger: false,
    disableReverseLookup: true,
    authOptional: true,
    hideSTARTTLS: options.key === undefined,
    ...options,
    onConnect: (session, done) => {
      opened += 1
      if (options.onConnect === undefined) done()
      else options.onConnect(session, done)
    },
    onData: (stream, session, done) => {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        mails.push({
          from: session.envelope.mailFrom === false ? '' : session.envelope.mailFrom.address,
          to: session.envelope.rcptTo.map(({ address }) => address),
          raw: Buffer.concat(chunks).toString('utf8'),
          secure: session.secure,
          user: typeof session.user === 'string' ? session.user : null,
        })
        done(null, `2.0.0 Ok: queued as Q${mails.length}`)
      })
    },
  })
  // A client that aborts resets its connection; that is what some tests are about.
  server.on('error', () => {})
  const listening = server.listen(0, '127.0.0.1')
  await once(listening, 'listening')
  t.teardown(() => {
    for (const connection of server.connections) connection.close()
    return new Promise((resolve) => server.close(resolve))
  })
  return {
    port: portOf(listening),
    mails,
    get opened() {
      return opened
    },
    get open() {
      return server.connections.size
    },
  }
}

/** Where a conversation stands when the stand-in decides. `body`: in the text, before its final dot. */
export type SmtpStep =
  | 'greeting'
  | 'EHLO'
  | 'STARTTLS'
  | 'AUTH'
  | 'MAIL'
  | 'RCPT'
  | 'DATA'
  | 'body'
  | 'dot'
  | 'RSET'
  | 'QUIT'

/** A reply without its line end, or what else to do. */
export type SmtpAction = string | { readonly misbehave: 'drop' | 'hang' | 'drip' }
export const DROP: SmtpAction = { misbehave: 'drop' }
export const HANG: SmtpAction = { misbehave: 'hang' }
/** A tarpit: a reply without an end, a few bytes at a time, so that it is never silent. */
export const DRIP: SmtpAction = { misbehave: 'drip' }
const DRIP_MS = 10

const USUAL: Readonly<Record<SmtpStep, string>> = {
  greeting: '220 stand-in ESMTP',
  EHLO: '250-stand-in\r\n250 8BITMIME',
  STARTTLS: '502 5.5.1 not here',
  AUTH: '235 2.7.0 ok',
  MAIL: '250 2.1.0 ok',
  RCPT: '250 2.1.5 ok',
  DATA: '354 go on',
  body: '',
  dot: '250 2.0.0 Ok: queued as RAW',
  RSET: '250 2.0.0 ok',
  QUIT: '221 2.0.0 bye',
}

export interface SmtpStandIn {
  readonly port: number
  /** The texts whose final dot was seen, whatever was answered. */
  readonly taken: readonly string[]
  readonly opened: number
  /** Every command line, as it came. */
  readonly lines: readonly string[]
  /** Resolves when a connection (1 is the first) gets to a step. */
  reached(step: SmtpStep, connection: number): Promise<void>
  /** Resolves when a connection is gone. */
  gone(connection: number): Promise<void>
}

/** Speaks SMTP on a bare socket and misbehaves where `act` says so; undefined is the usual reply. */
export async function startStandIn(
  t: Teardown,
  act: (step: SmtpStep, connection: number) => SmtpAction | undefined,
): Promise<SmtpStandIn> {
  const events = new EventEmitter()
  const past = new Set<string>()
  const taken: string[] = []
  const lines: string[] = []
  const sockets = new Set<Socket>()
  let opened = 0
  const happened = (name: string): void => {
    past.add(name)
    events.emit(name)
  }
  const wait = async (name: string): Promise<void> => {
    if (!past.has(name)) await once(events, name)
  }
  const server: Server = createServer((socket) => {
    opened += 1
    const connection = opened
    let pending = ''
    let inText = false
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => {
      sockets.delete(socket)
      happened(`gone ${connection}`)
    })
    const step = (name: SmtpStep): void => {
      const action = act(name, connection) ?? USUAL[name]
      happened(`${name} ${connection}`)
      if (typeof action === 'string') {
        if (action !== '') socket.write(`${action}\r\n`)
        if (name === 'DATA') inText = action.startsWith('3')
        if (name === 'QUIT') socket.end()
      } else if (action.misbehave === 'drop') {
        socket.destroy()
      } else if (action.misbehave === 'drip') {
        const dripping = setInterval(() => socket.write('250-w'), DRIP_MS)
        socket.on('close', () => clearInterval(dripping))
      }
    }
    socket.on('data', (chunk) => {
      pending += chunk.toString('utf8')
      if (inText) step('body')
      for (;;) {
        const end = inText ? '\r\n.\r\n' : '\r\n'
        const at = pending.indexOf(end)
        if (at < 0 || socket.destroyed) return
        const part = pending.slice(0, at)
        pending = pending.slice(at + end.length)
        if (inText) {
          inText = false
          taken.push(part)
          step('dot')
        } else {
          lines.push(part)
          step(stepOf(part))
        }
      }
    })
    step('greeting')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(async () => {
    for (const socket of sockets) socket.destroy()
    server.close()
    await once(server, 'close')
  })
  return {
    port: portOf(server),
    taken,
    lines,
    get opened() {
      return opened
    },
    reached: (step, connection) => wait(`${step} ${connection}`),
    gone: (connection) => wait(`gone ${connection}`),
  }
}

function stepOf(line: string): SmtpStep {
  const verb = line.split(' ', 1)[0]?.toUpperCase()
  const known = (['STARTTLS', 'AUTH', 'MAIL', 'RCPT', 'DATA', 'RSET', 'QUIT'] as const).find(
    (s) => s === verb,
  )
  return known ?? 'EHLO'
}

function portOf(server: Server): number {
  const address: AddressInfo | string | null = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server does not listen on a port')
  return address.port
}

/** A self-signed certificate for `localhost` and 127.0.0.1, made now and good for a day. */
export async function makeCertificate(): Promise<{ readonly key: string; readonly cert: string }> {
  const { stdout } = await promisify(execFile)('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1'],
    ...['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
    ...['-keyout', '-', '-out', '-'],
  ])
  const at = stdout.indexOf('-----BEGIN CERTIFICATE-----')
  return { key: stdout.slice(0, at), cert: stdout.slice(at) }
}
