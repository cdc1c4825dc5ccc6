import {Readable} from 'node:stream';
import {buffer} from 'node:stream/consumers';
import type {ImportOptions, Transfer} from '../../agent/driver.ts';
import {DriverError} from '../../agent/driver.ts';
import {canonicalName} from '../../agent/instance-name.ts';
import type {Clock} from '../../api/effects/clock.ts';
import type {FakeBackend, FakeInstance} from './fake-backend.ts';
import type {Caller, FakeMethod} from './fake-call.ts';
import {toDriverInstance} from './fake-instance.ts';

/** What an instance holds that the fake itself knows nothing of, as something that JSON can carry. */
export type FakeInside = {
  pack(instance: FakeInstance): unknown;
  unpack(instance: FakeInstance, packed: unknown): void;
};

export type FakeTransferOptions = {
  readonly backend: FakeBackend;
  readonly called: Caller;
  readonly clock: Clock;
  readonly durationOf: (method: FakeMethod, uid: string) => number;
  readonly find: (uid: string) => FakeInstance | undefined;
  readonly freeAddress: (preference: string) => string;
  readonly inside: FakeInside | undefined;
};

type Packed = {
  readonly instance: Pick<
    FakeInstance,
    'image' | 'specHash' | 'hostKey' | 'limits' | 'authorizedKeys' | 'needsProvisioning'
  >;
  readonly files: readonly (readonly [string, {content: string; mode: number; uid: number; gid: number}])[];
  readonly inside: unknown;
};

export function createFakeTransfer(options: FakeTransferOptions): Transfer {
  const {backend, called, clock, durationOf, find, freeAddress, inside} = options;

  const need = (uid: string): FakeInstance => {
    const found = find(uid);
    if (found === undefined) throw new DriverError('NotFound', `there is no instance ${canonicalName(uid)}`);
    return found;
  };

  const clear = async (uid: string) => {
    const present = find(uid);
    if (present === undefined) return;
    if (present.incoming === undefined) {
      throw new DriverError('NotPermittedNow', `${present.name} is there already`);
    }
    backend.remove(present);
    backend.tell(uid);
  };

  const arrive = async ({uid, mark, limits}: ImportOptions, packed: Packed) => {
    const name = canonicalName(uid);
    if (backend.instances.has(name)) throw new DriverError('NotPermittedNow', `${name} already exists`);
    const made: FakeInstance = {
      ...packed.instance,
      ...(limits !== undefined && {limits}),
      name,
      uid,
      state: 'Stopped',
      createdAt: clock.now(),
      address: freeAddress(uid),
      hasRunElsewhere: true,
      incoming: {mark, complete: false},
      isCopy: false,
      files: new Map(
        packed.files.map(([path, file]) => [path, {...file, content: Buffer.from(file.content, 'base64')}]),
      ),
      processes: new Set(),
    };
    backend.instances.set(name, made);
    inside?.unpack(made, packed.inside);
    backend.tell(uid);
    await backend.operate(name, {
      duration: durationOf('import', uid),
      change() {
        if (backend.instances.get(name) === made) made.incoming = {mark, complete: true};
      },
    });
    return made;
  };

  return {
    format: 'fake',

    export: (uid, signal) =>
      called(
        {method: 'export', uid},
        async () => {
          const instance = need(uid);
          if (instance.state !== 'Stopped') {
            throw new DriverError('NotPermittedNow', `${instance.name} is ${instance.state}, not Stopped`);
          }
          const {image, specHash, hostKey, limits, authorizedKeys, needsProvisioning} = instance;
          const packed: Packed = {
            instance: {image, specHash, hostKey, limits, authorizedKeys, needsProvisioning},
            files: [...instance.files].map(([path, file]) => [
              path,
              {...file, content: Buffer.from(file.content).toString('base64')},
            ]),
            inside: inside?.pack(instance),
          };
          const bytes = Buffer.from(JSON.stringify(packed));
          return {
            attributes: {from: 'fake'},
            size: bytes.length,
            content: Readable.from(inPieces(bytes)),
          };
        },
        signal,
      ),

    import: (request, signal) => {
      const {uid, content} = request;
      return called(
        {method: 'import', uid},
        async () => {
          await backend.settle(canonicalName(uid));
          await clear(uid);
          let bytes: Buffer;
          try {
            bytes = await buffer(content);
          } catch (error) {
            throw new DriverError('Internal', 'the import was cut off', {cause: error});
          }
          try {
            const made = await arrive(request, JSON.parse(bytes.toString('utf8')));
            backend.tell(uid);
            return toDriverInstance(made);
          } catch (error) {
            if (!backend.down) await clear(uid).catch(() => {});
            throw error;
          }
        },
        signal,
      );
    },

    accept: uid =>
      called({method: 'accept', uid}, async () => {
        const instance = need(uid);
        instance.incoming = undefined;
        backend.tell(uid);
      }),
  };
}

/** A short one first, as they come from a wire. */
function* inPieces(bytes: Buffer): Iterable<Buffer> {
  yield bytes.subarray(0, 20);
  for (let start = 20; start < bytes.length; start += 65_536) yield bytes.subarray(start, start + 65_536);
}
