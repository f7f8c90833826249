import { byId, setText } from './dom.ts';

export interface Question {
  readonly title: string;
  readonly text: string;
  /** What is done when the answer is yes: the button's text. */
  readonly act: string;
  /** Clients notice nothing of it. */
  readonly isHarmless?: boolean;
}

/** Asks before something is done that others will notice. */
export async function confirmed({ title, text, act, isHarmless = false }: Question): Promise<boolean> {
  const dialog = byId<HTMLDialogElement>('confirm');
  setText(byId('confirm-title'), title);
  setText(byId('confirm-text'), text);
  const button = byId('confirm-act');
  setText(button, act);
  button.className = isHarmless ? 'main-button' : 'danger-button';
  return (await answerOf(dialog)) === 'yes';
}

const TOKEN_TEXTS = {
  'to-look': 'This dashboard is open to those only who have its token.',
  'to-change': 'From a browser, nothing is changed without the token.',
  wrong: 'That was not the token.',
} as const;

/** @returns null when nothing was given */
export async function askToken(why: keyof typeof TOKEN_TEXTS): Promise<string | null> {
  const dialog = byId<HTMLDialogElement>('token');
  const field = byId<HTMLInputElement>('token-field');
  // No submit button: of those, Enter in the field takes the first.
  byId('token-cancel').onclick = () => dialog.close();
  setText(byId('token-why'), TOKEN_TEXTS[why]);
  field.value = '';
  const answer = await answerOf(dialog);
  const token = tokenIn(field.value.trim());
  field.value = '';
  return answer === 'yes' && token !== '' ? token : null;
}

/** Whoever copies the whole link has the token as well. */
function tokenIn(text: string): string {
  const [, hash] = /^https?:[^#]*#(.*)$/.exec(text) ?? [];
  return hash === undefined ? text : (new URLSearchParams(hash).get('token') ?? text);
}

/** Whoever waits for an answer of each dialog. */
const waiting = new WeakMap<HTMLDialogElement, (answer: string) => void>();

/** The value of the button that closed it; empty for Escape. */
function answerOf(dialog: HTMLDialogElement): Promise<string> {
  // 'close' comes some time after the closing: the dialog may be open again by then, for the next question.
  waiting.get(dialog)?.('');
  dialog.returnValue = '';
  dialog.showModal();
  return new Promise((resolve) => {
    const answer = (value: string): void => {
      dialog.removeEventListener('close', onClose);
      resolve(value);
    };
    const onClose = (): void => {
      if (!dialog.open) answer(dialog.returnValue);
    };
    dialog.addEventListener('close', onClose);
    waiting.set(dialog, answer);
  });
}
