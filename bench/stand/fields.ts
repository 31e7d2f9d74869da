/** What parent and child tell each other. */
export type Fields = Readonly<Record<string, string | number>>

export function isFields(value: unknown): value is Fields {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).every((field) => typeof field === 'string' || typeof field === 'number')
  )
}

export function text(fields: Fields, name: string): string {
  const value = fields[name]
  if (typeof value !== 'string') throw new Error(`${name} must be a text`)
  return value
}

export function number(fields: Fields, name: string): number {
  const value = fields[name]
  if (typeof value !== 'number') throw new Error(`${name} must be a number`)
  return value
}
