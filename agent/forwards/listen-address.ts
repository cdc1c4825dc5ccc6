/** Where the address outlives the agent. */
export type AddressStore = {
  load(): Promise<string | undefined>;
  save(address: string): Promise<void>;
};

/**
 * The one address of this machine that node ports listen on: the one that the server comes in by, since that is where users are told to go.
 * Never wider, and the loopback for the server's own machine.
 */
export type ListenAddress = {
  current(): string;
  /**
   * A controller has connected: at this address of the machine, or from the machine itself when it is undefined. Answers, once that is noted
   * durably, whether ports have to move.
   */
  follow(arrivedAt: string | undefined): Promise<boolean>;
};

export type ListenAddressOptions = {
  /** What the machine's administrator wants; then nothing else counts. */
  readonly configured: string | undefined;
  readonly store: AddressStore;
};

const loopback = '127.0.0.1';

export async function createListenAddress({configured, store}: ListenAddressOptions): Promise<ListenAddress> {
  let address = configured ?? (await store.load()) ?? loopback;
  return {
    current: () => address,
    async follow(arrivedAt) {
      const next = configured ?? arrivedAt ?? loopback;
      if (next === address) {
        return false;
      }

      address = next;
      await store.save(next);
      return true;
    },
  };
}
