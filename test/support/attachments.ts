import PostalMime from 'postal-mime'

/** A file of a message, as a mail program finds it. */
export interface ReadFile {
  readonly filename: string | null
  readonly type: string
  readonly disposition: string | null
  readonly contentId: string | null
  readonly content: Buffer
}

/** Reads a message as a mail program does, however deep its parts lie. */
export async function readFiles(
  raw: string,
): Promise<{ readonly html: string; readonly text: string; readonly files: readonly ReadFile[] }> {
  const { html = '', text = '', attachments } = await PostalMime.parse(raw)
  return {
    html: html.trim(),
    text: text.trim(),
    files: attachments.map(({ filename, mimeType, disposition, contentId = null, content }) => ({
      filename,
      type: mimeType,
      disposition,
      contentId,
      content: typeof content === 'string' ? Buffer.from(content) : Buffer.from(new Uint8Array(content)),
    })),
  }
}
