// One line about what is going on, on standard error, for a person who waits: only on a terminal, only when it takes longer
// than half a second, and gone when it is over. Standard output is never touched.

const silenceMs = 500;

export interface Progress {
  readonly report: (line: string) => void;
  readonly stop: () => void;
}

export function showProgress(stream: NodeJS.WriteStream): Progress {
  if (!stream.isTTY) return { report: () => undefined, stop: () => undefined };
  let line = '';
  let isShown = false;
  const draw = (): void => {
    isShown = true;
    const room = Math.max(10, stream.columns - 1);
    stream.write(`\r\u001b[K${line.slice(0, room)}`);
  };
  const timer = setTimeout(draw, silenceMs);
  timer.unref();
  return {
    report: (text) => {
      line = text.replace(/\p{Cc}/gu, ' ');
      if (isShown) draw();
    },
    stop: () => {
      clearTimeout(timer);
      if (isShown) stream.write('\r\u001b[K');
      isShown = false;
    },
  };
}
