import {lookup} from 'node:dns/promises';
import {once} from 'node:events';
import {connect, isIP} from 'node:net';
import {fingerprint} from '../agent-client/host-key.ts';
import {scanHostKey} from './scan-host-key.ts';
import type {Verdict} from './steps.ts';
import {StepError} from './steps.ts';

type Target = {readonly address: string; readonly port: number};

/** Milliseconds. */
const timeout = 10_000;

/** Throws StepError `NameUnknown`. */
export async function resolveName(address: string): Promise<Verdict<undefined>> {
  if (isIP(address) !== 0) {
    return {outcome: 'ok', message: `${address} is an address`, value: undefined};
  }
  try {
    const found = await lookup(address, {all: true});
    const texts = [...new Set(found.map(each => each.address))].join(', ');
    return {outcome: 'ok', message: `${address} is ${texts}`, value: undefined};
  } catch (cause) {
    throw new StepError('NameUnknown', `the server's machine knows no address of "${address}"`, {
      cure: [
        "Give the machine's IP address, or a name that resolves on the server's machine (names of your ~/.ssh/config do not).",
      ],
      cause,
    });
  }
}

/** Throws StepError `Unreachable`. */
export async function reachPort({address, port}: Target, signal: AbortSignal): Promise<Verdict<undefined>> {
  const socket = connect({host: address, port, timeout});
  try {
    const late = once(socket, 'timeout', {signal}).then(() => {
      throw Object.assign(new Error('no answer'), {code: 'ETIMEDOUT'});
    });
    late.catch(() => {});
    await Promise.race([once(socket, 'connect', {signal}), late]);
    return {outcome: 'ok', message: `${address} port ${port} answers`, value: undefined};
  } catch (error) {
    signal.throwIfAborted();
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    throw new StepError('Unreachable', `${address} port ${port}: ${reasons[code]?.[0] ?? String(error)}`, {
      cure: reasons[code]?.slice(1) ?? [],
      cause: error,
    });
  } finally {
    socket.destroy();
  }
}

/** What happened, then what helps. */
const reasons: Readonly<Record<string, readonly string[]>> = {
  ECONNREFUSED: [
    'the machine answers, but nothing listens there',
    'Is sshd installed and running? On that machine: apt-get install --yes openssh-server. On another port? Give --port.',
  ],
  ETIMEDOUT: [
    'no answer within 10 s',
    "Is it up, and is that its address? Does a firewall between the server's machine and it let the port through?",
  ],
  EHOSTUNREACH: [
    "it can not be reached from the server's machine",
    "Is it up? Has the server's machine a route to it? Try there: ping the address.",
  ],
  ENETUNREACH: ["the server's machine has no route to it", 'Is the network, or the VPN, up there?'],
};

export type HostKeyQuestion = Target & {
  readonly name: string;
  readonly pinned?: string | undefined;
  readonly accepted?: string | undefined;
  readonly replaceHostKey: boolean;
};

/** Resolves to the key that the host has and somebody has agreed to. Throws StepError `HostKeyUnknown`, `HostKeyChanged` or `Unreachable`. */
export async function checkHostKey(
  {name, address, port, pinned, accepted, replaceHostKey}: HostKeyQuestion,
  signal: AbortSignal,
): Promise<Verdict<string>> {
  const expected = replaceHostKey ? (accepted ?? pinned) : (pinned ?? accepted);
  const shown = await scanHostKey({host: address, port, expected}, signal).catch((cause: unknown) => {
    signal.throwIfAborted();
    throw new StepError('Unreachable', cause instanceof Error ? cause.message : String(cause), {
      cure: [`Is that an sshd? Try: ssh-keyscan -p ${port} ${address}`],
      cause,
    });
  });
  const print = printOf(shown);
  if (shown === pinned) {
    return {outcome: 'ok', message: `${print}, which is pinned`, hostKey: shown, value: shown};
  }
  if (pinned !== undefined && !(replaceHostKey && shown === accepted)) {
    throw new StepError(
      'HostKeyChanged',
      `${address} shows another host key than the pinned one: ${print}; pinned is ${printOf(pinned)}`,
      {
        cure: [
          'Either the machine was installed anew, or somebody is in between. Nothing is sent there until it is settled.',
          'Compare on that machine: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub',
          `If it is the right one: nexus node add ${name} ${address} --replace-host-key`,
        ],
        hostKey: shown,
      },
    );
  }
  if (accepted === undefined) {
    throw new StepError('HostKeyUnknown', `${address} shows ${print}; nobody has agreed to it yet`, {
      cure: [
        'Compare on that machine: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub',
        'Then agree with --yes, or give the key itself with --host-key.',
      ],
      hostKey: shown,
    });
  }
  if (shown !== accepted) {
    throw new StepError(
      'HostKeyChanged',
      `${address} shows ${print}, not the key that was agreed to: ${printOf(accepted)}`,
      {
        cure: [
          'Somebody may be in between. Compare on that machine: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub',
        ],
        hostKey: shown,
      },
    );
  }
  return {outcome: 'changed', message: `${print}, pinned from now on`, hostKey: shown, value: shown};
}

function printOf(key: string): string {
  const [type = '', encoded = ''] = key.split(' ');
  return `${type} ${fingerprint(Buffer.from(encoded, 'base64'))}`;
}
