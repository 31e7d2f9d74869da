import { type Static, Type } from 'typebox'
import { Line } from './text.js'
import { NullableText } from './values.js'

export const MAX_ATTACHMENTS = 10
const MAX_FILENAME = 200
const MAX_TYPE = 127
const MAX_CONTENT_ID = 200

/** A file that goes with an email, as it stands in a request. */
export const AttachmentBody = Type.Object(
  {
    filename: Line(MAX_FILENAME, { description: 'A name without a path.', examples: ['invoice.pdf'] }),
    content: Type.String({
      minLength: 1,
      description: 'Base64 (RFC 4648 §4), without line ends.',
      examples: ['JVBERi0xLjcK'],
    }),
    content_type: Type.Optional(
      Type.String({
        minLength: 3,
        maxLength: MAX_TYPE,
        description: 'By the ending of the name when it is not given.',
        examples: ['application/pdf'],
      }),
    ),
    content_id: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: MAX_CONTENT_ID,
        description: 'For images in the text: `<img src="cid:logo">` shows the one whose content_id is logo.',
        examples: ['logo'],
      }),
    ),
  },
  { additionalProperties: false },
)
export type AttachmentBody = Static<typeof AttachmentBody>

export const AttachmentsBody = Type.Array(AttachmentBody, {
  maxItems: MAX_ATTACHMENTS,
  description: 'Email only: at most 10 files, 700 KB in all unless configured otherwise.',
})

/** Names, not contents. */
export const AttachmentAnswer = Type.Object({
  filename: Type.String(),
  content_type: Type.String(),
  content_id: NullableText,
  size: Type.Integer({ description: 'In bytes.' }),
})
