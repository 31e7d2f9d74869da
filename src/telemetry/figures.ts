import { AggregatorRegistry, type Registry } from 'prom-client'

/** The metrics of one process, as prom-client writes them to JSON. */
export type Figures = readonly Readonly<Record<string, unknown>>[]

/** They only ever grow, so what a process has counted still counts when it has ended. */
const LASTING: ReadonlySet<unknown> = new Set(['counter', 'histogram', 'summary'])

export async function figuresOf(registry: Registry): Promise<Figures> {
  return (await registry.getMetricsAsJSON()).map((metric) => ({ ...metric }))
}

/** Several processes as one, in the text format: each metric is joined by its `aggregator`. */
export function writeFigures(all: readonly Figures[]): Promise<string> {
  return join(all).metrics()
}

/** What is left of processes that have ended. */
export function lastingFigures(all: readonly Figures[]): Promise<Figures> {
  return figuresOf(join(all.map((figures) => figures.filter(({ type }) => LASTING.has(type)))))
}

const join = (all: readonly Figures[]): Registry => AggregatorRegistry.aggregate([...all])
