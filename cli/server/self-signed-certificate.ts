import {generateKeyPairSync, sign} from 'node:crypto';
import {isIP} from 'node:net';
import type {Random} from '../../api/effects/random.ts';

export type CertificateRequest = {
  /** Names and addresses that it is for. */
  readonly hosts: readonly string[];
  /** Milliseconds since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly random: Random;
};

/** Both PEM. */
export type KeyedCertificate = {readonly certificate: string; readonly key: string};

/**
 * A certificate (X.509 v3, RFC 5280) of a new P-256 key, signed by that key: for clients that are given the certificate itself to trust. Libraries that make
 * certificates bring twenty packages with them for these few fields.
 */
export function selfSignedCertificate({
  hosts,
  notBefore,
  notAfter,
  random,
}: CertificateRequest): KeyedCertificate {
  const {privateKey, publicKey} = generateKeyPairSync('ec', {namedCurve: 'P-256'});
  const name = sequence(set(sequence(oid('2.5.4.3'), tagged(0x0c, Buffer.from('nexus')))));
  const serial = Buffer.from(random.bytes(16));
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  const algorithm = sequence(oid('1.2.840.10045.4.3.2'));
  const content = sequence(
    tagged(0xa0, integer(Buffer.from([2]))),
    integer(serial),
    algorithm,
    name,
    sequence(time(notBefore), time(notAfter)),
    name,
    publicKey.export({type: 'spki', format: 'der'}),
    tagged(0xa3, sequence(...extensions(hosts))),
  );
  const certificate = sequence(content, algorithm, bits(sign('sha256', content, privateKey)));
  return {
    certificate: pem('CERTIFICATE', certificate),
    key: privateKey.export({type: 'pkcs8', format: 'pem'}).toString(),
  };
}

function extensions(hosts: readonly string[]): Buffer[] {
  const yes = tagged(0x01, Buffer.from([0xff]));
  const extension = (id: string, value: Buffer, isCritical: boolean) =>
    sequence(oid(id), ...(isCritical ? [yes] : []), tagged(0x04, value));
  return [
    extension('2.5.29.19', sequence(yes), true),
    // digitalSignature and keyCertSign: the first and the sixth bit of eight.
    extension('2.5.29.15', tagged(0x03, Buffer.from([2, 0b1000_0100])), true),
    extension('2.5.29.37', sequence(oid('1.3.6.1.5.5.7.3.1')), false),
    extension('2.5.29.17', sequence(...hosts.map(alternativeName)), false),
  ];
}

function alternativeName(host: string): Buffer {
  return isIP(host) === 0 ? tagged(0x82, Buffer.from(host)) : tagged(0x87, addressBytes(host));
}

function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) {
    return Buffer.from(address.split('.').map(Number));
  }

  // The URL parser writes it without dots; at most one `::` stands for what is missing.
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const words = (text = '') => (text === '' ? [] : text.split(':').map(word => Number.parseInt(word, 16)));
  const [front, back] = [words(head), words(tail)];
  const all = [...front, ...Array<number>(8 - front.length - back.length).fill(0), ...back];
  return Buffer.from(all.flatMap(word => [word >> 8, word & 0xff]));
}

/** DER: a tag, how long what follows is, what follows. */
function tagged(tag: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const {length} = body;
  const size =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), body]);
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return tagged(0x30, ...parts);
}

function set(...parts: readonly Buffer[]): Buffer {
  return tagged(0x31, ...parts);
}

function integer(bytes: Buffer): Buffer {
  return tagged(0x02, bytes);
}

function bits(bytes: Buffer): Buffer {
  return tagged(0x03, Buffer.from([0]), bytes);
}

/** GeneralizedTime where UTCTime ends, as RFC 5280 has it. */
function time(milliseconds: number): Buffer {
  const text = `${new Date(milliseconds).toISOString().slice(0, 19).replaceAll(/[-:T]/g, '')}Z`;
  return Number(text.slice(0, 4)) < 2050
    ? tagged(0x17, Buffer.from(text.slice(2)))
    : tagged(0x18, Buffer.from(text));
}

function oid(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number);
  return tagged(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

function base128(value: number): number[] {
  const digits = [value & 0x7f];
  for (let left = value >> 7; left > 0; left >>= 7) {
    digits.unshift((left & 0x7f) | 0x80);
  }

  return digits;
}

function pem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
