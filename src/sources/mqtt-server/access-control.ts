/** Who may do what. Asked once per filter; the answers are the operator's, not ours. */
export interface AccessControl {
  /** Why `clientId` may not subscribe to `filter`: a reason code of MQTT 5's SUBACK. Undefined allows it. */
  subscriptionRefusal(clientId: string, filter: string): number | undefined
}

export const everythingAllowed: AccessControl = {
  subscriptionRefusal: () => undefined,
}
