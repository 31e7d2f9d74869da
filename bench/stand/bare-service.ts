import { type Child, startChild } from './child.js'
import type { DatabaseAddress } from './databases.js'
import { number } from './fields.js'
import { SECRET } from './token.js'

export interface BareService extends Child {
  readonly url: string
  /** Of its process, user and system, since it began. */
  cpuSeconds(): Promise<number>
}

export async function startBareService({ host, port, database }: DatabaseAddress): Promise<BareService> {
  const child = startChild('bare-service')
  const listening = await child.ask('listen', { host, port, database, secret: SECRET })
  return {
    ...child,
    url: `http://127.0.0.1:${number(listening, 'port')}`,
    cpuSeconds: async () => number(await child.ask('cpu'), 'seconds'),
  }
}
