import type { Bounces } from '../../api/ports.js'
import type { Statement, Store } from './store.js'

const MARK: Statement = {
  name: 'bounces_mark',
  text: `UPDATE notifications SET reason = $3, updated_at = now()
    WHERE id = $1 AND tenant_id = $2 AND channel = 'email' AND status = 'sent' RETURNING true`,
}

/** Mail that a server took and that came back all the same: it stays `sent`, and the reason tells. */
export class PostgresBounces implements Bounces {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  async mark(tenantId: string, notificationId: string, reason: 'bounced' | 'complained'): Promise<boolean> {
    return (await this.#store.run(MARK, [notificationId, tenantId, reason])).length > 0
  }
}
