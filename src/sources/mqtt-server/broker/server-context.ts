/** What all connections of one server have in common. Made when the server starts. */
import type { Clock } from '../../../clock.ts'
import type { AccessControl } from '../access/access-control.ts'
import type { MqttLimits } from '../limits/limits.ts'
import type { Broker } from './broker.ts'
import type { ServerReports } from './server-reports.ts'

export interface ServerContext {
  readonly broker: Broker
  readonly access: AccessControl
  readonly limits: MqttLimits
  readonly clock: Clock
  readonly reports: ServerReports
  /** Whether clients learn why they are refused. */
  readonly revealsRefusals: boolean
}
