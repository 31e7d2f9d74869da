/** What a stand-in does with one request. Undefined: it takes it. */
export type Behaviour =
  /** Answers with an error of the vendor. */
  | {
      readonly status: number
      readonly reason: string
      /** Text in place of the vendor's JSON. */
      readonly text?: string
      readonly headers?: Readonly<Record<string, string>>
      readonly timestamp?: number
    }
  /** Reads the request and never answers. */
  | 'hang'
  /** Closes the connection after it has read the request. */
  | 'drop'
  /** Says that it closes the connection and takes no more requests (HTTP/2 only). */
  | 'goaway'
  | undefined
