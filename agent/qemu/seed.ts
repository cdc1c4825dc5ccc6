import {cpioArchive, padded} from './cpio.ts';
import type {MachineRecord} from './machine-record.ts';

/** What every machine sees of its network, which is its own: nobody else is on it. */
export const guestNetwork = {address: '10.0.2.15', prefix: 24, gateway: '10.0.2.2', nameServer: '10.0.2.3'};

/**
 * The initrd of one start: the image's, and after it what its `/init` (hack/image/machine/init) copies into the machine. So nothing of it is in
 * the image, no device carries it, and what is given anew with every start is what the record says.
 */
export function initrdWithSeed(initrd: Buffer, record: MachineRecord): Buffer {
  const {address, prefix, gateway, nameServer} = guestNetwork;
  const {hostname} = record;
  const text = (name: string, content: string, mode = 0o644) => ({path: `seed/${name}`, mode, content});
  return Buffer.concat([
    padded(initrd),
    cpioArchive([
      {folder: 'seed'},
      text('hostname', `${hostname}\n`),
      text('hosts', `127.0.0.1 localhost\n127.0.1.1 ${hostname}\n::1 localhost ip6-localhost ip6-loopback\n`),
      text('resolv.conf', `nameserver ${nameServer}\n`),
      text(
        'network',
        `[Match]\nName=eth0\n\n[Network]\nAddress=${address}/${prefix}\nGateway=${gateway}\nDNS=${nameServer}\n`,
      ),
      text('host_key', record.hostKey.privateKey, 0o600),
      text('authorized_keys', keysFile(record.authorizedKeys)),
      text('agent_keys', `${record.agentKey.publicKey}\n`),
    ]),
  ]);
}

/** As in `authorized_keys`: a line each. */
export function keysFile(keys: readonly string[]): string {
  return keys.map(key => `${key}\n`).join('');
}
