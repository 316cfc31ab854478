/**
 * Values of a CloudFormation template: parameters, names of its resources, and the functions that
 * put texts together. Everything else that a template may refer to is given on the command line,
 * by the name that the template has for it:
 *
 *     --parameter Stage=test   --parameter Role.Arn=arn:aws:iam::…   --parameter AWS::AccountId=…
 */
import { quoted } from '../../../shown-text.ts'
import { isObject, kindOf } from './api-shapes.ts'
import type { Members } from './definition.ts'

const MAX_DEPTH = 40

/** Why a value can't be resolved; the caller knows where it is. */
export class UnresolvedValue extends Error {
  override readonly name = 'UnresolvedValue'
}

export interface TemplateNames {
  /** From the command line. */
  readonly given: ReadonlyMap<string, string>
  /** The template's own. */
  readonly parameters: Members
  readonly resources: Members
}

/** Names of resources, by the property that has them. */
const NAME_PROPERTIES = ['ChannelName', 'DatastoreName', 'PipelineName', 'DatasetName']

export class TemplateValues {
  readonly #names: TemplateNames
  /** Resources whose names are being resolved, so that a circle ends. */
  readonly #open = new Set<string>()

  constructor(names: TemplateNames) {
    this.#names = names
  }

  /** @throws {UnresolvedValue} */
  resolve(value: unknown, depth = 0): unknown {
    if (depth > MAX_DEPTH) throw new UnresolvedValue(`expected at most ${MAX_DEPTH} levels`)
    if (Array.isArray(value)) return value.map((item) => this.resolve(item, depth + 1))
    if (!isObject(value)) return value
    const [[name, argument] = [], ...more] = Object.entries(value)
    const isCall = name === 'Ref' || name === 'Condition' || name?.startsWith('Fn::') === true
    if (isCall && more.length === 0) return this.#call(name ?? '', argument, depth + 1)
    const members = Object.entries(value)
    return Object.fromEntries(
      members.map(([key, member]) => [key, this.resolve(member, depth + 1)]),
    )
  }

  #call(name: string, argument: unknown, depth: number): unknown {
    switch (name) {
      case 'Ref':
        return this.#reference(textIn(argument, 'Ref'))
      case 'Fn::GetAtt':
        return this.#attribute(argument)
      case 'Fn::Sub':
        return this.#substituted(argument, depth)
      case 'Fn::Join':
        return this.#joined(argument, depth)
      default: {
        const text = `${name} is not evaluated: expected a value, Ref, Fn::GetAtt, Fn::Sub or Fn::Join`
        throw new UnresolvedValue(text)
      }
    }
  }

  #reference(name: string): unknown {
    const { given, parameters, resources } = this.#names
    const value = given.get(name)
    if (value !== undefined) return value
    const parameter = ownMember(parameters, name)
    if (isObject(parameter)) {
      if (parameter['Default'] !== undefined) return parameter['Default']
      throw new UnresolvedValue(`the parameter ${quoted(name)} has no default: ${adviceFor(name)}`)
    }
    const resource = ownMember(resources, name)
    const own = isObject(resource) ? this.#nameOf(name, resource) : undefined
    if (own !== undefined) return own
    const what = isObject(resource) ? 'is made by CloudFormation' : 'is not in the template'
    throw new UnresolvedValue(`Ref: ${quoted(name)} ${what}: ${adviceFor(name)}`)
  }

  /** The name that the template gives to a resource of IoT Analytics. */
  #nameOf(logicalId: string, resource: Members): unknown {
    const properties = resource['Properties']
    const property = NAME_PROPERTIES.find(
      (one) => isObject(properties) && Object.hasOwn(properties, one),
    )
    if (property === undefined || !isObject(properties)) return undefined
    if (this.#open.has(logicalId)) {
      throw new UnresolvedValue(`Ref: ${quoted(logicalId)} refers to itself`)
    }
    this.#open.add(logicalId)
    try {
      return this.resolve(properties[property])
    } finally {
      this.#open.delete(logicalId)
    }
  }

  #attribute(argument: unknown): string {
    const name = Array.isArray(argument) ? argument.join('.') : textIn(argument, 'Fn::GetAtt')
    const value = this.#names.given.get(name)
    if (value !== undefined) return value
    throw new UnresolvedValue(
      `Fn::GetAtt: ${quoted(name)} is made by CloudFormation: ${adviceFor(name)}`,
    )
  }

  #substituted(argument: unknown, depth: number): string {
    const [template, variables = {}] = Array.isArray(argument) ? argument : [argument]
    const text = textIn(template, 'Fn::Sub')
    if (!isObject(variables)) {
      throw new UnresolvedValue(
        `Fn::Sub: expected an object of variables, got ${kindOf(variables)}`,
      )
    }
    return text.replace(/\$\{(!?)([^}]*)\}/g, (_whole, literal: string, name: string) => {
      if (literal !== '') return `\${${name}}`
      const own = ownMember(variables, name)
      if (own !== undefined) return textIn(this.resolve(own, depth), `Fn::Sub, ${name}`)
      const value = name.includes('.') ? this.#attribute(name) : this.#reference(name)
      return textIn(value, `Fn::Sub, ${name}`)
    })
  }

  #joined(argument: unknown, depth: number): string {
    const [separator, parts] = Array.isArray(argument) ? argument : []
    const list = this.resolve(parts, depth)
    if (typeof separator !== 'string' || !Array.isArray(list)) {
      throw new UnresolvedValue('Fn::Join: expected a separator and a list')
    }
    return list.map((part) => textIn(part, 'Fn::Join')).join(separator)
  }
}

function textIn(value: unknown, what: string): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  throw new UnresolvedValue(`${what}: expected a text, got ${kindOf(value)}`)
}

function adviceFor(name: string): string {
  return `give its value with --parameter ${name}=VALUE`
}

function ownMember(value: Members, name: string): unknown {
  return Object.hasOwn(value, name) ? value[name] : undefined
}
