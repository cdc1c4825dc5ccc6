import type {Client} from '../../api/client/client.ts';
import type {SetupNodeRequest, StepFinished} from '../../api/node-setup/messages.ts';
import type {Cli} from '../cli.ts';
import {connect} from '../connect.ts';
import {CliError} from '../exit-code.ts';
import {createFailureAnswers} from '../node/answer-failure.ts';
import type {StepOutcome} from '../node/follow-steps.ts';
import {createStepHistory} from '../node/follow-steps.ts';
import {checkStepsOutput, printSteps} from '../node/print-steps.ts';
import type {NodeAddOptions} from '../node/setup-request.ts';
import {setupRequest} from '../node/setup-request.ts';
import {createStepProgress} from '../node/step-progress.ts';

type Target = {readonly name: string; readonly address: string};

/**
 * Makes a node of a machine, or repairs one: the server does it, step by step, and this shows it, has the host key compared, and sees to it that the server
 * is let in. Throws CliError when a step fails.
 */
export async function addNode(cli: Cli, target: Target, options: NodeAddOptions): Promise<void> {
  const {name, address} = target;
  const {output} = options;
  checkStepsOutput(output);
  const request = setupRequest(address, options);
  await using client = await connect(cli);
  const outcome = await setUp(cli, {client, target, request, options});
  if (!outcome.ok) {
    printSteps(cli, {name, outcome, output, onlyData: true});
    throw failureOf(name, outcome);
  }

  const text = `node/${name} is Ready (${(outcome.milliseconds / 1000).toFixed(1)} s)`;
  printSteps(cli, {name, outcome, output, text});
}

type Work = {
  readonly client: Client;
  readonly target: Target;
  readonly request: SetupNodeRequest;
  readonly options: NodeAddOptions;
};

/** Asks the server again and again, each time with what the last attempt was short of. */
async function setUp(cli: Cli, {client, target, request: first, options}: Work): Promise<StepOutcome> {
  const history = createStepHistory();
  const answers = createFailureAnswers(cli, target.address, options);
  const started = cli.clock.now();
  let request = first;
  for (;;) {
    let failure: StepFinished | undefined;
    using progress = createStepProgress(cli, {to: 'stderr', isKnown: history.isKnown});
    const outcome = await history.follow(
      client.nodes.setUp(target.name, request, {signal: cli.signal}),
      progress,
      failed => {
        failure = answers.canAnswer(failed, request) ? failed : undefined;
        return failure !== undefined;
      },
    );
    if (failure === undefined) {
      return {...outcome, milliseconds: Math.round(cli.clock.now() - started)};
    }

    progress[Symbol.dispose]();
    request = await answers.answer(failure, request, outcome.steps);
  }
}

function failureOf(name: string, {steps}: StepOutcome): CliError {
  const failed = steps.find(({outcome}) => outcome === 'failed');
  const isDeclared = steps.some(({step}) => step === 'Ready');
  const isRefused = failed?.code === 'HostKeyChanged' || failed?.code === 'HostKeyUnknown';
  return new CliError(
    isRefused ? 'refused' : 'failed',
    isDeclared ? `node ${name} is not Ready yet` : `node ${name} was not added: ${failed?.message}`,
    steps.some(({step, outcome}) => outcome === 'changed' && step !== 'HostKey')
      ? {hint: 'Run the same command again once that is mended: what was done is kept.'}
      : {},
  );
}
