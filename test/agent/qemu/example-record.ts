import type {MachineRecord} from '../../../agent/qemu/machine-record.ts';
import {exampleHostKey, exampleKey} from '../../contracts/driver/example.ts';

export const exampleRecord: MachineRecord = {
  version: 1,
  uid: '11111111-1111-4111-8111-111111111111',
  installation: 'abcdef',
  specHash: 'hash-1',
  hostname: 'demo',
  image: 'a'.repeat(64),
  limits: {cpus: 2, memory: 2 ** 29, disk: 2 ** 30},
  env: {},
  address: '127.64.1.2',
  userId: 0x7000_0102,
  hostKey: exampleHostKey,
  agentKey: {privateKey: 'agent private', publicKey: 'agent public'},
  authorizedKeys: [exampleKey],
  inode: '',
};
