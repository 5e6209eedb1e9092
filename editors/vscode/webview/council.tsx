import { render } from 'preact';
import type { FromCouncil, ToCouncil } from '../src/panels/messages';
import type { CouncilResult } from '../src/protocol';
import { connect } from './page';
import { t } from './l10n';
import { Markdown } from './prose';
import { money, tokens } from './words';

const root = document.getElementById('root') as HTMLElement;

const send = connect<ToCouncil, FromCouncil>((message) =>
  render(message.type === 'asked' ? <Waiting question={message.question} /> : <Council {...message.result} />, root),
);

function Waiting({ question }: { question: string }) {
  return (
    <div class="council">
      <h1>{question}</h1>
      <p role="status">
        {t('The council is running: each model answers independently, then one compares the answers.')}
      </p>
    </div>
  );
}

function Council({ question, answers, lead, synthesis, dissent, usage, error: none }: CouncilResult) {
  return (
    <div class="council">
      <h1>{question}</h1>
      <section class="synthesis" aria-label={t('Synthesis')}>
        <div class="head">
          <span class="who">{t('Synthesis')}</span>
          {!none && (
            <>
              <span class="about">{t('compared by {0} · {1}', lead, money(usage.costUsd, usage.estimated))}</span>
              <span class="council-tools">
                <button type="button" class="primary" onClick={() => send({ type: 'remember' })}>
                  {t('Remember as a decision')}
                </button>
                <button type="button" class="secondary" onClick={() => send({ type: 'copy', text: synthesis })}>
                  {t('Copy')}
                </button>
              </span>
            </>
          )}
        </div>
        {none ? (
          <p class="ended error">
            {none.message} {none.hint}
          </p>
        ) : (
          <Markdown text={synthesis} streaming={false} />
        )}
        {dissent && (
          <>
            <h2>{t('Dissent')}</h2>
            <Markdown text={dissent} streaming={false} />
          </>
        )}
      </section>
      <div class="members">
        {answers.map(({ model, reply, error, usage: spent }) => (
          <section key={model} aria-label={model}>
            <div class="head">
              <span class="who">{model.replace(/^[^:]*:/, '')}</span>
              <span class="about">
                {spent &&
                  t(
                    '{0} tokens · {1}',
                    tokens(spent.inputTokens + spent.outputTokens),
                    money(spent.costUsd, spent.estimated),
                  )}
              </span>
            </div>
            {error ? <p class="ended error">{error.message}</p> : <Markdown text={reply} streaming={false} />}
          </section>
        ))}
      </div>
    </div>
  );
}

document.addEventListener('click', (event) => {
  const target = event.target as HTMLElement;
  const href = target.closest('a')?.getAttribute('href');
  if (href) {
    event.preventDefault();
    send({ type: 'openLink', href });
  } else if (target.closest('button[data-copy]')) {
    send({ type: 'copy', text: target.closest('.code')?.querySelector('code')?.textContent ?? '' });
  }
});
send({ type: 'ready' });
