import type { PoisonReason } from '../../model/dead-event.js'

/** A record that is no event. The message says what was expected and quotes nothing. */
export class Unreadable extends Error {
  override readonly name = 'Unreadable'
  readonly reason: PoisonReason

  constructor(message: string, reason: PoisonReason = 'unreadable') {
    super(message)
    this.reason = reason
  }
}
