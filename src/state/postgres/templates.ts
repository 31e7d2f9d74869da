import type { Channel } from '../../model/notification.js'
import type { Template, TemplateVariable, TemplateVariant } from '../../model/template.js'
import type { VendorTemplate } from '../../model/vendor-template.js'
import type { TemplateKey, Templates } from '../../streams/ports.js'
import { LookupCache } from '../lookup-cache.js'
import type { Changes } from './changes.js'
import type { Statement, Store } from './store.js'

const TTL_MS = 5 * 60_000
const MAX_TEMPLATES = 5_000
/** Of all texts together. */
const MAX_CHARACTERS = 16_000_000

const FIND: Statement = {
  name: 'templates_find_active',
  text: `SELECT t.tenant_id, t.id, t.channel, v.version, v.default_locale, v.variables, v.variants, v.vendor
    FROM unnest($1::text[], $2::text[]) AS wanted(tenant_id, id)
    JOIN templates t ON t.tenant_id = wanted.tenant_id AND t.id = wanted.id
    JOIN template_versions v
      ON v.tenant_id = t.tenant_id AND v.template_id = t.id AND v.version = t.active_version`,
}

interface ActiveRow {
  readonly tenant_id: string
  readonly id: string
  readonly channel: Channel
  readonly version: number
  readonly default_locale: string
  readonly variables: readonly TemplateVariable[]
  readonly variants: readonly TemplateVariant[]
  readonly vendor: VendorTemplate | null
}

/**
 * The templates that are sent, as this instance remembers them. Changes are told by the trigger of the
 * table; while they may be missed, every template is read anew.
 */
export class PostgresTemplates implements Templates {
  readonly #store: Store
  readonly #known: LookupCache<Template>

  constructor(store: Store, changes: Changes) {
    this.#store = store
    this.#known = new LookupCache({
      max: MAX_TEMPLATES,
      ttlMs: TTL_MS,
      enabled: () => changes.listening,
      weight: { max: MAX_CHARACTERS, of: charactersOf },
    })
    changes.on('notification_templates', ([tenantId = '', id = '']) => this.forget({ tenantId, id }))
    changes.onGap(() => this.#known.clear())
  }

  async find(keys: readonly TemplateKey[]): Promise<readonly (Template | null)[]> {
    const found = await this.#known.find(keys.map(keyOf), (missing) => this.#load(missing))
    return found.map((template) => template ?? null)
  }

  /** For whoever changes it here: the next one who asks is told what is there now. */
  forget(key: TemplateKey): void {
    this.#known.forget(keyOf(key))
  }

  async #load(missing: readonly string[]): Promise<ReadonlyMap<string, Template>> {
    const keys = missing.map(partsOf)
    const values = [keys.map(({ tenantId }) => tenantId), keys.map(({ id }) => id)]
    const rows = await this.#store.run<ActiveRow>(FIND, values)
    return new Map(rows.map((row) => [keyOf({ tenantId: row.tenant_id, id: row.id }), toTemplate(row)]))
  }
}

/** No name holds a line end, so that the parts can be told apart. */
const keyOf = ({ tenantId, id }: TemplateKey): string => `${tenantId}\n${id}`

function partsOf(key: string): TemplateKey {
  const [tenantId = '', id = ''] = key.split('\n')
  return { tenantId, id }
}

const toTemplate = (row: ActiveRow): Template => ({
  id: row.id,
  version: row.version,
  channel: row.channel,
  defaultLocale: row.default_locale,
  variables: row.variables,
  variants: row.variants,
  vendor: row.vendor,
})

const charactersOf = ({ variants }: Template): number =>
  variants
    .flatMap(({ texts }) => Object.values(texts))
    .reduce((sum, { title, content }) => sum + title.length + content.length, 0)
