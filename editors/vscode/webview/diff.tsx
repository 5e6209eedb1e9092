import { memo } from './memo';
import { t } from './l10n';
import { diffLines } from './words';

const SHOWN = 400;
const NAMES = { '+': 'added', '-': 'removed', ' ': 'same', '@': 'place' };

/** A unified diff in the colours of the theme; the sign stands in front, so that it reads without colour. */
export const Diff = memo(({ diff }: { diff: string }) => {
  const lines = diffLines(diff);
  return (
    <pre class="diff" tabIndex={0} aria-label={t('Changes')}>
      {lines.slice(0, SHOWN).map(({ sign, text }, index) => (
        <span key={index} class={`line ${NAMES[sign]}`}>
          {sign === '@' ? `⋯ ${text}` : `${sign === '-' ? '−' : sign} ${text}`}
          {'\n'}
        </span>
      ))}
      {lines.length > SHOWN && <span class="line place">{t('⋯ {0} more lines', lines.length - SHOWN)}</span>}
    </pre>
  );
});
