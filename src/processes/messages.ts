import type { Figures } from '../telemetry/figures.js'

/** What a worker tells its supervisor. */
export type FromWorker =
  /** From now on it hears what it is told. */
  | { readonly kind: 'listening' }
  | { readonly kind: 'ready'; readonly url: string }
  /** Its figures: asked for by `measure`, or, without an id, its last ones. */
  | { readonly kind: 'figures'; readonly id: number | null; readonly figures: Figures }
  /** Asks for the figures of all workers. */
  | { readonly kind: 'gather'; readonly id: number }

/** What a supervisor tells its workers. */
export type FromSupervisor =
  | { readonly kind: 'stop' }
  /** Stops, and leaves the port to the others first. */
  | { readonly kind: 'retire' }
  | { readonly kind: 'log_level'; readonly level: string }
  | { readonly kind: 'measure'; readonly id: number }
  | { readonly kind: 'gathered'; readonly id: number; readonly figures: readonly Figures[] }

/** Null for what is none of ours: libraries and loaders may use the channel, too. */
export function fromWorker(message: unknown): FromWorker | null {
  if (!isObject(message)) return null
  const { kind, id, url, figures } = message
  if (kind === 'listening') return { kind }
  if (kind === 'ready' && typeof url === 'string') return { kind, url }
  if (kind === 'figures' && isFigures(figures) && (id === null || typeof id === 'number'))
    return { kind, id, figures }
  if (kind === 'gather' && typeof id === 'number') return { kind, id }
  return null
}

/** Null for what is none of ours. */
export function fromSupervisor(message: unknown): FromSupervisor | null {
  if (!isObject(message)) return null
  const { kind, id, level, figures } = message
  if (kind === 'stop' || kind === 'retire') return { kind }
  if (kind === 'log_level' && typeof level === 'string') return { kind, level }
  if (kind === 'measure' && typeof id === 'number') return { kind, id }
  if (kind === 'gathered' && typeof id === 'number' && Array.isArray(figures) && figures.every(isFigures))
    return { kind, id, figures }
  return null
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null

const isFigures = (value: unknown): value is Figures => Array.isArray(value) && value.every(isObject)
