import type { FailureCode } from '../model/failure.js'
import type { JsonObject } from '../model/json.js'

/** What a thread is handed, as JSON. Texts are written once and named by their place in `strings`. */
export interface Work {
  readonly pace: Pace
  readonly strings: readonly string[]
  readonly tasks: readonly Task[]
}

/** How much time the thread gives to one tenant before it puts the rest of its tasks back. */
export interface Pace {
  readonly budgetMs: number
  /** A tenant whose tasks take less than this on average may exceed the budget. */
  readonly slowMs: number
  /** Whether a text that takes too long has failed. False: it is put back, to be tried where it disturbs nobody. */
  readonly final: boolean
}

export type Task = RenderTask | InspectTask

/** The tenant is a number of this work's own. */
export type RenderTask = readonly [
  tenant: number,
  title: number | null,
  content: number | null,
  html: 0 | 1,
  locale: number | null,
  timezone: number | null,
  variables: JsonObject,
]

export type InspectTask = readonly [tenant: number, source: number]

export interface Done {
  /** In the order of the tasks. */
  readonly answers: readonly (Answer | null)[]
  /** Time that went into tasks which took unusually long. */
  readonly slowMs: number
}

/** Null among the answers: put back. */
export type Answer = RenderAnswer | InspectAnswer | Complaint

/** Null: was not asked for. */
export interface RenderAnswer {
  readonly title: string | null
  readonly content: string | null
}

export interface InspectAnswer {
  readonly variables: readonly string[]
}

/** What is wrong with a text, in words that follow the name of its field. */
export interface Complaint {
  readonly part: Part
  readonly code: FailureCode
  readonly message: string
  /** For `variable_missing`: its path. */
  readonly missing?: readonly string[]
  /** It is a matter of time, and might not be wrong on another day. */
  readonly slow?: true
}

export type Part = 'title' | 'content'

/** In the shared memory: which text is under way. */
export const STARTING = -2
export const IDLE = -1
export const textNumber = (task: number, part: Part): number => 2 * task + (part === 'title' ? 0 : 1)
export const taskOfText = (text: number): number => text >> 1
export const partOfText = (text: number): Part => (text % 2 === 0 ? 'title' : 'content')

/** Whether there is anything to fill in. */
export const isLiquid = (text: string): boolean => text.includes('{{') || text.includes('{%')
