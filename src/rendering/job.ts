import type { JsonObject } from '../model/json.js'

/** What the threads do for one tenant at a time. Null: nothing to fill in. */
export type Job = Render | Inspect

export interface Render {
  readonly tenantId: string
  readonly title: string | null
  readonly content: string | null
  readonly html: boolean
  readonly locale: string | null
  readonly timezone: string | null
  readonly variables: JsonObject
}

export interface Inspect {
  readonly tenantId: string
  readonly source: string
}
