import type { LookupAddress } from 'node:dns'
import dns from 'node:dns/promises'
import type { LookupFunction } from 'node:net'
import { OutboundError } from './error.js'
import { isPublicAddress } from './public-address.js'

/** Every address of a host name. */
export type Lookup = (hostname: string) => Promise<readonly LookupAddress[]>

export interface LookupOptions {
  readonly allowPrivate: boolean
  /** Milliseconds one name may take. */
  readonly timeoutMs: number
  /** The system's resolver by default. */
  readonly lookup?: Lookup | undefined
  /** How many names may be under way at once; 256 by default. */
  readonly maxPending?: number | undefined
}

const systemLookup: Lookup = (hostname) => dns.lookup(hostname, { all: true })

/**
 * A `lookup` for `net.connect` that hands out public addresses only. The socket connects to what it
 * is handed and resolves nothing a second time, so a name cannot change its mind (DNS rebinding)
 * between check and connection. Where an answer mixes public and private addresses the public ones
 * are used: with DNS64 that is what an honest name looks like.
 *
 * The system's resolver cannot be interrupted: what has run into the deadline still counts as
 * pending until it returns, and askers of the same name share it.
 *
 * Fails with `OutboundError` or the resolver's own error.
 */
export function checkedLookup(options: LookupOptions): LookupFunction {
  const { allowPrivate, timeoutMs, lookup = systemLookup, maxPending = 256 } = options
  const pending = new Map<string, Promise<readonly LookupAddress[]>>()

  async function resolve(hostname: string): Promise<readonly LookupAddress[]> {
    const shared = pending.get(hostname)
    if (shared !== undefined) return shared
    if (pending.size >= maxPending)
      throw new OutboundError('LOOKUP_BUSY', 'too many names are being resolved')
    const answer = lookup(hostname).finally(() => pending.delete(hostname))
    pending.set(hostname, answer)
    return answer
  }

  async function admitted(hostname: string): Promise<[LookupAddress, ...LookupAddress[]]> {
    const answer = await beforeDeadline(resolve(hostname), timeoutMs)
    const [first, ...others] = allowPrivate
      ? answer
      : answer.filter(({ address }) => isPublicAddress(address))
    if (first === undefined) throw new OutboundError('ADDRESS_REFUSED', `${hostname} has no public address`)
    return [first, ...others]
  }

  return (hostname, { all }, callback) => {
    admitted(hostname).then(
      (addresses) => {
        if (all) callback(null, addresses)
        else callback(null, addresses[0].address, addresses[0].family)
      },
      (error: NodeJS.ErrnoException) => callback(error, []),
    )
  }
}

function beforeDeadline<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = () => reject(new OutboundError('LOOKUP_TIMEOUT', `no answer from DNS in ${timeoutMs} ms`))
    // Not a reason to stay alive: who asked may have gone.
    const timer = setTimeout(late, timeoutMs).unref()
    work.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}
