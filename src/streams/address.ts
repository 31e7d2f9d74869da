import { ADDRESS_FIELD, DEVICES_FIELD, directoryMetadata, lacksAddress } from '../model/address.js'
import { Failure } from '../model/failure.js'
import type { Verdict } from '../model/verdict.js'
import type { Subject } from './envelope.js'
import type { Stage } from './stage.js'

/**
 * Fills in the address from the recipients directory where the sender gave none. It is kept with the
 * notification only once that is on its way, so that what waits goes to the address of that day.
 */
export function addressing(): Stage {
  return {
    name: 'address',
    concerns: ({ notification: { channel, metadata } }) => lacksAddress(channel, metadata),
    check: async (subjects) => subjects.map(addressed),
  }
}

function addressed({ notification, standing }: Subject): Verdict {
  const { channel, metadata } = notification
  const known = directoryMetadata(channel, standing.recipient)
  if (known === null) {
    const field = ADDRESS_FIELD[channel] ?? DEVICES_FIELD
    const message = `is required: the recipients directory has no ${channel} address of this user`
    return { kind: 'reject', failure: Failure.field('invalid_address', `/metadata/${field}`, message) }
  }
  return { kind: 'pass', notification: { ...notification, metadata: { ...metadata, ...known } } }
}
