import type { Static } from 'typebox'
import type { DeadLettersAnswer, RedriveAnswer } from '../api/schemas/dead-letters.js'
import { FILTER_OPTIONS, type Filter, filterOf, isFiltering, wholeNumber } from './dead-letters/filter.js'
import { harmless, lineOf } from './dead-letters/lines.js'
import { redriveRounds } from './dead-letters/redrive.js'
import { Service } from './service.js'
import { readOptions, required, UsageError } from './usage.js'

const PATH = '/api/v1/dead_letters'
const PAGE = 100
const LISTED = 20

const CONNECTION = {
  tenant: { type: 'string' },
  url: { type: 'string' },
  json: { type: 'boolean', default: false },
} as const

/** What an action needs. */
interface Wanted {
  readonly service: Service
  /** Empty: none was named. */
  readonly id: string
  readonly json: boolean
  readonly filter: Filter
  readonly limit: number | null
  readonly all: boolean
}

const ACTIONS: Readonly<Record<string, (wanted: Wanted) => Promise<void>>> = {
  list,
  show,
  redrive,
  delete: remove,
}

/** Lists, shows, redrives and deletes what ended badly, through a running service. */
export async function deadLettersCommand([action = '', ...args]: string[]): Promise<void> {
  const run = Object.hasOwn(ACTIONS, action) ? ACTIONS[action] : undefined
  if (run === undefined) throw new UsageError(`dead-letters takes one of ${Object.keys(ACTIONS).join(', ')}`)
  const [first = ''] = args
  const id = first.startsWith('-') ? '' : first
  const { tenant, url, json, all, limit, ...filter } = readOptions(id === '' ? args : args.slice(1), {
    ...CONNECTION,
    ...FILTER_OPTIONS,
    all: { type: 'boolean', default: false },
    limit: { type: 'string' },
  })
  const service = new Service({ tenant: required('tenant', tenant), role: 'admin', url })
  await run({
    service,
    id,
    json: json === true,
    all: all === true,
    filter: filterOf(filter),
    limit: limit === undefined ? null : wholeNumber('limit', limit),
  })
}

async function list({ service, id, json, filter, limit }: Wanted): Promise<void> {
  if (id !== '') throw new UsageError('list takes no id; show does')
  let left = limit ?? LISTED
  let cursor: string | null = ''
  while (left > 0 && cursor !== null) {
    const asked = { ...filter, limit: `${Math.min(left, PAGE)}`, ...(cursor === '' ? {} : { cursor }) }
    const page: Static<typeof DeadLettersAnswer> = JSON.parse(
      await service.call('GET', `${PATH}?${new URLSearchParams(asked)}`),
    )
    for (const letter of page.dead_letters) print(json ? JSON.stringify(letter) : lineOf(letter))
    left -= page.dead_letters.length
    cursor = page.next_cursor
  }
  if (cursor !== null) process.stderr.write('There are more: say how many with --limit.\n')
}

async function show({ service, id, json }: Wanted): Promise<void> {
  const letter: unknown = JSON.parse(await service.call('GET', pathOf(id, 'show')))
  print(JSON.stringify(letter, null, json ? 0 : 2))
}

async function redrive({ service, id, json, filter, limit, all }: Wanted): Promise<void> {
  if (id === '') {
    if (!all && !isFiltering(filter))
      throw new UsageError('redrive needs an id, something to choose by such as --reason, or --all')
    await redriveRounds(service, filter, { limit, json })
    return
  }
  if (all || isFiltering(filter)) throw new UsageError('redrive takes either an id or what to choose by')
  const text = await service.call('POST', `${pathOf(id, 'redrive')}/redrive`)
  const { kind, accepted }: Static<typeof RedriveAnswer> = JSON.parse(text)
  if (json) print(text)
  else print(kind === 'event' ? `${id}: ${accepted} notifications accepted` : `${id}: pending`)
}

async function remove({ service, id, json }: Wanted): Promise<void> {
  await service.call('DELETE', pathOf(id, 'delete'))
  print(json ? JSON.stringify({ id, deleted: true }) : `${id}: deleted`)
}

function pathOf(id: string, action: string): string {
  if (id === '') throw new UsageError(`${action} needs the id of a dead letter`)
  return `${PATH}/${encodeURIComponent(id)}`
}

const print = (line: string): void => {
  process.stdout.write(`${harmless(line)}\n`)
}
