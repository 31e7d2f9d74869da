import type { SuppressedAddress } from '../../api/ports.js'
import { canonicalAddress, directoryAddress } from '../../model/address.js'
import {
  type Recipient,
  type Standing,
  type SuppressionReason,
  UNKNOWN,
  UNKNOWN_STANDING,
} from '../../model/recipient.js'
import type { Addressee, Recipients, UserAddress } from '../../streams/ports.js'
import { LookupCache } from '../lookup-cache.js'
import type { Changes } from './changes.js'
import { addressKey, LookUp, userKey } from './recipients-look-up.js'
import type { Store } from './store.js'

const TTL_MS = 5 * 60_000
/** How many rules and devices may be remembered for each recipient, on average: few have more than two or three. */
const RULES_EACH = 8

/**
 * Who recipients are and what they have decided, as this instance remembers it. Changes are told by the
 * triggers of the tables; while they may be missed, everything is read anew.
 */
export class PostgresRecipients implements Recipients {
  readonly #store: Store
  readonly #users: LookupCache<Recipient>
  readonly #addresses: LookupCache<SuppressionReason>
  /** Counts what was heard of changes to the suppression list. */
  #suppressionChanges = 0

  /** @param cacheSize how many users are remembered, and how many addresses */
  constructor(store: Store, changes: Changes, { cacheSize }: { readonly cacheSize: number }) {
    this.#store = store
    const options = { max: cacheSize, ttlMs: TTL_MS, enabled: () => changes.listening }
    this.#users = new LookupCache({
      ...options,
      weight: {
        max: cacheSize * (1 + RULES_EACH),
        of: ({ subscriptions, devices }) => subscriptions.length + devices.length,
      },
    })
    this.#addresses = new LookupCache(options)
    changes.on('notification_recipients', ([tenantId = '', userId = '']) =>
      this.forgetUser({ tenantId, userId }),
    )
    changes.on('notification_suppressions', ([tenantId, channel = '', address = '']) => {
      if (tenantId === undefined) this.#forgetAddresses()
      else this.#forgetAddress(addressKey(tenantId, channel, address))
    })
    changes.onGap(() => {
      this.#users.clear()
      this.#forgetAddresses()
    })
  }

  async find(addressees: readonly Addressee[]): Promise<readonly Standing[]> {
    const lookUp = new LookUp(this.#store)
    const changes = this.#suppressionChanges
    const given = addressees.map(({ tenantId, channel, address }) =>
      address === null ? null : addressKey(tenantId, channel, canonicalAddress(channel, address)),
    )
    const [users, reasons] = await Promise.all([
      this.#users.find(addressees.map(userKey), (keys) => lookUp.users(keys)),
      this.#reasons(given, (keys) => lookUp.suppressions(keys)),
    ])
    const listed = addressees.map(({ tenantId, channel, address }, n) => {
      const known = users[n]
      const own = known === undefined || address !== null ? null : directoryAddress(channel, known)
      return own === null ? null : addressKey(tenantId, channel, canonicalAddress(channel, own))
    })
    const ownReasons = await this.#reasons(listed, (keys) =>
      // What came with the users is as good as a look of our own, unless the list has changed since.
      changes === this.#suppressionChanges
        ? lookUp.withUsers(keys)
        : new LookUp(this.#store).suppressions(keys),
    )
    return addressees.map((_, n) => standingOf(users[n], reasons[n] ?? ownReasons[n] ?? null))
  }

  forgetUser(user: UserAddress): void {
    this.#users.forget(userKey(user))
  }

  forgetAddress({ tenantId, channel, address }: SuppressedAddress): void {
    this.#forgetAddress(addressKey(tenantId, channel, canonicalAddress(channel, address)))
  }

  #forgetAddress(key: string): void {
    this.#suppressionChanges += 1
    this.#addresses.forget(key)
  }

  #forgetAddresses(): void {
    this.#suppressionChanges += 1
    this.#addresses.clear()
  }

  /** In the places of the keys. */
  async #reasons(
    keys: readonly (string | null)[],
    load: (missing: readonly string[]) => Promise<ReadonlyMap<string, SuppressionReason>>,
  ): Promise<readonly (SuppressionReason | undefined)[]> {
    const asked = keys.filter((key) => key !== null)
    if (asked.length === 0) return []
    const found = await this.#addresses.find(asked, load)
    let next = 0
    return keys.map((key) => (key === null ? undefined : found[next++]))
  }
}

const standingOf = (recipient: Recipient | undefined, suppression: SuppressionReason | null): Standing =>
  recipient === undefined && suppression === null
    ? UNKNOWN_STANDING
    : { recipient: recipient ?? UNKNOWN, suppression }
