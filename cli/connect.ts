import type {Client} from '../api/client/client.ts';
import {createClient} from '../api/client/client.ts';
import type {Cli} from './cli.ts';
import {findToken, serverAddress} from './server-address.ts';

/** A client of the server that this command line talks to. The caller disposes of it. */
export async function connect(cli: Pick<Cli, 'home' | 'env' | 'version'>): Promise<Client> {
  const address = await serverAddress(cli);
  const token = await findToken(cli, address);
  return createClient({
    url: address.url,
    userAgent: `nexus/${cli.version}`,
    ...(token === undefined ? {} : {token}),
    ...(address.ca === undefined ? {} : {ca: address.ca}),
  });
}
