/** Operations on logging options, which are stored and not acted on. */
import { ServiceException } from '../../../aws-server/service-answer.ts'
import { loggingOptions } from '../../resources/logging-options.ts'
import { members } from '../../resources/values.ts'
import { bodyOf } from './input.ts'
import type { ApiContext, Operation } from './operation.ts'

const path = '/logging'
const settings = members({ loggingOptions })

export function loggingOperations({ resources }: ApiContext): readonly Operation[] {
  return [
    {
      name: 'DescribeLoggingOptions',
      method: 'GET',
      path,
      status: 200,
      run: async () => {
        if (resources.loggingOptions !== undefined) {
          return { loggingOptions: resources.loggingOptions }
        }
        const message = 'There are no logging options. PutLoggingOptions sets them.'
        throw new ServiceException('ResourceNotFoundException', message)
      },
    },
    {
      name: 'PutLoggingOptions',
      method: 'PUT',
      path,
      status: 200,
      run: (call) => {
        const { loggingOptions: given } = bodyOf(settings, call)
        return resources.change(async () => {
          await resources.putLoggingOptions(given)
          return undefined
        })
      },
    },
  ]
}
