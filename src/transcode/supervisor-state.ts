// The states of a supervised FFmpeg, with a table of legal transitions.
import { StateMachine } from '../protocols/state-machine.js';

/**
 * ```
 * idle, backing-off, replacing ──start──▶ waiting ──first picture known──▶ starting      (only with regular key frames)
 * idle ──start──▶ starting ──first output──▶ running
 *                  ▲ ▲  │                       │
 *     delay is over│ │  └──────process gone─────┤
 *                  │ └─ replacing ◀─replacePlan─┤
 *                  └───── backing-off ◀─────────┤
 *                                               └──too many failures──▶ failed
 * starting, running, replacing ──stop──▶ stopping ──pipes at their end──▶ stopped ◀──stop── idle, backing-off
 * ```
 */
export type SupervisorState =
  | 'idle'
  | 'waiting'
  | 'starting'
  | 'running'
  | 'replacing'
  | 'backing-off'
  | 'stopping'
  | 'stopped'
  | 'failed';

export function supervisorStateMachine(): StateMachine<SupervisorState> {
  return new StateMachine<SupervisorState>('transcode supervisor', 'idle', {
    idle: ['waiting', 'starting', 'stopped'],
    waiting: ['starting', 'stopped'],
    starting: ['running', 'replacing', 'backing-off', 'stopping', 'failed'],
    running: ['replacing', 'backing-off', 'stopping', 'failed'],
    replacing: ['waiting', 'starting', 'stopping', 'stopped'],
    'backing-off': ['waiting', 'starting', 'stopped'],
    stopping: ['stopped'],
    stopped: [],
    failed: [],
  });
}
