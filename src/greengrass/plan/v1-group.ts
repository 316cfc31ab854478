/** A Greengrass v1 group, as far as the connector is concerned. */

export interface V1Group {
  /** Undefined: its definition is not at hand. */
  readonly connector: V1Connector | undefined
  /** Undefined: they are not at hand. */
  readonly subscriptions: readonly V1Subscription[] | undefined
}

export interface V1Connector {
  readonly arn: string
  /** Checked, but as given: strings or numbers. */
  readonly parameters: Readonly<Record<string, unknown>>
  /** Of version 4. */
  readonly isolationMode: string | undefined
}

/** Messages flowed from `source` to `target` if their topic matched `subject`, and only then. */
export interface V1Subscription {
  readonly id: string
  readonly source: V1Party
  /** A valid topic filter. */
  readonly subject: string
  readonly target: V1Party
}

export type PartyKind = 'ours' | 'connector' | 'function' | 'device' | 'cloud' | 'shadow'

/** What a subscription names as its source or its target. */
export interface V1Party {
  readonly kind: PartyKind
  readonly arn: string
  /** Of the thing, of the function, of the connector; otherwise what it is. */
  readonly name: string
}

const FORMS: readonly (readonly [kind: PartyKind, form: RegExp])[] = [
  ['cloud', /^(cloud)$/],
  ['shadow', /^(GGShadowService)$/],
  ['ours', /^arn:aws[a-z-]*:greengrass:[^:]*::\/connectors\/(IoTAnalytics)\/versions\/[0-9]+$/],
  ['connector', /^arn:aws[a-z-]*:greengrass:[^:]*::\/connectors\/([^/]+)\/versions\/[0-9]+$/],
  ['function', /^arn:aws[a-z-]*:lambda:[^:]*:[^:]*:function:([^:]+)(?::[^:]+)?$/],
  ['device', /^arn:aws[a-z-]*:iot:[^:]*:[^:]*:thing\/(.+)$/],
]

/** Goes after "expected". */
export const PARTY_FORMS =
  'cloud, GGShadowService, or the ARN of a connector, a Lambda function or a thing'

/** Undefined if the text names none of these. API reference of Greengrass v1, Subscription. */
export function parseParty(arn: string): V1Party | undefined {
  for (const [kind, form] of FORMS) {
    const name = form.exec(arn)?.[1]
    if (name !== undefined) return { kind, arn, name }
  }
  return undefined
}
