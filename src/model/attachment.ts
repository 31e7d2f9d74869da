/** A file that goes with an email. */
export interface Attachment {
  /** Of its content, which every notification with the same content shares: `att_` and a hash. */
  readonly id: string
  readonly filename: string
  /** Media type, such as `application/pdf`. */
  readonly contentType: string
  /** What `<img src="cid:…">` in the content calls it; null: it stands beside the text. */
  readonly contentId: string | null
  /** In bytes. */
  readonly size: number
}
