import { givenAddress } from '../model/address.js'
import { UNKNOWN_STANDING } from '../model/recipient.js'
import { PASS, type Verdict } from '../model/verdict.js'
import type { Recipients } from './ports.js'
import type { Stage } from './stage.js'

/** Finds out who everybody in the batch is and what they have decided, for the stages that follow. */
export function lookUpRecipients(recipients: Recipients): Stage {
  return {
    name: 'recipients',
    concerns: () => true,
    check: async (subjects) => {
      const standings = await recipients.find(
        subjects.map(({ notification: { tenantId, userId, channel, metadata } }) => ({
          tenantId,
          userId,
          channel,
          address: givenAddress(channel, metadata),
        })),
      )
      return standings.map(
        (standing): Verdict => (standing === UNKNOWN_STANDING ? PASS : { kind: 'pass', standing }),
      )
    },
  }
}
