import { setTimeout as delay } from 'node:timers/promises'
import type { Log } from '../../telemetry/log.js'
import type { Connection } from './connection.js'
import { type Listening, listen, type Message } from './listening.js'

const TOPICS = [
  'notification_templates',
  'notification_recipients',
  'notification_suppressions',
  'notification_webhook_endpoints',
] as const
export type Topic = (typeof TOPICS)[number]

const RETRY_MS = 500

type KeyListener = (key: readonly string[]) => void

/** What other instances change, told by the triggers of the tables as it is committed. */
export interface Changes {
  /** False while changes may be missed: then nothing may be kept in a cache. */
  readonly listening: boolean
  /**
   * Calls back with the key that changed: the JSON array of the NOTIFY payload. An empty one is a key that was
   * too long to be told: anything of the topic may have changed.
   */
  on(topic: Topic, listener: KeyListener): void
  /** Calls back when changes may have been missed: when listening ends, and when it begins again. */
  onGap(listener: () => void): void
  /** Resolves once the connection is closed, within a few seconds. */
  close(): Promise<void>
}

/**
 * Listens on a connection of its own, and connects again for as long as it takes when that is lost.
 * Rejects when the first connection cannot be made.
 */
export async function listenForChanges(connection: Connection, log: Log): Promise<Changes> {
  const changes = new ListenedChanges(connection, log)
  await changes.begin()
  return changes
}

class ListenedChanges implements Changes {
  readonly #connection: Connection
  readonly #log: Log
  readonly #keyListeners = new Map<string, KeyListener[]>(TOPICS.map((topic) => [topic, []]))
  readonly #gapListeners: (() => void)[] = []
  readonly #closing = new AbortController()
  /** Null while changes may be missed. */
  #current: Listening | null = null
  #running: Promise<void> = Promise.resolve()

  constructor(connection: Connection, log: Log) {
    this.#connection = connection
    this.#log = log
  }

  get listening(): boolean {
    return this.#current !== null
  }

  on(topic: Topic, listener: KeyListener): void {
    this.#keyListeners.get(topic)?.push(listener)
  }

  onGap(listener: () => void): void {
    this.#gapListeners.push(listener)
  }

  async begin(): Promise<void> {
    this.#current = await this.#listen()
    this.#running = this.#keepListening(this.#current)
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#current?.close()
    await this.#running
  }

  #listen(): Promise<Listening> {
    return listen(this.#connection, TOPICS, (message) => this.#receive(message))
  }

  /** Ends when it is closed, and never rejects. */
  async #keepListening(first: Listening): Promise<void> {
    for (let current: Listening | null = first; current !== null; current = await this.#listenAgain()) {
      const err = await current.ended
      this.#current = null
      if (err === null) return
      this.#log.event('postgres.listener_lost', { err })
      this.#tellGap()
    }
  }

  /** Null when it was closed instead. */
  async #listenAgain(): Promise<Listening | null> {
    const { signal } = this.#closing
    while (!signal.aborted) {
      // That it is away was logged when it was lost.
      const listening = await this.#listen().catch(() => null)
      if (listening === null) {
        await delay(RETRY_MS, undefined, { signal }).catch(() => undefined)
      } else if (signal.aborted) {
        await listening.close()
      } else {
        this.#current = listening
        this.#log.event('postgres.listener_back')
        this.#tellGap()
        return listening
      }
    }
    return null
  }

  #receive({ channel, payload }: Message): void {
    const key = readKey(payload)
    if (key === null) this.#log.event('postgres.change_malformed', { topic: channel })
    else for (const listener of this.#keyListeners.get(channel) ?? []) listener(key)
  }

  #tellGap(): void {
    for (const listener of this.#gapListeners) listener()
  }
}

function readKey(payload: unknown): readonly string[] | null {
  if (typeof payload !== 'string') return null
  try {
    const key: unknown = JSON.parse(payload)
    return isKey(key) ? key : null
  } catch {
    return null
  }
}

const isKey = (key: unknown): key is readonly string[] =>
  Array.isArray(key) && key.every((part) => typeof part === 'string')
