/** AWS's own client passes the contract, so the test server is no mirror of our client. */
import { testIpcClient } from '../../contract/greengrass/ipc.contract.ts'
import { awsClient } from './aws-ipc-client.ts'

testIpcClient(awsClient)
