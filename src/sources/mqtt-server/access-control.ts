/** Who may do what. Asked once per filter; the answers are the operator's, not ours. */
export interface AccessControl {
  maySubscribe(clientId: string, filter: string): boolean
}

export const everythingAllowed: AccessControl = {
  maySubscribe: () => true,
}
