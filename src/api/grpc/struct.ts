import { Failure } from '../../model/failure.js'
import type { JsonObject } from '../../model/json.js'
import { pointer } from '../http/pointer.js'
import { validationFailed } from '../http/validation.js'

type Path = readonly (string | number)[]

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null

/**
 * The JSON that a `google.protobuf.Struct` stands for. Its depth is bounded: messages more than a hundred deep are not read.
 * @param path where it stands in the message
 * @throws Failure `validation_failed` or `malformed_body` for what JSON cannot hold, or must not
 */
export function jsonOf(struct: unknown, path: Path): Readonly<Record<string, unknown>> {
  const fields = isObject(struct) && isObject(struct.fields) ? struct.fields : {}
  const entries = Object.entries(fields).map(
    ([key, value]) => [key, jsonValue(value, [...path, key])] as const,
  )
  const json = Object.fromEntries(entries)
  if (isForbidden(json)) throw new Failure('malformed_body', `${pointer(path)} has a forbidden key`)
  return json
}

/** As in JSON bodies: keys by which careless code changes the prototype of all objects. */
function isForbidden(json: Readonly<Record<string, unknown>>): boolean {
  if (Object.hasOwn(json, '__proto__')) return true
  return (
    Object.hasOwn(json, 'constructor') &&
    isObject(json.constructor) &&
    Object.hasOwn(json.constructor, 'prototype')
  )
}

function jsonValue(value: unknown, path: Path): unknown {
  if (!isObject(value)) throw refused(path, 'must have a value')
  if ('stringValue' in value) return value.stringValue
  if ('numberValue' in value) {
    if (!Number.isFinite(value.numberValue)) throw refused(path, 'must be a finite number')
    return value.numberValue
  }
  if ('boolValue' in value) return value.boolValue
  if ('structValue' in value) return jsonOf(value.structValue, path)
  if ('listValue' in value) return jsonList(value.listValue, path)
  if ('nullValue' in value) return null
  throw refused(path, 'must have a value; one without any of the kinds is not valid')
}

function jsonList(list: unknown, path: Path): readonly unknown[] {
  const values = isObject(list) && Array.isArray(list.values) ? list.values : []
  return values.map((value: unknown, index) => jsonValue(value, [...path, index]))
}

const refused = (path: Path, message: string): Failure =>
  validationFailed([{ field: pointer(path), message }])

/** A `google.protobuf.Struct` of JSON. */
export const structOf = (json: JsonObject): object => ({ fields: fieldsOf(json) })

const fieldsOf = (json: Readonly<Record<string, unknown>>): object =>
  Object.fromEntries(Object.entries(json).map(([key, value]) => [key, kindOf(value)]))

function kindOf(json: unknown): object {
  if (typeof json === 'string') return { stringValue: json }
  if (typeof json === 'number') return { numberValue: json }
  if (typeof json === 'boolean') return { boolValue: json }
  if (Array.isArray(json)) return { listValue: { values: json.map(kindOf) } }
  if (!isObject(json)) return { nullValue: 'NULL_VALUE' }
  return { structValue: { fields: fieldsOf(json) } }
}
