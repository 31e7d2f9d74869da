import { type Static, Type } from 'typebox'
import { NullableText, oneOf } from './values.js'

/** Read by the route itself: it is mail, not JSON. */
export const ReportBody = Type.Unsafe<Buffer>({
  type: 'string',
  description: 'A delivery report (RFC 3464) or a complaint (RFC 5965), as it lies in the mailbox.',
})

export const BouncesAnswer = Type.Object({
  kind: oneOf(['bounce', 'complaint']),
  notification_id: Type.Unsafe<string | null>({
    type: ['string', 'null'],
    description: 'That the report is about; null where it does not tell.',
  }),
  recipients: Type.Array(
    Type.Object({
      address: NullableText,
      action: Type.String({ description: 'failed, delayed, delivered, relayed, expanded or complaint.' }),
      status: NullableText,
      result: oneOf(['suppressed', 'recorded', 'ignored', 'unmatched'], {
        description:
          'suppressed: nothing more is sent there. recorded: this mail did not arrive, others may. ignored: not a failure. unmatched: no notification of this tenant went there.',
      }),
    }),
  ),
})
export type BouncesAnswer = Static<typeof BouncesAnswer>
