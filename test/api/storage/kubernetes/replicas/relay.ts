import {connect} from 'node:net';
import process from 'node:process';

/** A program: passes bytes between its standard streams and the unix socket that it is given, as the agent's relay does. */
const socket = connect(process.argv[2] ?? '');
process.stdin.pipe(socket);
socket.pipe(process.stdout);
socket.on('error', () => process.exit(1));
socket.on('close', () => process.exit(0));
