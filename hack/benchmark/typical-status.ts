/** As a running workspace has it; no two rounds have the same. */
export function typicalStatus(round: number) {
  return {
    phase: 'Running' as const,
    node: 'local',
    observedAt: new Date(round * 1000).toISOString(),
    conditions: ['Scheduled', 'Provisioned', 'SshReady', 'ServicesHealthy', 'Ready'].map(type => ({
      type,
      status: 'True' as const,
      reason: 'AsDeclared',
      message: 'It is as it was declared.',
      lastTransitionTime: new Date(0).toISOString(),
    })),
  };
}
