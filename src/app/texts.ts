import type { TemplateLibrary } from '../api/ports.js'
import type { Config } from '../config/config.js'
import { templateId } from '../model/id.js'
import { createRendering, type Rendering } from '../rendering/rendering.js'
import { PostgresTemplates } from '../state/postgres/templates.js'
import { PostgresTemplateLibrary } from '../state/postgres/templates-library.js'
import type { Templates } from '../streams/ports.js'
import type { Telemetry } from '../telemetry/telemetry.js'
import type { Database } from './database.js'

/** What notifications are made of. */
export interface Texts {
  readonly templates: Templates
  readonly library: TemplateLibrary
  readonly rendering: Rendering
}

export function openTexts({ templates }: Config, database: Database, telemetry: Telemetry): Texts {
  const { store, changes, clock } = database
  const sent = new PostgresTemplates(store, changes)
  const library = new PostgresTemplateLibrary(store, sent, {
    newId: () => templateId(clock.now()),
    autoApprove: templates.autoApprove,
  })
  return { templates: sent, library, rendering: createRendering(templates, telemetry) }
}
