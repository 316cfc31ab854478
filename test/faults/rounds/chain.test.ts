import { kindNamed, testRounds } from '../destinations/test-rounds.ts'

testRounds(kindNamed('chain'))
