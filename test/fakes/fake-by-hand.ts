import type {Clock} from '../../api/effects/clock.ts';
import type {ByHand} from '../contracts/driver/suite.ts';
import type {FakeBackend, FakeInstance} from './fake-backend.ts';

/** What somebody with the backend's own command line does to a fake backend. */
export function fakeByHand(backend: FakeBackend, clock: Clock): ByHand {
  function change(name: string, action: (instance: FakeInstance) => void): void {
    const instance = backend.instances.get(name);
    if (instance === undefined) throw new Error(`there is no ${name}`);
    action(instance);
    backend.tell(instance.uid);
  }

  return {
    async start(name) {
      change(name, backend.start);
    },

    async stop(name) {
      change(name, backend.stop);
    },

    async freeze(name) {
      change(name, instance => {
        instance.state = 'Frozen';
      });
    },

    async rename(name, to) {
      change(name, instance => backend.rename(instance, to));
    },

    async delete(name) {
      change(name, backend.remove);
    },

    async copy(name, to) {
      change(name, instance => {
        const copy = {...instance, name: to, isCopy: true, state: 'Stopped' as const, createdAt: clock.now()};
        backend.instances.set(to, {...copy, files: new Map(instance.files), processes: new Set()});
      });
    },

    async createForeign(name) {
      backend.instances.set(name, {
        name,
        uid: undefined,
        state: 'Stopped',
        createdAt: clock.now(),
        image: 'nexus/base',
        specHash: '',
        address: '',
        hostKey: '',
        limits: {cpus: 1, memory: 2 ** 28, disk: 2 ** 30},
        authorizedKeys: [],
        needsProvisioning: false,
        isCopy: false,
        files: new Map(),
        processes: new Set(),
      });
      backend.tell(undefined);
    },

    async stateOf(name) {
      return backend.instances.get(name)?.state;
    },
  };
}
