import { createHash } from 'node:crypto'
import type { Attachment } from '../../model/attachment.js'
import type { FieldError } from '../../model/failure.js'
import type { AttachmentToKeep } from '../ports.js'
import type { AttachmentBody } from '../schemas/attachments.js'
import type { MessageBody } from '../schemas/send.js'
import { mediaTypeOf, mediaTypeProblem } from './media-type.js'

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/
/** Separators of paths, and the signs that turn the direction of reading, so that `exe.pdf` is not what it seems. */
const MISLEADING = /[/\\\u200e\u200f\u202a-\u202e\u2066-\u2069]/
/** The addr-spec of RFC 2392 as far as it needs no escaping in `cid:`; most write one word. */
const CONTENT_ID = /^[A-Za-z0-9_.+-]{1,100}(?:@[A-Za-z0-9.-]{1,99})?$/

/**
 * Reads the files of a request; what is wrong with them goes to `errors`.
 * @param maxBytes of all of them, decoded
 */
export function readAttachments(
  { channel, attachments = [] }: Pick<MessageBody, 'channel' | 'attachments'>,
  maxBytes: number,
  errors: FieldError[],
): readonly Attachment[] {
  if (attachments.length > 0 && channel !== 'email') {
    errors.push({ field: '/attachments', message: 'go with email only' })
    return []
  }
  const known = errors.length
  const contentIds = new Set<string>()
  let left = maxBytes
  const read = attachments.map((file, index): Attachment => {
    const at = `/attachments/${index}`
    errors.push(...flaws(file, at))
    const { content_id: contentId = null } = file
    if (contentId !== null && contentIds.has(contentId)) {
      errors.push({ field: `${at}/content_id`, message: 'must not be used twice' })
    }
    if (contentId !== null) contentIds.add(contentId)
    const size = decodedLength(file.content)
    left -= size
    return {
      id: '',
      filename: file.filename,
      contentType: (file.content_type ?? mediaTypeOf(file.filename)).toLowerCase(),
      contentId,
      size,
    }
  })
  if (left < 0)
    errors.push({ field: '/attachments', message: `must not be larger than ${maxBytes} bytes in all` })
  if (errors.length > known) return []
  // Only now: whatever is wrong costs no hash.
  return read.map((file, index) => ({ ...file, id: idOf(contentOf(attachments[index])) }))
}

/** What is to be kept of a message that was read from that body. */
export function contentsOf(
  { attachments: read }: { readonly attachments: readonly Attachment[] },
  { attachments = [] }: Pick<MessageBody, 'attachments'>,
): readonly AttachmentToKeep[] {
  return read.map(({ id }, index) => ({ id, content: contentOf(attachments[index]) }))
}

function flaws(file: AttachmentBody, at: string): FieldError[] {
  const errors: FieldError[] = []
  const { filename, content, content_type, content_id } = file
  if (MISLEADING.test(filename) || /^\.+$/.test(filename)) {
    errors.push({
      field: `${at}/filename`,
      message: 'must be a name without a path or signs that change direction',
    })
  }
  if (content.length % 4 !== 0 || !BASE64.test(content)) {
    errors.push({
      field: `${at}/content`,
      message: 'must be base64 (RFC 4648 §4), padded, without line ends',
    })
  }
  const type = content_type === undefined ? null : mediaTypeProblem(content_type)
  if (type !== null) errors.push({ field: `${at}/content_type`, message: type })
  if (content_id !== undefined && !CONTENT_ID.test(content_id)) {
    errors.push({
      field: `${at}/content_id`,
      message: 'must be a word such as logo, or one such as logo@example.com',
    })
  }
  return errors
}

const decodedLength = (base64: string): number =>
  Math.max(0, (base64.length / 4) * 3 - (base64.endsWith('==') ? 2 : base64.endsWith('=') ? 1 : 0))

const contentOf = (file: AttachmentBody | undefined): Buffer => Buffer.from(file?.content ?? '', 'base64')

const idOf = (content: Buffer): string => `att_${createHash('sha256').update(content).digest('base64url')}`
