/** What one client may do. A new one is made when the client connects and when the rules change. */
export interface Permissions {
  /** Costs a look-up for a topic asked about before. */
  mayPublish(topic: string): boolean
  /** `filter` is valid and without `$share/<group>/`. */
  maySubscribe(filter: string): boolean
}

export const everythingPermitted: Permissions = Object.freeze({
  mayPublish: () => true,
  maySubscribe: () => true,
})
