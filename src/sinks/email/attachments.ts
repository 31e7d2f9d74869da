import { LRUCache } from 'lru-cache'
import type { Attachment } from '../../model/attachment.js'
import { DeliveryFailure } from '../../model/outcome.js'
import { unless } from '../time-limit.js'

/** Where the contents of attachments are kept. */
export interface AttachmentContents {
  /** Those that are there, by id. */
  read(tenantId: string, ids: readonly string[]): Promise<ReadonlyMap<string, Buffer>>
}

/** A file as it goes into a message. */
export interface File {
  readonly attachment: Attachment
  readonly content: Buffer
}

const REMEMBERED_BYTES = 16 * 1024 * 1024

/** Reads the files of a message. What many messages share, such as those of a batch, is read once. */
export class Files {
  readonly #contents: AttachmentContents
  readonly #known = new LRUCache<string, Buffer>({
    maxSize: REMEMBERED_BYTES,
    sizeCalculation: ({ length }) => Math.max(1, length),
  })
  /** No more than there are deliveries under way. */
  readonly #reading = new Map<string, Promise<Buffer | null>>()

  constructor(contents: AttachmentContents) {
    this.#contents = contents
  }

  /** @throws DeliveryFailure `unavailable` while the store is away, `rejected` when a content is gone */
  async of(
    tenantId: string,
    attachments: readonly Attachment[],
    signal: AbortSignal,
  ): Promise<readonly File[]> {
    const read = Promise.all(
      attachments.map(async (attachment) => ({
        attachment,
        content: await this.#content(tenantId, attachment.id),
      })),
    )
    const found = await unless(signal, read).catch((cause: unknown) => {
      if (signal.aborted) throw stopped(cause)
      throw unread(cause)
    })
    return found.map(({ attachment, content }) => {
      if (content === null) throw gone()
      return { attachment, content }
    })
  }

  async #content(tenantId: string, id: string): Promise<Buffer | null> {
    // Neither part holds a line end.
    const key = `${tenantId}\n${id}`
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const running = this.#reading.get(key) ?? this.#read(key, tenantId, id)
    return running
  }

  #read(key: string, tenantId: string, id: string): Promise<Buffer | null> {
    const reading = this.#contents
      .read(tenantId, [id])
      .then((found) => {
        const content = found.get(id) ?? null
        if (content !== null) this.#known.set(key, content)
        return content
      })
      .finally(() => this.#reading.delete(key))
    this.#reading.set(key, reading)
    return reading
  }
}

const unread = (cause: unknown): DeliveryFailure =>
  new DeliveryFailure('unavailable', 'the attachments cannot be read now', { retryable: true, cause })

const stopped = (cause: unknown): DeliveryFailure =>
  new DeliveryFailure('timeout', 'stopped before the attachments were read', { retryable: true, cause })

const gone = (): DeliveryFailure =>
  new DeliveryFailure('rejected', 'the content of an attachment is not kept any more', { retryable: false })
