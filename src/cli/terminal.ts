// What the terminal can show, decided from the environment and the stream: width, colour, signs. In: environment and
// stream. Out: the style that the renderers take. A stream that is no terminal gets plain text.
import picocolors from 'picocolors';
import type { TextStyle, Tone } from '../core/report/text/text-style.ts';

export interface OutputStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

const usualColumns = 80;

export function chooseStyle(stream: OutputStream, environment: Environment, isWide: boolean): TextStyle {
  const colors = picocolors.createColors(isColourWanted(stream, environment));
  const tones: Readonly<Record<Tone, (text: string) => string>> = {
    strong: colors.bold,
    dim: colors.dim,
    bad: (text) => colors.bold(colors.red(text)),
    good: colors.green,
    warn: colors.yellow,
    accent: colors.cyan,
  };
  return {
    width: chooseWidth(stream, environment),
    paint: (tone, text) => tones[tone](text),
    isAscii: isAsciiOnly(environment),
    isWide,
  };
}

/** For complaints. Into a file or a pipe a sentence goes in one line, so that it can be searched for. */
export function chooseErrorStyle(): TextStyle {
  const style = chooseStyle(process.stderr, process.env, false);
  return process.stderr.isTTY ? style : { ...style, width: Number.MAX_SAFE_INTEGER };
}

function chooseWidth(stream: OutputStream, environment: Environment): number {
  const own = stream.isTTY === true ? stream.columns : undefined;
  const told = Number(environment['COLUMNS'] ?? '');
  if (own !== undefined && own > 0) return own;
  return Number.isInteger(told) && told > 0 ? told : usualColumns;
}

/** NO_COLOR over FORCE_COLOR over CLICOLOR and TERM=dumb over whether it is a terminal (no-color.org, force-color.org). */
function isColourWanted(stream: OutputStream, environment: Environment): boolean {
  if ((environment['NO_COLOR'] ?? '') !== '') return false;
  const forced = environment['FORCE_COLOR'] ?? '';
  if (forced !== '') return forced !== '0' && forced !== 'false';
  if (environment['CLICOLOR'] === '0' || environment['TERM'] === 'dumb') return false;
  return stream.isTTY === true;
}

/**
 * Only where the locale says something other than UTF-8, or on Linux's own console, whose font lacks the signs. No locale
 * at all (a container, cron) is taken as UTF-8, as Python has done since PEP 538.
 */
function isAsciiOnly(environment: Environment): boolean {
  const locale = [environment['LC_ALL'], environment['LC_CTYPE'], environment['LANG']].find(
    (value) => value !== undefined && value !== '',
  );
  if (environment['TERM'] === 'linux') return true;
  return locale !== undefined && !/utf-?8/i.test(locale);
}
