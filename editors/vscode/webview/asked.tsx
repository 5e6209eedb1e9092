import type { PermissionRequest } from '../src/updates';
import { send } from './host';
import { t } from './l10n';
import { Question } from './question';

/** Whether a question has a place in a transcript: it is about a call of a turn. */
const isOfTurn = ({ sessionId, tool }: PermissionRequest): boolean => Boolean(sessionId) && !tool.startsWith('mazu.');

/**
 * What is asked and stands in no turn: whether a part of the project may be used, what to do with the user's own changes.
 * One at a time, and after those of the turn that is shown. A question of another conversation is answered there, and a line leads to it.
 */
export function Asked({ open, sessionId }: { open: PermissionRequest[]; sessionId: string | null }) {
  const inTurn = open.some((question) => isOfTurn(question) && question.sessionId === sessionId);
  const here = inTurn ? undefined : open.find((question) => !isOfTurn(question));
  const elsewhere = open.find((question) => isOfTurn(question) && question.sessionId !== sessionId);
  return (
    <>
      {elsewhere && (
        <div class="notice info" role="status">
          {t('Another conversation waits for you: {0}', elsewhere.title)}{' '}
          <button
            type="button"
            class="link"
            onClick={() => send({ type: 'command', command: 'mazu.openSession', arguments: [elsewhere.sessionId] })}
          >
            {t('show')}
          </button>
        </div>
      )}
      {here && (
        <div class="asked">
          <p>{here.title}</p>
          {here.tool === 'trust' && (
            <p class="about">
              <button type="button" class="link" onClick={() => send({ type: 'command', command: 'mazu.agent.focus' })}>
                {t('Read it in “Skills, Tools and Rules”')}
              </button>
            </p>
          )}
          {here.diff && here.detail && <p class="about">{here.detail}</p>}
          <Question key={here.callId} question={here} arguments={here.arguments ?? {}} />
        </div>
      )}
    </>
  );
}
