/** Colours. They do no harm, and none is needed to read the text. */
const COLOUR = /\x1b\[[0-9;]*m/g;
/** Control bytes but the tab and the line break: on a terminal they would act, in a log hide or forge what stands there. */
const CONTROL = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/g;

/** Text that an app, or a client of it, had a say in, as it may be printed among our own. */
export function printable(text: string): string {
  return text.replace(COLOUR, '').replace(CONTROL, (byte) => `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
