/**
 * The description of the API that botocore has: operations, shapes and constraints. It says how a
 * request is written, and what an answer must look like.
 */
import { existsSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'

const DIRECTORY =
  '/usr/lib/python3/dist-packages/botocore/data/iotanalytics/2017-11-27/service-2.json'

interface Member {
  readonly shape: string
  readonly location?: 'uri' | 'querystring'
  readonly locationName?: string
}

export interface Shape {
  readonly type:
    | 'structure'
    | 'list'
    | 'map'
    | 'string'
    | 'blob'
    | 'boolean'
    | 'integer'
    | 'double'
    | 'timestamp'
  readonly members?: Readonly<Record<string, Member>>
  readonly required?: readonly string[]
  readonly member?: Member
  readonly key?: Member
  readonly value?: Member
  readonly min?: number
  readonly max?: number
  readonly pattern?: string
  readonly enum?: readonly string[]
}

export interface ModelledOperation {
  readonly name: string
  readonly http: {
    readonly method: string
    readonly requestUri: string
    readonly responseCode?: number
  }
  readonly input?: { readonly shape: string }
  readonly output?: { readonly shape: string }
}

export interface ServiceModel {
  readonly operations: Readonly<Record<string, ModelledOperation>>
  readonly shapes: Readonly<Record<string, Shape>>
}

export type Input = Readonly<Record<string, unknown>>

/** Undefined if botocore is not there. */
export function readModel(): ServiceModel | undefined {
  if (existsSync(DIRECTORY)) return JSON.parse(readFileSync(DIRECTORY, 'utf8'))
  if (!existsSync(`${DIRECTORY}.gz`)) return undefined
  return JSON.parse(gunzipSync(readFileSync(`${DIRECTORY}.gz`)).toString('utf8'))
}

export function shapeOf(model: ServiceModel, name: string): Shape {
  const shape = model.shapes[name]
  if (shape === undefined) throw new RangeError(`the model has no shape ${name}`)
  return shape
}

/** The request for an input, with values as the wire has them: times in the query are text. */
export function requestOf(
  model: ServiceModel,
  { http, input }: ModelledOperation,
  given: Input,
): { readonly path: string; readonly init: RequestInit } {
  let path = http.requestUri
  const query = new URLSearchParams()
  const body: Record<string, unknown> = {}
  const members = input === undefined ? {} : (shapeOf(model, input.shape).members ?? {})
  for (const [name, value] of Object.entries(given)) {
    const { location, locationName = name } = members[name] ?? {}
    if (location === 'uri') path = path.replace(`{${locationName}}`, encodeURIComponent(`${value}`))
    else if (location === 'querystring') {
      for (const one of [value].flat()) query.append(locationName, `${one}`)
    } else body[locationName] = value
  }
  const { method } = http
  // A signature tells the list of channels from that for people.
  const headers: Record<string, string> = { authorization: 'AWS4-HMAC-SHA256 of nobody' }
  const hasBody = Object.keys(body).length > 0
  if (hasBody) headers['content-type'] = 'application/json'
  const text = hasBody ? { body: JSON.stringify(body) } : {}
  return { path: query.size > 0 ? `${path}?${query}` : path, init: { method, headers, ...text } }
}

/** One sentence for each part of an answer that is not as the model says. */
export function shapeProblems(
  model: ServiceModel,
  name: string,
  value: unknown,
  place = '',
): string[] {
  const shape = shapeOf(model, name)
  const { type } = shape
  if (type === 'structure') return structureProblems(model, shape, value, place)
  if (type === 'list') {
    const item = shape.member?.shape ?? ''
    if (!Array.isArray(value)) return [`${place} is no list`]
    return value.flatMap((one, index) => shapeProblems(model, item, one, `${place}[${index}]`))
  }
  if (type === 'map') {
    const item = shape.value?.shape ?? ''
    return Object.entries(Object(value)).flatMap(([key, one]) =>
      shapeProblems(model, item, one, `${place}.${key}`),
    )
  }
  const isRight = isScalar(shape, value)
  return isRight ? [] : [`${place} is no ${type}: ${JSON.stringify(value)}`]
}

function structureProblems(
  model: ServiceModel,
  { members = {} }: Shape,
  value: unknown,
  place: string,
): string[] {
  if (typeof value !== 'object' || value === null) return [`${place} is no object`]
  return Object.entries(value).flatMap(([name, member]) => {
    const shape = members[name]?.shape
    if (shape === undefined) return [`${place}.${name} is not in the model`]
    return shapeProblems(model, shape, member, `${place}.${name}`)
  })
}

function isScalar(shape: Shape, value: unknown): boolean {
  switch (shape.type) {
    case 'boolean':
      return typeof value === 'boolean'
    case 'integer':
      return Number.isInteger(value)
    case 'double':
      return typeof value === 'number'
    case 'timestamp':
      return typeof value === 'number' && value > 1_000_000_000 && value < 10_000_000_000
    default:
      return typeof value === 'string' && (shape.enum?.includes(value) ?? true)
  }
}
